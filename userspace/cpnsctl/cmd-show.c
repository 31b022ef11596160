// SPDX-License-Identifier: GPL-2.0
/* cpnsctl show: devices, peers and sessions; or one column of all peers. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <codec.h>

#include "print.h"

/* The defaults of the protocol are shown where they are asked for. */
static bool wants(const struct ctl *ctl, bool differs)
{
	return differs || ctl->verbose || ctl->form == CPNS_OUT_JSON;
}

static void show_key(struct cpns_out *out, const struct cpns_key *key)
{
	char key_id[CPNS_KEY_ID_TEXT];

	cpns_hex_encode(key->key_id, sizeof(key->key_id), key_id);
	cpns_out_object_begin(out, NULL, cpns_slot_name(key->slot));
	cpns_out_string(out, "slot", cpns_slot_name(key->slot));
	cpns_out_string(out, "suite", cpns_suite_name(key->suite));
	cpns_out_bool(out, "initiator", key->initiator);
	cpns_out_hex32(out, "local_sid", key->sid_local);
	cpns_out_hex32(out, "remote_sid", key->sid_remote);
	cpns_out_string(out, "key_id", key_id);
	cpns_out_duration(out, "age", key->age_ms / 1000);
	cpns_out_duration(out, "rekey_after", key->soft_ms / 1000);
	cpns_out_duration(out, "ends_after", key->hard_ms / 1000);
	cpns_out_number(out, "tx_packets", key->tx_packets);
	if (key->has_rx)
		cpns_out_number(out, "rx_highest", key->rx_highest);
	else
		cpns_out_string(out, "rx_highest", NULL);
	cpns_out_number(out, "failed_tags", key->failed);
	cpns_out_bool(out, "confirmed", key->confirmed);
	cpns_out_bool(out, "soft_limit_reached", key->soft);
	cpns_out_object_end(out);
}

static void show_accept(struct cpns_out *out, const struct cpns_peer *peer)
{
	char text[32];

	if (peer->min_mode == CPNS_MODE_AUTH) {
		cpns_out_string(out, "accept", "auth");
		return;
	}
	snprintf(text, sizeof(text), peer->max_clear ? "clear:%u" : "encrypt",
		 peer->max_clear * CPNS_CLEAR_UNIT);
	cpns_out_string(out, "accept", text);
}

/* The interface is one of the namespace where the device was made. */
static const char *interface_name(uint32_t ifindex, char name[IF_NAMESIZE])
{
	if (!if_indextoname(ifindex, name))
		snprintf(name, IF_NAMESIZE, "%u", ifindex);
	return name;
}

static void show_pan(struct cpns_out *out, const struct cpns_peer *peer)
{
	char name[IF_NAMESIZE];

	if (!peer->pan_ifindex) {
		cpns_out_string(out, "secure_pan", NULL);
		return;
	}
	cpns_out_string(out, "secure_pan", interface_name(peer->pan_ifindex, name));
	print_endpoint(out, "secure_pan_address", &peer->pan.remote);
}

static void show_relay(struct ctl *ctl, struct cpns_out *out, const struct view *view,
		       const struct cpns_peer *peer)
{
	char eid[CPNS_EID_TEXT];

	if (wants(ctl, peer->relay_to))
		cpns_out_string(out, "relay_to", peer->relay_to ?
				names_label(&view->names, peer->relay_to, eid) : NULL);
	if (wants(ctl, peer->stats.value[CPNS_A_STATS_RELAY_PACKETS])) {
		cpns_out_number(out, "relayed_packets",
				peer->stats.value[CPNS_A_STATS_RELAY_PACKETS]);
		cpns_out_bytes(out, "relayed", peer->stats.value[CPNS_A_STATS_RELAY_BYTES]);
	}
}

