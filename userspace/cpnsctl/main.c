// SPDX-License-Identifier: GPL-2.0
/* cpnsctl: the table of subcommands, and what they share. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

const struct ctl_command ctl_commands[] = {
	{ "show", cmd_show, false, "[DEVICE [COLUMN]]",
	  "devices, peers and sessions; one column of all peers (default command)" },
	{ "dump", cmd_dump, false, "[DEVICE]", "the same, a line each, for scripts" },
	{ "stats", cmd_stats, false, "[DEVICE [PEER]]",
	  "counters, what was dropped by its cause" },
	{ "status", cmd_status, false, "[DEVICE]",
	  "the daemon, and what it does for each peer" },
	{ "why", cmd_why, false, "PEER",
	  "the last handshakes with a peer, and why they failed" },
	{ "whois", cmd_whois, true, "ADDRESS|EID|ENTITY",
	  "whose it is: Entity ID, User ID and role" },
	{ "monitor", cmd_monitor, false, "[DEVICE]", "what happens, as it happens" },
	{ "enrol", cmd_enrol, true,
	  "DEVICE --server https://HOST[:PORT] --entity ID --role pn-gw|pne --user USER|--code",
	  "get this device its key from the registrar; cpnsctl(8) has more options" },
	{ "code", cmd_code, true, "[DEVICE] [--role ROLE] | new --user USER [--role ROLE]",
	  "a one-time code with which a PNE enrols: of this device, or of the registrar" },
	{ "peer", cmd_peer, false, "add|set NAME KEY=VALUE... | del|connect NAME",
	  "change the peers of a running daemon; --save changes its file, too" },
	{ "key", cmd_key, false, "gen [FILE] | id", "make a key, or the name of one" },
	{ "showconf", cmd_showconf, false, "", "the configuration in force" },
	{ "syncconf", cmd_syncconf, false, "FILE",
	  "put a file in force, living sessions untouched" },
	{ "setconf", cmd_setconf, false, "FILE", "put a file in force, all sessions begin anew" },
	{ "reload", cmd_reload, false, "", "have the daemon read its own files again" },
	{ "user", cmd_user, true, "add|passwd|disable|enable|del USER | list",
	  "registrar: who may enrol entities" },
	{ "entity", cmd_entity, true, "list [--user USER] | show|revoke|rotate ENTITY",
	  "registrar: the entities that have enrolled" },
	{ "grant", cmd_grant, true,
	  "add ENTITY talk|relay|route|prefix ENTITY [--via PN-GW] [--prefixes LIST] | del N | list",
	  "registrar: who may talk to whom, beyond the default" },
	{ "audit", cmd_audit, true, "[--since TIME] [--limit N]",
	  "registrar: what was enrolled, granted, revoked and refused" },
	{ "backup", cmd_backup, true, "FILE", "registrar: a copy of its store" },
	{ "registrar", cmd_registrar, true, "", "registrar: how it does" },
	{ "help", cmd_help, false, "[COMMAND]", "this text, or that of a command" },
	{ NULL, NULL, false, NULL, NULL }
};

void ctl_error(const char *fmt, ...)
{
	char text[4096], *c;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "cpnsctl: %s\n", text);
}

int ctl_usage(const char *name)
{
	const struct ctl_command *c;

	for (c = ctl_commands; c->name; c++)
		if (!strcmp(c->name, name))
			fprintf(stderr, "usage: cpnsctl %s %s\n", c->name, c->args);
	return CTL_USAGE;
}

int ctl_refused(struct ctl *ctl, int ret, const char *what)
{
	char text[256];

	cpns_genl_error_text(ctl->nl, ret, text, sizeof(text));
	ctl_error("%s: %s", what, text);
	switch (ret) {
	case -EPERM:
	case -EACCES:
		return CTL_PERMISSION;
	case -ENODEV:
	case -ENOENT:
		return CTL_NOT_FOUND;
	default:
		return CTL_FAIL;
	}
}

int ctl_kernel(struct ctl *ctl)
{
	int ret;

	if (ctl->nl)
		return CTL_OK;
	ret = cpns_genl_open(&ctl->nl);
	if (!ret)
		return CTL_OK;
	if (ret == -ENOENT) {
		ctl_error("the kernel has no cpns: load the module (modprobe cpns)");
		return CTL_FAIL;
	}
	ctl_error("no netlink socket: %s", strerror(-ret));
	return ret == -EPERM ? CTL_PERMISSION : CTL_FAIL;
}

int ctl_devices(struct ctl *ctl, const char *name, struct cpns_dev **devs, size_t *n)
{
	size_t i, kept = 0;
	int ret;

	*devs = NULL;
	*n = 0;
	ret = ctl_kernel(ctl);
	if (ret)
		return ret;
	ret = cpns_dev_list(ctl->nl, devs, n);
	if (ret)
		return ctl_refused(ctl, ret, "the devices can't be read");
	if (!name)
		name = ctl->device;
	if (!name)
		return CTL_OK;
	for (i = 0; i < *n; i++)
		if (!strcmp((*devs)[i].ifname, name))
			(*devs)[kept++] = (*devs)[i];
	*n = kept;
	if (kept)
		return CTL_OK;
	ctl_error("there is no cpns device %s in this network namespace", name);
	free(*devs);
	*devs = NULL;
	return CTL_NOT_FOUND;
}

int ctl_device(struct ctl *ctl, struct cpns_dev *dev)
{
	struct cpns_dev *devs;
	size_t n;
	int ret;

	ret = ctl_devices(ctl, NULL, &devs, &n);
	if (ret)
		return ret;
	if (n == 1) {
		*dev = devs[0];
	} else if (n) {
		ctl_error("there are several devices: name one with -i DEVICE");
		ret = CTL_USAGE;
	} else {
		ctl_error("there is no cpns device in this network namespace");
		ret = CTL_NOT_FOUND;
	}
	free(devs);
	return ret;
}

int main(int argc, char **argv)
{
	char word[] = "show", *show[] = { word, NULL };
	struct ctl ctl = { .form = CPNS_OUT_TEXT };
	const struct ctl_command *c;
	int code;

	code = args_global(&ctl, &argc, &argv);
	if (code >= 0)
		return code;
	if (!argc) {
		argc = 1;
		argv = show;
	}
	for (c = ctl_commands; c->name; c++)
		if (!strcmp(c->name, argv[0]))
			break;
	if (!c->name) {
		ctl_error("there is no command %s; try cpnsctl help", argv[0]);
		return CTL_USAGE;
	}
	if (!c->parses)
		code = args_parse(&ctl, NULL, &argc, &argv);
	if (code < 0)
		code = c->run(&ctl, argc, argv);
	cpns_nl_close(ctl.nl);
	if (fflush(stdout) || ferror(stdout)) {
		ctl_error("the output can't be written");
		return code ? code : CTL_FAIL;
	}
	return code;
}
