// SPDX-License-Identifier: GPL-2.0
/* Options: those of all subcommands, and those that one of them adds. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "args.h"

#define GLOBAL_SHORT	"jvi:s:Vh"

enum { OWN_FIRST = 256 };	/* above all letters */

static const struct option global_long[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "device", required_argument, NULL, 'i' },
	{ "socket", required_argument, NULL, 's' },
	{ "colour", required_argument, NULL, 'C' },
	{ "color", required_argument, NULL, 'C' },
	{ "save", no_argument, NULL, 'S' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
};

static int parse_colour(const char *word, enum cpns_out_colour *colour)
{
	if (!strcmp(word, "auto"))
		*colour = CPNS_COLOUR_AUTO;
	else if (!strcmp(word, "always"))
		*colour = CPNS_COLOUR_ALWAYS;
	else if (!strcmp(word, "never"))
		*colour = CPNS_COLOUR_NEVER;
	else
		return -EINVAL;
	return 0;
}

static int take(struct ctl *ctl, int c, const char *value)
{
	switch (c) {
	case 'j':
		ctl->form = CPNS_OUT_JSON;
		break;
	case 'v':
		ctl->verbose = true;
		break;
	case 'i':
		ctl->device = value;
		break;
	case 's':
		ctl->socket = value;
		break;
	case 'C':
		if (!parse_colour(value, &ctl->colour))
			break;
		ctl_error("--colour is auto, always or never");
		return CTL_USAGE;
	case 'S':
		ctl->save = true;
		break;
	case 'V':
		puts("cpnsctl " CPNS_RELEASE);
		return CTL_OK;
	default:
		fputs("Try cpnsctl help\n", stderr);
		return CTL_USAGE;
	}
	return -1;
}

int args_global(struct ctl *ctl, int *argc, char ***argv)
{
	struct option longs[ARRAY_SIZE(global_long) + 1] = { 0 };
	int c, ret = -1;

	memcpy(longs, global_long, sizeof(global_long));
	while (ret < 0 && (c = getopt_long(*argc, *argv, "+" GLOBAL_SHORT, longs, NULL)) != -1)
		ret = c == 'h' ? cmd_help(ctl, *argc - optind + 1, *argv + optind - 1) :
				 take(ctl, c, optarg);
	*argc -= optind;
	*argv += optind;
	return ret;
}

int args_parse(struct ctl *ctl, const struct args_option *own, int *argc, char ***argv)
{
	struct option longs[ARGS_OWN_MAX + ARRAY_SIZE(global_long) + 1] = { 0 };
	char *name = **argv, *help[] = { name, name };
	int n, c, ret = -1;

	/* The first of two equal names counts: a subcommand may have its own. */
	for (n = 0; own && own[n].name; n++)
		longs[n] = (struct option){
			.name = own[n].name,
			.has_arg = own[n].value ? required_argument : no_argument,
			.val = OWN_FIRST + n,
		};
	memcpy(&longs[n], global_long, sizeof(global_long));
	optind = 0;
	while (ret < 0 && (c = getopt_long(*argc, *argv, GLOBAL_SHORT, longs, NULL)) != -1) {
		if (c == 'h') {
			ret = cmd_help(ctl, ARRAY_SIZE(help), help);
		} else if (c < OWN_FIRST) {
			ret = take(ctl, c, optarg);
		} else {
			if (own[c - OWN_FIRST].value)
				*own[c - OWN_FIRST].value = optarg;
			if (own[c - OWN_FIRST].flag)
				*own[c - OWN_FIRST].flag = true;
		}
	}
	*argc -= optind - 1;
	*argv += optind - 1;
	**argv = name;
	return ret;
}