static void show_peer(struct ctl *ctl, struct cpns_out *out, const struct view *view,
		      const struct cpns_peer *peer)
{
	const char *name = names_name(&view->names, peer->eid);
	const char *id = names_id(&view->names, peer->eid);
	const json_t *known = names_peer(&view->names, peer->eid);
	enum cpns_out_mood mood;
	const char *state = print_state(view, peer, &mood);
	char title[CPNS_ENTITY_ID_MAX + 96], eid[CPNS_EID_TEXT];
	size_t i;

	snprintf(title, sizeof(title), "peer %s", names_label(&view->names, peer->eid, eid));
	cpns_out_object_begin(out, NULL, title);
	cpns_out_string(out, "name", name);
	cpns_out_string(out, "id", id);
	cpns_out_eid(out, "eid", peer->eid);
	cpns_out_string(out, "role", json_string_value(json_object_get(known, "role")));
	cpns_out_state(out, "state", state, mood);
	print_endpoint(out, "endpoint", &peer->path.remote);
	cpns_out_age(out, "last_received", peer->has_last_rx, peer->last_rx / 1000);
	cpns_out_age(out, "last_sent", peer->has_last_tx, peer->last_tx / 1000);
	cpns_out_bytes(out, "received", peer->stats.value[CPNS_A_STATS_RX_BYTES]);
	cpns_out_bytes(out, "sent", peer->stats.value[CPNS_A_STATS_TX_BYTES]);
	if (wants(ctl, print_rx_drops(&peer->stats)))
		cpns_out_number(out, "rx_dropped", print_rx_drops(&peer->stats));
	if (wants(ctl, print_tx_drops(&peer->stats)))
		cpns_out_number(out, "tx_dropped", print_tx_drops(&peer->stats));
	if (wants(ctl, peer->queued))
		cpns_out_number(out, "queued", peer->queued);
	if (wants(ctl, peer->mtu))
		cpns_out_number(out, "path_mtu", peer->mtu);
	print_prefixes(ctl, out, "addresses", &peer->inner_src);
	print_prefixes(ctl, out, "allowed_dst", &peer->allowed_dst);
	if (wants(ctl, peer->min_mode != CPNS_MODE_ENCRYPT || peer->max_clear))
		show_accept(out, peer);
	if (wants(ctl, peer->flags & CPNS_PEER_FLAGS_MULTICAST))
		cpns_out_bool(out, "multicast", peer->flags & CPNS_PEER_FLAGS_MULTICAST);
	if (wants(ctl, peer->pan_ifindex))
		show_pan(out, peer);
	show_relay(ctl, out, view, peer);
	if (wants(ctl, peer->keepalive_interval))
		cpns_out_duration(out, "keepalive", peer->keepalive_interval / 1000);
	if (wants(ctl, peer->window != CPNS_WINDOW_DEFAULT))
		cpns_out_number(out, "window", peer->window);
	if (wants(ctl, view_current(view, peer->eid))) {
		cpns_out_list_begin(out, "keys", NULL);
		for (i = 0; i < view->n_keys; i++)
			if (view->keys[i].eid == peer->eid)
				show_key(out, &view->keys[i]);
		cpns_out_list_end(out);
	}
	if (ctl->form == CPNS_OUT_JSON)
		print_stats(ctl, out, "stats", &peer->stats);
	cpns_out_object_end(out);
}

static void show_class(struct cpns_out *out, const struct cpns_class *class)
{
	char mark[32];

	snprintf(mark, sizeof(mark), "0x%x/0x%x", class->mark, class->mask);
	cpns_out_object_begin(out, NULL, mark);
	cpns_out_number(out, "prio", class->prio);
	cpns_out_string(out, "mark", mark);
	cpns_out_string(out, "mode", class->mode == CPNS_MODE_AUTH ? "auth" : "encrypt");
	cpns_out_number(out, "clear_bytes", class->clear * CPNS_CLEAR_UNIT);
	cpns_out_object_end(out);
}

static int show_classes(struct ctl *ctl, struct cpns_out *out, const struct view *view)
{
	struct cpns_class *classes;
	size_t n, i;
	int ret;

	ret = cpns_class_list(ctl->nl, view->dev.ifindex, &classes, &n);
	if (ret)
		return ctl_refused(ctl, ret, "the classes can't be read");
	if (wants(ctl, n)) {
		cpns_out_list_begin(out, "classes", NULL);
		for (i = 0; i < n; i++)
			show_class(out, &classes[i]);
		cpns_out_list_end(out);
	}
	free(classes);
	return CTL_OK;
}

static void show_relay_pan(struct cpns_out *out, const struct cpns_dev *dev)
{
	char name[IF_NAMESIZE];
	size_t i;

	cpns_out_list_begin(out, "relay_pan", NULL);
	for (i = 0; i < dev->relay_pan.n; i++)
		cpns_out_string(out, NULL, interface_name(dev->relay_pan.ifindex[i], name));
	cpns_out_list_end(out);
}

