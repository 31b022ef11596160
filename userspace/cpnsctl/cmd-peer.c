// SPDX-License-Identifier: GPL-2.0
/*
 * cpnsctl peer: changes the peers of a running daemon. What it has is taken as
 * text, changed, and put in force again: the daemon finds the difference.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cpnsd/conf.h"
#include "../cpnsd/file.h"
#include "client.h"
#include "edit.h"

enum { VALUES_MAX = 64 };

/**
 * struct change - what is to be done to the text of a configuration
 * @action: add, set or del
 * @label: peer
 * @values: for add and set
 * @n: how many
 */
struct change {
	const char		*action;
	const char		*label;
	struct edit_value	values[VALUES_MAX];
	size_t			n;
};

static int apply_change(const struct change *c, const char *text, char **result)
{
	if (!strcmp(c->action, "add"))
		return edit_add_peer(text, c->label, c->values, c->n, result);
	if (!strcmp(c->action, "set"))
		return edit_set_peer(text, c->label, c->values, c->n, result);
	return edit_del_peer(text, c->label, result);
}

static int change_failed(const struct change *c, int ret)
{
	switch (ret) {
	case -EEXIST:
		ctl_error("there is a peer %s already: change it with peer set", c->label);
		return CTL_FAIL;
	case -ENOENT:
		ctl_error("there is no peer %s; cpnsctl showconf has the names", c->label);
		return CTL_NOT_FOUND;
	case -ENOTUNIQ:
		ctl_error("peer %s has several keys: change them in the configuration file",
			  c->label);
		return CTL_FAIL;
	default:
		ctl_error("%s", strerror(-ret));
		return CTL_FAIL;
	}
}

static int change_running(struct ctl *ctl, const struct cpns_dev *dev, const struct change *c)
{
	const char *text;
	json_t *answer;
	char *changed;
	json_int_t generation;
	int ret;

	ret = client_require(ctl, dev->ifname, json_pack("{s:s}", "op", "showconf"), &answer);
	if (ret)
		return ret;
	text = json_string_value(json_object_get(answer, "text"));
	generation = json_integer_value(json_object_get(answer, "generation"));
	ret = text ? apply_change(c, text, &changed) : -EPROTO;
	json_decref(answer);
	if (ret)
		return change_failed(c, ret);
	ret = client_require(ctl, dev->ifname,
			     json_pack("{s:s, s:s, s:I}", "op", "apply", "text", changed,
				       "generation", generation), &answer);
	free(changed);
	if (!ret)
		json_decref(answer);
	return ret;
}

/* Changes one file; returns -ENOENT where the peer is not in it. */
static int change_file(const char *path, const struct change *c, char **before, mode_t *mode)
{
	char *changed;
	size_t len;
	int ret;

	ret = file_read(path, CONF_FILE_MAX, before, &len, mode);
	if (ret == -ENOENT) {
		ctl_error("%s is gone", path);
		return -EIO;
	}
	if (!ret)
		ret = apply_change(c, *before, &changed);
	if (ret)
		return ret;
	ret = file_replace(path, changed, strlen(changed), *mode);
	free(changed);
	if (ret) {
		ctl_error("%s can't be written: %s", path, strerror(-ret));
		return ret == -ENOENT ? -EIO : ret;
	}
	return 0;
}

static int reload_or_restore(struct ctl *ctl, const struct cpns_dev *dev, const char *path,
			     const char *before, mode_t mode)
{
	json_t *answer;
	int ret, err;

	ret = client_require(ctl, dev->ifname, json_pack("{s:s}", "op", "reload"), &answer);
	if (!ret) {
		json_decref(answer);
		return CTL_OK;
	}
	err = file_replace(path, before, strlen(before), mode);
	if (err)
		ctl_error("%s is not as it was: %s", path, strerror(-err));
	else
		ctl_error("%s is as it was", path);
	return ret;
}

/*
 * The file is changed, and the daemon reads it; where it finds a fault the
 * file is put back. A new peer goes into the last file.
 */
static int change_saved(struct ctl *ctl, const struct cpns_dev *dev, const struct change *c)
{
	char *before = NULL;
	json_t *status, *files;
	const char *path = NULL;
	mode_t mode = 0644;
	size_t i, n;
	int ret;

	ret = client_require(ctl, dev->ifname, json_pack("{s:s}", "op", "status"), &status);
	if (ret)
		return ret;
	if (!json_is_true(json_object_get(status, "from_files")))
		ctl_error("note: what was changed without --save is dropped now");
	files = json_object_get(status, "files");
	n = json_array_size(files);
	i = !strcmp(c->action, "add") && n ? n - 1 : 0;
	ret = -ENOENT;
	for (; i < n && ret == -ENOENT; i++) {
		free(before);
		before = NULL;
		path = json_string_value(json_array_get(files, i));
		ret = change_file(path, c, &before, &mode);
	}
	if (ret)
		ret = ret == -EACCES || ret == -EPERM ? CTL_PERMISSION : change_failed(c, ret);
	else
		ret = reload_or_restore(ctl, dev, path, before, mode);
	free(before);
	json_decref(status);
	return ret;
}

static int parse_values(struct change *c, int argc, char **argv)
{
	char *equals;
	int i;

	for (i = 0; i < argc; i++) {
		equals = strchr(argv[i], '=');
		if (!equals || equals == argv[i] || strchr(argv[i], '\n')) {
			ctl_error("%.*s: write KEY=VALUE, with a key of [peer] in cpnsd.conf(5)",
				  equals ? (int)(equals - argv[i]) : 20, argv[i]);
			return CTL_USAGE;
		}
		if (c->n == VALUES_MAX) {
			ctl_error("more than %d values", VALUES_MAX);
			return CTL_USAGE;
		}
		*equals = 0;
		c->values[c->n].name = argv[i];
		c->values[c->n].value = equals + 1;
		c->n++;
	}
	return CTL_OK;
}

static int connect_peer(struct ctl *ctl, const struct cpns_dev *dev, const char *word)
{
	json_t *answer;
	int ret;

	ret = client_require(ctl, dev->ifname,
			     json_pack("{s:s, s:s}", "op", "connect", "peer", word), &answer);
	if (!ret)
		json_decref(answer);
	return ret;
}

static bool arguments_fit(const char *action, int argc)
{
	if (!strcmp(action, "add") || !strcmp(action, "set"))
		return argc >= 4;
	return argc == 3 && (!strcmp(action, "del") || !strcmp(action, "connect"));
}

int cmd_peer(struct ctl *ctl, int argc, char **argv)
{
	struct change c = { 0 };
	struct cpns_dev dev;
	int ret;

	if (argc < 2 || !arguments_fit(argv[1], argc))
		return ctl_usage(argv[0]);
	c.action = argv[1];
	c.label = argv[2];
	if (strpbrk(c.label, "\"\n")) {
		ctl_error("the name of a peer has no quotes in it");
		return CTL_USAGE;
	}
	ret = parse_values(&c, argc - 3, argv + 3);
	if (!ret)
		ret = ctl_device(ctl, &dev);
	if (ret)
		return ret;
	if (!strcmp(c.action, "connect"))
		return connect_peer(ctl, &dev, c.label);
	return ctl->save ? change_saved(ctl, &dev, &c) : change_running(ctl, &dev, &c);
}
