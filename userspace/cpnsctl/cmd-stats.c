// SPDX-License-Identifier: GPL-2.0
/* cpnsctl stats: counters by cause. */
#include <stdio.h>

#include "print.h"

static void peer_stats(struct ctl *ctl, struct cpns_out *out, const struct view *view,
		       const struct cpns_peer *peer)
{
	char title[CPNS_ENTITY_ID_MAX + 96], eid[CPNS_EID_TEXT];

	snprintf(title, sizeof(title), "peer %s", names_label(&view->names, peer->eid, eid));
	cpns_out_object_begin(out, NULL, title);
	cpns_out_string(out, "name", names_name(&view->names, peer->eid));
	cpns_out_eid(out, "eid", peer->eid);
	print_stats(ctl, out, "stats", &peer->stats);
	cpns_out_object_end(out);
}

static int device_stats(struct ctl *ctl, struct cpns_out *out, const struct view *view, void *arg)
{
	const char *word = arg;
	char title[IF_NAMESIZE + 16];
	bool found = !word;
	uint64_t eid = 0;
	size_t i;

	if (word && !names_find(&view->names, word, &eid)) {
		ctl_error("%s has no peer %s", view->dev.ifname, word);
		return CTL_NOT_FOUND;
	}
	snprintf(title, sizeof(title), "device %s", view->dev.ifname);
	cpns_out_object_begin(out, NULL, title);
	cpns_out_string(out, "device", view->dev.ifname);
	if (!word) {
		print_stats(ctl, out, "stats", &view->dev.stats);
		if (view->names.daemon)
			print_json(out, "handshake",
				   json_object_get(view->names.daemon, "counters"));
	}
	cpns_out_list_begin(out, "peers", NULL);
	for (i = 0; i < view->n_peers; i++) {
		if (word && view->peers[i].eid != eid)
			continue;
		found = true;
		peer_stats(ctl, out, view, &view->peers[i]);
	}
	cpns_out_list_end(out);
	cpns_out_object_end(out);
	if (found)
		return CTL_OK;
	ctl_error("%s has no peer %s", view->dev.ifname, word);
	return CTL_NOT_FOUND;
}

int cmd_stats(struct ctl *ctl, int argc, char **argv)
{
	if (argc > 3)
		return ctl_usage(argv[0]);
	return print_each(ctl, argc > 1 ? argv[1] : NULL, device_stats,
			  argc > 2 ? argv[2] : NULL);
}
