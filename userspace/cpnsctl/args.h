/* SPDX-License-Identifier: GPL-2.0 */
/* Options: those of all subcommands, and those that one of them adds. */
#ifndef CPNSCTL_ARGS_H
#define CPNSCTL_ARGS_H

#include "ctl.h"

enum { ARGS_OWN_MAX = 20 };	/* options that a subcommand may add */

/**
 * struct args_option - an option of one subcommand
 * @name: without the dashes; NULL ends a list
 * @value: set to its value; NULL for an option without one
 * @flag: set where the option is given
 */
struct args_option {
	const char	*name;
	const char	**value;
	bool		*flag;
};

/**
 * args_global() - the options in front of the subcommand
 * @ctl: options, changed
 * @argc: arguments
 * @argv: of main(); moved on to the subcommand
 *
 * Return: -1 to go on, else enum ctl_exit to end with.
 */
int args_global(struct ctl *ctl, int *argc, char ***argv);

/**
 * args_parse() - the options behind the subcommand
 * @ctl: options, changed
 * @own: what the subcommand adds, or NULL
 * @argc: arguments; then those that are no options
 * @argv: argv[0] is the name of the subcommand, and stays so
 *
 * Return: -1 to go on, else enum ctl_exit to end with; an error has been told.
 */
int args_parse(struct ctl *ctl, const struct args_option *own, int *argc, char ***argv);

#endif /* CPNSCTL_ARGS_H */
