// SPDX-License-Identifier: GPL-2.0
/* cpnsctl help: the usage, made from the table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

int cmd_help(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *c;

	(void)ctl;
	if (argc > 1 && argv[1]) {
		for (c = ctl_commands; c->name; c++)
			if (!strcmp(c->name, argv[1]))
				break;
		if (!c->name) {
			ctl_error("there is no command %s; try cpnsctl help", argv[1]);
			return CTL_USAGE;
		}
		printf("usage: cpnsctl [OPTION]... %s %s\n\n%s\n", c->name, c->args, c->help);
		return CTL_OK;
	}
	puts("usage: cpnsctl [OPTION]... [COMMAND [ARGUMENT]...]\n");
	for (c = ctl_commands; c->name; c++)
		printf("  %-9s %s\n            %s\n", c->name, c->args, c->help);
	puts("\n"
	     "  -j, --json           write JSON\n"
	     "  -v, --verbose        show what is zero or the default, too\n"
	     "  -i, --device DEVICE  where there are several\n"
	     "  -s, --socket PATH    control socket of the daemon, or of the registrar\n"
	     "      --colour WHEN    auto, always or never\n"
	     "      --save           peer: change the configuration file, too\n"
	     "  -V, --version        say the version\n"
	     "  -h, --help           this text\n"
	     "\n"
	     "PEER is a name of the configuration, an Entity ID, or the 16 digits of an EID.\n"
	     "Exit codes: 0 done, 1 failed, 2 usage, 3 no such device or peer,\n"
	     "4 not permitted, 5 no daemon, 6 refused, 7 try later. cpnsctl(8) says more.");
	return CTL_OK;
}
