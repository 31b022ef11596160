// SPDX-License-Identifier: GPL-2.0
/* cpnsctl grant: who may talk to whom, beyond the default. */
#include <stdlib.h>
#include <string.h>

#include <text.h>

#include "args.h"
#include "registrar.h"

/* "10.9.0.0/16,fd00::/64" as a list; NULL where one of them is no prefix. */
static json_t *prefix_list(const char *text)
{
	char *copy = strdup(text), *save = NULL, *word;
	json_t *list = json_array();
	struct cpns_prefix prefix;

	for (word = copy ? strtok_r(copy, ", ", &save) : NULL; word;
	     word = strtok_r(NULL, ", ", &save)) {
		if (cpns_prefix_parse(word, &prefix)) {
			ctl_error("%s is no prefix: write 10.9.0.0/16 or fd00::/64, no host bits",
				  word);
			free(copy);
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, json_string(word));
	}
	free(copy);
	return list;
}

static int add(struct ctl *ctl, char **argv, const char *via, const char *prefixes)
{
	const char *subject = argv[2], *object = argv[4], *what = argv[3];
	json_t *request, *list = NULL;

	if (strcmp(what, "talk") && strcmp(what, "relay") && strcmp(what, "route") &&
	    strcmp(what, "prefix")) {
		ctl_error("a grant is talk, relay, route or prefix, not %s", what);
		return CTL_USAGE;
	}
	if (!strcmp(what, "route") != !!via) {
		ctl_error("route wants --via PN-GW, which both PNE reach; the others go without");
		return CTL_USAGE;
	}
	if (!strcmp(what, "prefix") != !!prefixes) {
		ctl_error("prefix wants --prefixes LIST, behind the PN GW; the others go without");
		return CTL_USAGE;
	}
	if (prefixes) {
		list = prefix_list(prefixes);
		if (!list)
			return CTL_USAGE;
	}
	request = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:o*}", "op", "grant-add",
			    "subject", subject, "object", object, "what", what, "via", via,
			    "prefixes", list);
	return registrar_do(ctl, request, "granted: %s %s %s", subject, what, object);
}

static int del(struct ctl *ctl, const char *number)
{
	uint64_t id;

	if (cpns_u64_parse(number, 1, INT64_MAX, &id)) {
		ctl_error("%s is no number of a grant: cpnsctl grant list shows them", number);
		return CTL_USAGE;
	}
	return registrar_do(ctl, json_pack("{s:s, s:I}", "op", "grant-del", "grant",
					   (json_int_t)id),
			    "grant %s is gone, and what it allowed ends now", number);
}

int cmd_grant(struct ctl *ctl, int argc, char **argv)
{
	const char *via = NULL, *prefixes = NULL;
	const struct args_option own[] = {
		{ "via", &via, NULL },
		{ "prefixes", &prefixes, NULL },
		{ NULL, NULL, NULL }
	};
	int ret;

	ret = args_parse(ctl, own, &argc, &argv);
	if (ret >= 0)
		return ret;
	if (argc == 5 && !strcmp(argv[1], "add"))
		return add(ctl, argv, via, prefixes);
	if (via || prefixes)
		return ctl_usage(argv[0]);
	if (argc == 3 && !strcmp(argv[1], "del"))
		return del(ctl, argv[2]);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return registrar_show(ctl, json_pack("{s:s}", "op", "grant-list"), "grants",
				      "nothing is granted beyond the default");
	return ctl_usage(argv[0]);
}
