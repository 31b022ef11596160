/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the subcommands of cpnsctl. */
#ifndef CPNSCTL_CTL_H
#define CPNSCTL_CTL_H

#include <stdbool.h>
#include <stddef.h>

#include <genl.h>
#include <output.h>

#include "../cpnsd/macros.h"

/** enum ctl_exit - exit codes, documented in cpnsctl(8) */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAIL = 1,
	CTL_USAGE = 2,
	CTL_NOT_FOUND = 3,	/* no such device or peer */
	CTL_PERMISSION = 4,
	CTL_NO_DAEMON = 5,
	CTL_REFUSED = 6,	/* by the daemon or the registrar; nothing changed */
	CTL_LATER = 7,		/* the registrar asks to try again later */
};

/**
 * struct ctl - options, and what the subcommands share
 * @form: how to write
 * @colour: when to colour
 * @verbose: show zeros, too
 * @save: change the configuration file, too
 * @device: device named with -i, or NULL
 * @socket: control socket named with -s, or NULL
 * @nl: socket for requests, opened by ctl_kernel()
 */
struct ctl {
	enum cpns_out_form	form;
	enum cpns_out_colour	colour;
	bool			verbose;
	bool			save;
	const char		*device;
	const char		*socket;
	struct cpns_nl		*nl;
};

/**
 * struct ctl_command - a subcommand
 * @name: its name
 * @run: does it; argv[0] is its name. Returns enum ctl_exit
 * @parses: it calls args_parse() itself, as it has options of its own
 * @args: its arguments, for the usage
 * @help: what it does
 */
struct ctl_command {
	const char	*name;
	int		(*run)(struct ctl *ctl, int argc, char **argv);
	bool		parses;
	const char	*args;
	const char	*help;
};

/** ctl_commands - all subcommands, ended by one without a name */
extern const struct ctl_command ctl_commands[];

int cmd_audit(struct ctl *ctl, int argc, char **argv);
int cmd_backup(struct ctl *ctl, int argc, char **argv);
int cmd_code(struct ctl *ctl, int argc, char **argv);
int cmd_dump(struct ctl *ctl, int argc, char **argv);
int cmd_enrol(struct ctl *ctl, int argc, char **argv);
int cmd_entity(struct ctl *ctl, int argc, char **argv);
int cmd_grant(struct ctl *ctl, int argc, char **argv);
int cmd_help(struct ctl *ctl, int argc, char **argv);
int cmd_key(struct ctl *ctl, int argc, char **argv);
int cmd_monitor(struct ctl *ctl, int argc, char **argv);
int cmd_peer(struct ctl *ctl, int argc, char **argv);
int cmd_registrar(struct ctl *ctl, int argc, char **argv);
int cmd_reload(struct ctl *ctl, int argc, char **argv);
int cmd_setconf(struct ctl *ctl, int argc, char **argv);
int cmd_show(struct ctl *ctl, int argc, char **argv);
int cmd_showconf(struct ctl *ctl, int argc, char **argv);
int cmd_stats(struct ctl *ctl, int argc, char **argv);
int cmd_status(struct ctl *ctl, int argc, char **argv);
int cmd_syncconf(struct ctl *ctl, int argc, char **argv);
int cmd_user(struct ctl *ctl, int argc, char **argv);
int cmd_whois(struct ctl *ctl, int argc, char **argv);
int cmd_why(struct ctl *ctl, int argc, char **argv);

/**
 * ctl_error() - a line on standard error
 * @fmt: as printf(), without a newline
 *
 * What could act on a terminal becomes '?': texts of others stand in it.
 */
__printf(1, 2)
void ctl_error(const char *fmt, ...);

/**
 * ctl_usage() - wrong arguments
 * @name: subcommand
 *
 * Return: CTL_USAGE
 */
int ctl_usage(const char *name);

/**
 * ctl_kernel() - open the socket for requests
 * @ctl: options
 *
 * Return: enum ctl_exit; an error has been told
 */
int ctl_kernel(struct ctl *ctl);

/**
 * ctl_refused() - tell that the kernel refused something
 * @ctl: options
 * @ret: -errno
 * @what: what was wanted, as the begin of a sentence
 *
 * Return: enum ctl_exit
 */
int ctl_refused(struct ctl *ctl, int ret, const char *what);

/**
 * ctl_devices() - the devices that are meant
 * @ctl: options
 * @name: device named as an argument, or NULL: that of -i, else all
 * @devs: result, for free()
 * @n: how many
 *
 * Return: enum ctl_exit; an error has been told, also where one is named that
 * is not there
 */
int ctl_devices(struct ctl *ctl, const char *name, struct cpns_dev **devs, size_t *n);

/**
 * ctl_device() - the one device that is meant
 * @ctl: options
 * @dev: result
 *
 * Return: enum ctl_exit; an error has been told
 */
int ctl_device(struct ctl *ctl, struct cpns_dev *dev);

#endif /* CPNSCTL_CTL_H */
