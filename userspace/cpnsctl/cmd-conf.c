// SPDX-License-Identifier: GPL-2.0
/* cpnsctl showconf, syncconf, setconf and reload: whole configurations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cpnsd/conf.h"
#include "../cpnsd/file.h"
#include "client.h"

int cmd_showconf(struct ctl *ctl, int argc, char **argv)
{
	struct cpns_dev dev;
	json_t *answer;
	int ret;

	if (argc != 1)
		return ctl_usage(argv[0]);
	ret = ctl_device(ctl, &dev);
	if (!ret)
		ret = client_require(ctl, dev.ifname, json_pack("{s:s}", "op", "showconf"),
				     &answer);
	if (ret)
		return ret;
	if (ctl->form == CPNS_OUT_JSON) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		fputs(json_string_value(json_object_get(answer, "text")), stdout);
	}
	json_decref(answer);
	return CTL_OK;
}

static int apply(struct ctl *ctl, int argc, char **argv, bool anew)
{
	struct cpns_dev dev;
	json_t *answer;
	char *text;
	size_t len;
	int ret;

	if (argc != 2)
		return ctl_usage(argv[0]);
	ret = ctl_device(ctl, &dev);
	if (ret)
		return ret;
	ret = file_read(argv[1], CONF_FILE_MAX, &text, &len, NULL);
	if (ret) {
		ctl_error("%s can't be read: %s", argv[1], strerror(-ret));
		return CTL_FAIL;
	}
	ret = client_require(ctl, dev.ifname,
			     json_pack("{s:s, s:s, s:b, s:s#}", "op", "apply", "name", argv[1],
				       "anew", anew, "text", text, len), &answer);
	free(text);
	if (!ret)
		json_decref(answer);
	return ret;
}

int cmd_syncconf(struct ctl *ctl, int argc, char **argv)
{
	return apply(ctl, argc, argv, false);
}

int cmd_setconf(struct ctl *ctl, int argc, char **argv)
{
	return apply(ctl, argc, argv, true);
}

int cmd_reload(struct ctl *ctl, int argc, char **argv)
{
	struct cpns_dev dev;
	json_t *answer;
	int ret;

	if (argc != 1)
		return ctl_usage(argv[0]);
	ret = ctl_device(ctl, &dev);
	if (!ret)
		ret = client_require(ctl, dev.ifname, json_pack("{s:s}", "op", "reload"),
				     &answer);
	if (!ret)
		json_decref(answer);
	return ret;
}