static void show_daemon(struct cpns_out *out, const struct view *view)
{
	const json_t *daemon = view->names.daemon;
	int error = view->names.error;

	if (daemon)
		cpns_out_state(out, "daemon", "running", CPNS_MOOD_GOOD);
	else if (error == -EACCES || error == -EPERM)
		cpns_out_state(out, "daemon", "not permitted to ask", CPNS_MOOD_WARN);
	else if (view->dev.has_owner)
		cpns_out_state(out, "daemon", "running, elsewhere or silent", CPNS_MOOD_WARN);
	else
		cpns_out_state(out, "daemon", "not running", CPNS_MOOD_BAD);
}

static void show_address(struct cpns_out *out, const struct cpns_dev *dev)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (!dev->has_eid || !dev->has_prefix) {
		cpns_out_string(out, "overlay_address", NULL);
		return;
	}
	cpns_overlay_address(dev->overlay_prefix, dev->eid, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	cpns_out_string(out, "overlay_address", text);
}

static int show_device(struct ctl *ctl, struct cpns_out *out, const struct view *view, void *arg)
{
	const struct cpns_dev *dev = &view->dev;
	const json_t *entity = json_object_get(view->names.daemon, "entity");
	char title[IF_NAMESIZE + 16];
	size_t i;
	int ret;

	(void)arg;
	snprintf(title, sizeof(title), "device %s", dev->ifname);
	cpns_out_object_begin(out, NULL, title);
	cpns_out_string(out, "device", dev->ifname);
	cpns_out_string(out, "id", names_id(&view->names, dev->eid));
	cpns_out_string(out, "role", json_string_value(json_object_get(entity, "role")));
	if (dev->has_eid)
		cpns_out_eid(out, "eid", dev->eid);
	else
		cpns_out_string(out, "eid", NULL);
	show_address(out, dev);
	cpns_out_number(out, "listen_port", dev->listen_port);
	show_daemon(out, view);
	print_server(out, view->names.daemon);
	if (wants(ctl, dev->fwmark))
		cpns_out_number(out, "fwmark", dev->fwmark);
	if (wants(ctl, dev->bind_ifindex))
		cpns_out_number(out, "bind_ifindex", dev->bind_ifindex);
	if (wants(ctl, dev->relay_pan.n))
		show_relay_pan(out, dev);
	if (wants(ctl, dev->relays))
		cpns_out_number(out, "provisional_relays", dev->relays);
	if (wants(ctl, dev->stats.value[CPNS_A_STATS_RELAY_PACKETS])) {
		cpns_out_number(out, "relayed_packets",
				dev->stats.value[CPNS_A_STATS_RELAY_PACKETS]);
		cpns_out_bytes(out, "relayed", dev->stats.value[CPNS_A_STATS_RELAY_BYTES]);
	}
	if (wants(ctl, print_rx_drops(&dev->stats)))
		cpns_out_number(out, "rx_dropped", print_rx_drops(&dev->stats));
	if (wants(ctl, print_tx_drops(&dev->stats)))
		cpns_out_number(out, "tx_dropped", print_tx_drops(&dev->stats));
	if (ctl->form == CPNS_OUT_JSON)
		print_stats(ctl, out, "stats", &dev->stats);
	ret = show_classes(ctl, out, view);
	if (!ret)
		ret = print_relays(ctl, out, view);
	cpns_out_list_begin(out, "peers", NULL);
	for (i = 0; i < view->n_peers; i++)
		show_peer(ctl, out, view, &view->peers[i]);
	cpns_out_list_end(out);
	cpns_out_object_end(out);
	return ret;
}

/* One column */

#define COLUMN(name) \
	static void column_##name(struct ctl *ctl, struct cpns_out *out, \
				  const struct view *view, const struct cpns_peer *peer)
#define UNUSED	((void)ctl, (void)view)

COLUMN(id)
{
	(void)ctl;
	cpns_out_string(out, "id", names_id(&view->names, peer->eid));
}

COLUMN(eid)
{
	UNUSED;
	cpns_out_eid(out, "eid", peer->eid);
}

COLUMN(state)
{
	enum cpns_out_mood mood;

	(void)ctl;
	cpns_out_string(out, "state", print_state(view, peer, &mood));
}

COLUMN(endpoint)
{
	UNUSED;
	print_endpoint(out, "endpoint", &peer->path.remote);
}

COLUMN(last_received)
{
	UNUSED;
	cpns_out_age(out, "last_received", peer->has_last_rx, peer->last_rx / 1000);
}

COLUMN(last_sent)
{
	UNUSED;
	cpns_out_age(out, "last_sent", peer->has_last_tx, peer->last_tx / 1000);
}

