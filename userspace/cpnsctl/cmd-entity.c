// SPDX-License-Identifier: GPL-2.0
/* cpnsctl entity: the entities that have enrolled. */
#include <string.h>

#include "args.h"
#include "registrar.h"

int cmd_entity(struct ctl *ctl, int argc, char **argv)
{
	const char *user = NULL;
	const struct args_option own[] = {
		{ "user", &user, NULL },
		{ NULL, NULL, NULL }
	};
	int ret;

	ret = args_parse(ctl, own, &argc, &argv);
	if (ret >= 0)
		return ret;
	if (argc == 2 && !strcmp(argv[1], "list"))
		return registrar_show(ctl, json_pack("{s:s, s:s*}", "op", "entity-list", "user",
						     user), "entities",
				      "no entity has enrolled yet: cpnsctl enrol");
	if (argc != 3 || user)
		return ctl_usage(argv[0]);
	if (!strcmp(argv[1], "show"))
		return registrar_show(ctl, json_pack("{s:s, s:s}", "op", "entity-show", "entity",
						     argv[2]), NULL, NULL);
	if (!strcmp(argv[1], "revoke"))
		return registrar_do(ctl, json_pack("{s:s, s:s}", "op", "entity-revoke", "entity",
						   argv[2]),
				    "entity %s revoked: its sessions end now, and all its keys are void",
				    argv[2]);
	if (!strcmp(argv[1], "rotate"))
		return registrar_do(ctl, json_pack("{s:s, s:s}", "op", "entity-rotate", "entity",
						   argv[2]),
				    "entity %s gets a new EUKey over its session; the old one is good until then",
				    argv[2]);
	return ctl_usage(argv[0]);
}
