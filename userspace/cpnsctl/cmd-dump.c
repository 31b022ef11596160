// SPDX-License-Identifier: GPL-2.0
/* cpnsctl dump: a line for each device, peer and key. */
#include <codec.h>

#include "print.h"

/* The columns are documented in cpnsctl(8): new ones go to the end only. */

static void dump_device(struct cpns_out *out, const struct view *view)
{
	const struct cpns_dev *dev = &view->dev;

	cpns_out_row_begin(out, NULL);
	cpns_out_string(out, "type", "device");
	cpns_out_string(out, "device", dev->ifname);
	cpns_out_string(out, "id", names_id(&view->names, dev->eid));
	if (dev->has_eid)
		cpns_out_eid(out, "eid", dev->eid);
	else
		cpns_out_string(out, "eid", NULL);
	cpns_out_number(out, "listen_port", dev->listen_port);
	cpns_out_bool(out, "daemon", dev->has_owner);
	cpns_out_number(out, "peers", dev->peers);
	cpns_out_number(out, "rx_packets", dev->stats.value[CPNS_A_STATS_RX_PACKETS]);
	cpns_out_bytes(out, "rx_bytes", dev->stats.value[CPNS_A_STATS_RX_BYTES]);
	cpns_out_number(out, "rx_dropped", print_rx_drops(&dev->stats));
	cpns_out_number(out, "tx_packets", dev->stats.value[CPNS_A_STATS_TX_PACKETS]);
	cpns_out_bytes(out, "tx_bytes", dev->stats.value[CPNS_A_STATS_TX_BYTES]);
	cpns_out_number(out, "tx_dropped", print_tx_drops(&dev->stats));
	cpns_out_row_end(out);
}

static void dump_peer(struct cpns_out *out, const struct view *view,
		      const struct cpns_peer *peer)
{
	enum cpns_out_mood mood;

	cpns_out_row_begin(out, NULL);
	cpns_out_string(out, "type", "peer");
	cpns_out_string(out, "device", view->dev.ifname);
	cpns_out_string(out, "name", names_name(&view->names, peer->eid));
	cpns_out_string(out, "id", names_id(&view->names, peer->eid));
	cpns_out_eid(out, "eid", peer->eid);
	cpns_out_string(out, "state", print_state(view, peer, &mood));
	print_endpoint(out, "endpoint", &peer->path.remote);
	cpns_out_age(out, "last_received", peer->has_last_rx, peer->last_rx / 1000);
	cpns_out_age(out, "last_sent", peer->has_last_tx, peer->last_tx / 1000);
	cpns_out_number(out, "rx_packets", peer->stats.value[CPNS_A_STATS_RX_PACKETS]);
	cpns_out_bytes(out, "rx_bytes", peer->stats.value[CPNS_A_STATS_RX_BYTES]);
	cpns_out_number(out, "rx_dropped", print_rx_drops(&peer->stats));
	cpns_out_number(out, "tx_packets", peer->stats.value[CPNS_A_STATS_TX_PACKETS]);
	cpns_out_bytes(out, "tx_bytes", peer->stats.value[CPNS_A_STATS_TX_BYTES]);
	cpns_out_number(out, "tx_dropped", print_tx_drops(&peer->stats));
	cpns_out_number(out, "queued", peer->queued);
	cpns_out_row_end(out);
}

static void dump_key(struct cpns_out *out, const struct view *view, const struct cpns_key *key)
{
	char key_id[CPNS_KEY_ID_TEXT];

	cpns_hex_encode(key->key_id, sizeof(key->key_id), key_id);
	cpns_out_row_begin(out, NULL);
	cpns_out_string(out, "type", "key");
	cpns_out_string(out, "device", view->dev.ifname);
	cpns_out_string(out, "name", names_name(&view->names, key->eid));
	cpns_out_eid(out, "eid", key->eid);
	cpns_out_string(out, "slot", cpns_slot_name(key->slot));
	cpns_out_string(out, "suite", cpns_suite_name(key->suite));
	cpns_out_hex32(out, "local_sid", key->sid_local);
	cpns_out_hex32(out, "remote_sid", key->sid_remote);
	cpns_out_bool(out, "initiator", key->initiator);
	cpns_out_string(out, "key_id", key_id);
	cpns_out_age(out, "age", true, key->age_ms / 1000);
	cpns_out_number(out, "tx_packets", key->tx_packets);
	if (key->has_rx)
		cpns_out_number(out, "rx_highest", key->rx_highest);
	else
		cpns_out_string(out, "rx_highest", NULL);
	cpns_out_number(out, "failed_tags", key->failed);
	cpns_out_bool(out, "confirmed", key->confirmed);
	cpns_out_row_end(out);
}

static int dump(struct ctl *ctl, struct cpns_out *out, const struct view *view, void *arg)
{
	size_t i;

	(void)ctl;
	(void)arg;
	dump_device(out, view);
	for (i = 0; i < view->n_peers; i++)
		dump_peer(out, view, &view->peers[i]);
	for (i = 0; i < view->n_keys; i++)
		dump_key(out, view, &view->keys[i]);
	return CTL_OK;
}

int cmd_dump(struct ctl *ctl, int argc, char **argv)
{
	if (argc > 2)
		return ctl_usage(argv[0]);
	if (ctl->form == CPNS_OUT_TEXT)
		ctl->form = CPNS_OUT_TSV;
	return print_each(ctl, argc > 1 ? argv[1] : NULL, dump, NULL);
}