COLUMN(transfer)
{
	UNUSED;
	cpns_out_bytes(out, "received", peer->stats.value[CPNS_A_STATS_RX_BYTES]);
	cpns_out_bytes(out, "sent", peer->stats.value[CPNS_A_STATS_TX_BYTES]);
}

COLUMN(packets)
{
	UNUSED;
	cpns_out_number(out, "rx_packets", peer->stats.value[CPNS_A_STATS_RX_PACKETS]);
	cpns_out_number(out, "tx_packets", peer->stats.value[CPNS_A_STATS_TX_PACKETS]);
}

COLUMN(drops)
{
	UNUSED;
	cpns_out_number(out, "rx_dropped", print_rx_drops(&peer->stats));
	cpns_out_number(out, "tx_dropped", print_tx_drops(&peer->stats));
}

COLUMN(addresses)
{
	(void)view;
	print_prefixes(ctl, out, "addresses", &peer->inner_src);
}

COLUMN(allowed_dst)
{
	(void)view;
	print_prefixes(ctl, out, "allowed_dst", &peer->allowed_dst);
}

COLUMN(keepalive)
{
	UNUSED;
	cpns_out_duration(out, "keepalive", peer->keepalive_interval / 1000);
}

COLUMN(mtu)
{
	UNUSED;
	if (peer->mtu)
		cpns_out_number(out, "path_mtu", peer->mtu);
	else
		cpns_out_string(out, "path_mtu", NULL);
}

COLUMN(suite)
{
	const struct cpns_key *key = view_current(view, peer->eid);

	(void)ctl;
	cpns_out_string(out, "suite", key ? cpns_suite_name(key->suite) : NULL);
}

COLUMN(sid)
{
	const struct cpns_key *key = view_current(view, peer->eid);

	(void)ctl;
	if (key)
		cpns_out_hex32(out, "local_sid", key->sid_local);
	else
		cpns_out_string(out, "local_sid", NULL);
}

COLUMN(age)
{
	const struct cpns_key *key = view_current(view, peer->eid);

	(void)ctl;
	cpns_out_age(out, "session_age", key, key ? key->age_ms / 1000 : 0);
}

static const struct column {
	const char	*name;
	void		(*show)(struct ctl *ctl, struct cpns_out *out,
				const struct view *view, const struct cpns_peer *peer);
} columns[] = {
	{ "id", column_id },
	{ "eid", column_eid },
	{ "state", column_state },
	{ "endpoint", column_endpoint },
	{ "last-received", column_last_received },
	{ "last-sent", column_last_sent },
	{ "transfer", column_transfer },
	{ "packets", column_packets },
	{ "drops", column_drops },
	{ "addresses", column_addresses },
	{ "allowed-dst", column_allowed_dst },
	{ "keepalive", column_keepalive },
	{ "mtu", column_mtu },
	{ "suite", column_suite },
	{ "sid", column_sid },
	{ "age", column_age },
	{ NULL, NULL }
};

static int show_column(struct ctl *ctl, struct cpns_out *out, const struct view *view, void *arg)
{
	const struct column *column = arg;
	char eid[CPNS_EID_TEXT];
	size_t i;

	for (i = 0; i < view->n_peers; i++) {
		const struct cpns_peer *peer = &view->peers[i];

		cpns_out_row_begin(out, NULL);
		cpns_out_string(out, "peer", names_label(&view->names, peer->eid, eid));
		column->show(ctl, out, view, peer);
		cpns_out_row_end(out);
	}
	return CTL_OK;
}

int cmd_show(struct ctl *ctl, int argc, char **argv)
{
	const struct column *c;

	if (argc > 3)
		return ctl_usage(argv[0]);
	if (argc < 3)
		return print_each(ctl, argc > 1 ? argv[1] : NULL, show_device, NULL);
	for (c = columns; c->name; c++)
		if (!strcmp(c->name, argv[2]))
			break;
	if (!c->name) {
		fprintf(stderr, "cpnsctl: there is no column %s; there are:", argv[2]);
		for (c = columns; c->name; c++)
			fprintf(stderr, " %s", c->name);
		fputc('\n', stderr);
		return CTL_USAGE;
	}
	/* Lines for scripts, with the name of the peer first. */
	if (ctl->form == CPNS_OUT_TEXT)
		ctl->form = CPNS_OUT_TSV;
	return print_each(ctl, argv[1], show_column, (void *)c);
}
