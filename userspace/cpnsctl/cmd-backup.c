// SPDX-License-Identifier: GPL-2.0
/* cpnsctl backup: a copy of the registrar's store. */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "args.h"
#include "registrar.h"

int cmd_backup(struct ctl *ctl, int argc, char **argv)
{
	char path[PATH_MAX], cwd[PATH_MAX];
	int ret;

	ret = args_parse(ctl, NULL, &argc, &argv);
	if (ret >= 0)
		return ret;
	if (argc != 2)
		return ctl_usage(argv[0]);
	/* The registrar has another working directory. */
	if (argv[1][0] == '/')
		ret = snprintf(path, sizeof(path), "%s", argv[1]);
	else if (getcwd(cwd, sizeof(cwd)))
		ret = snprintf(path, sizeof(path), "%s/%s", cwd, argv[1]);
	else
		ret = -1;
	if (ret < 0 || (size_t)ret >= sizeof(path)) {
		ctl_error("%s can't be a file: name it with its whole path", argv[1]);
		return CTL_FAIL;
	}
	return registrar_do(ctl, json_pack("{s:s, s:s}", "op", "backup", "path", path),
			    "the store is in %s; it is of use with the wrapping key only: keep a copy of that elsewhere",
			    path);
}
