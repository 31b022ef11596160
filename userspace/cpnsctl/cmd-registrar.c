// SPDX-License-Identifier: GPL-2.0
/* cpnsctl registrar: how the registrar does. */
#include "args.h"
#include "registrar.h"

int cmd_registrar(struct ctl *ctl, int argc, char **argv)
{
	int ret;

	ret = args_parse(ctl, NULL, &argc, &argv);
	if (ret >= 0)
		return ret;
	if (argc != 1)
		return ctl_usage(argv[0]);
	return registrar_show(ctl, json_pack("{s:s}", "op", "status"), NULL, NULL);
}
