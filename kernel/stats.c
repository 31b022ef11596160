// SPDX-License-Identifier: GPL-2.0
#include <linux/bug.h>
#include <linux/kernel.h>

#include "device.h"
#include "peer.h"
#include "stats.h"

static const char * const names[] = {
	[CPNS_A_STATS_RX_PACKETS] = "rx-packets",
	[CPNS_A_STATS_RX_BYTES] = "rx-bytes",
	[CPNS_A_STATS_TX_PACKETS] = "tx-packets",
	[CPNS_A_STATS_TX_BYTES] = "tx-bytes",
	[CPNS_A_STATS_RX_KEEPALIVES] = "rx-keepalives",
	[CPNS_A_STATS_TX_KEEPALIVES] = "tx-keepalives",
	[CPNS_A_STATS_RX_CONTROL] = "rx-control",
	[CPNS_A_STATS_TX_CONTROL] = "tx-control",
	[CPNS_A_STATS_RX_MALFORMED] = "rx-malformed",
	[CPNS_A_STATS_RX_NOT_OURS] = "rx-not-ours",
	[CPNS_A_STATS_RX_UNKNOWN_SID] = "rx-unknown-sid",
	[CPNS_A_STATS_RX_WRONG_PEER] = "rx-wrong-peer",
	[CPNS_A_STATS_RX_SEQ_LIMIT] = "rx-seq-limit",
	[CPNS_A_STATS_RX_TOO_OLD] = "rx-too-old",
	[CPNS_A_STATS_RX_DUPLICATE] = "rx-duplicate",
	[CPNS_A_STATS_RX_BAD_TAG] = "rx-bad-tag",
	[CPNS_A_STATS_RX_LEVEL] = "rx-level",
	[CPNS_A_STATS_RX_INNER_MALFORMED] = "rx-inner-malformed",
	[CPNS_A_STATS_RX_INNER_SOURCE] = "rx-inner-source",
	[CPNS_A_STATS_RX_INNER_DESTINATION] = "rx-inner-destination",
	[CPNS_A_STATS_RX_UNPROTECTED] = "rx-unprotected",
	[CPNS_A_STATS_RX_ECN] = "rx-ecn",
	[CPNS_A_STATS_RX_NO_MEMORY] = "rx-no-memory",
	[CPNS_A_STATS_RX_CONTROL_DROPPED] = "rx-control-dropped",
	[CPNS_A_STATS_TX_MALFORMED] = "tx-malformed",
	[CPNS_A_STATS_TX_NO_PEER] = "tx-no-peer",
	[CPNS_A_STATS_TX_MULTICAST] = "tx-multicast",
	[CPNS_A_STATS_TX_NO_KEY] = "tx-no-key",
	[CPNS_A_STATS_TX_QUEUE_FULL] = "tx-queue-full",
	[CPNS_A_STATS_TX_NO_ENDPOINT] = "tx-no-endpoint",
	[CPNS_A_STATS_TX_NO_ROUTE] = "tx-no-route",
	[CPNS_A_STATS_TX_LOOP] = "tx-loop",
	[CPNS_A_STATS_TX_TOO_BIG] = "tx-too-big",
	[CPNS_A_STATS_TX_LIMIT] = "tx-limit",
	[CPNS_A_STATS_TX_NO_MEMORY] = "tx-no-memory",
	[CPNS_A_STATS_TX_CRYPTO] = "tx-crypto",
	[CPNS_A_STATS_RX_PAN_PACKETS] = "rx-pan-packets",
	[CPNS_A_STATS_TX_PAN_PACKETS] = "tx-pan-packets",
	[CPNS_A_STATS_RX_PAN_INTERFACE] = "rx-pan-interface",
	[CPNS_A_STATS_RX_PAN_ADDRESS] = "rx-pan-address",
	[CPNS_A_STATS_RX_PAN_TTL] = "rx-pan-ttl",
	[CPNS_A_STATS_RX_PAN_FRAGMENT] = "rx-pan-fragment",
	[CPNS_A_STATS_RELAY_PACKETS] = "relay-packets",
	[CPNS_A_STATS_RELAY_BYTES] = "relay-bytes",
	[CPNS_A_STATS_RELAY_HOP_LIMIT] = "relay-hop-limit",
	[CPNS_A_STATS_RELAY_UNPROTECTED] = "relay-unprotected",
	[CPNS_A_STATS_RELAY_UNKNOWN_SOURCE] = "relay-unknown-source",
	[CPNS_A_STATS_RELAY_NOT_ALLOWED] = "relay-not-allowed",
	[CPNS_A_STATS_RELAY_WRONG_ENDPOINT] = "relay-wrong-endpoint",
	[CPNS_A_STATS_RELAY_NO_ENDPOINT] = "relay-no-endpoint",
	[CPNS_A_STATS_RELAY_SAME_ENDPOINT] = "relay-same-endpoint",
	[CPNS_A_STATS_RELAY_EXPIRED] = "relay-expired",
	[CPNS_A_STATS_RELAY_RATE] = "relay-rate",
	[CPNS_A_STATS_RELAY_TOTAL_RATE] = "relay-total-rate",
	[CPNS_A_STATS_RELAY_INIT_LIMIT] = "relay-init-limit",
	[CPNS_A_STATS_RELAY_NO_ROUTE] = "relay-no-route",
	[CPNS_A_STATS_RELAY_LOOP] = "relay-loop",
	[CPNS_A_STATS_RELAY_NO_MEMORY] = "relay-no-memory",
	[CPNS_A_STATS_RX_TRAINS] = "rx-trains",
	[CPNS_A_STATS_RELAY_TRAINS] = "relay-trains",
	[CPNS_A_STATS_TX_TRAINS] = "tx-trains",
};

const char *cpns_stats_name(unsigned int stat)
{
	BUILD_BUG_ON(ARRAY_SIZE(names) != CPNS_STAT_LAST + 1);
	return names[stat];
}

static void count_device(struct cpns_device *cdev, unsigned int stat, unsigned int n)
{
	struct cpns_stats_all *stats;

	local_bh_disable();
	stats = this_cpu_ptr(cdev->stats);
	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->counter[stat], n);
	u64_stats_update_end(&stats->syncp);
	local_bh_enable();
}

void cpns_stats_add(struct cpns_device *cdev, struct cpns_peer *peer, unsigned int stat,
		    unsigned int n)
{
	count_device(cdev, stat, n);
	if (peer)
		atomic64_add(n, &peer->counter[stat]);
}

void cpns_stats_inc(struct cpns_device *cdev, struct cpns_peer *peer, unsigned int stat)
{
	cpns_stats_add(cdev, peer, stat, 1);
}

static void add_device(struct cpns_device *cdev, unsigned int packets_stat,
		       unsigned int bytes_stat, unsigned int packets, unsigned int bytes)
{
	struct cpns_stats_all *stats = this_cpu_ptr(cdev->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->counter[packets_stat], packets);
	u64_stats_add(&stats->counter[bytes_stat], bytes);
	u64_stats_update_end(&stats->syncp);
}

void cpns_stats_rx(struct cpns_peer *peer, unsigned int packets, unsigned int bytes)
{
	struct cpns_stats_traffic *traffic = this_cpu_ptr(peer->traffic);

	add_device(peer->cdev, CPNS_A_STATS_RX_PACKETS, CPNS_A_STATS_RX_BYTES, packets,
		   bytes);
	u64_stats_update_begin(&traffic->syncp);
	u64_stats_add(&traffic->rx_packets, packets);
	u64_stats_add(&traffic->rx_bytes, bytes);
	u64_stats_update_end(&traffic->syncp);
}

void cpns_stats_tx(struct cpns_peer *peer, unsigned int packets, unsigned int bytes)
{
	struct cpns_stats_traffic *traffic = this_cpu_ptr(peer->traffic);

	add_device(peer->cdev, CPNS_A_STATS_TX_PACKETS, CPNS_A_STATS_TX_BYTES, packets,
		   bytes);
	u64_stats_update_begin(&traffic->syncp);
	u64_stats_add(&traffic->tx_packets, packets);
	u64_stats_add(&traffic->tx_bytes, bytes);
	u64_stats_update_end(&traffic->syncp);
}

void cpns_stats_relay(struct cpns_device *cdev, struct cpns_peer *from, unsigned int packets,
		      unsigned int bytes)
{
	struct cpns_stats_traffic *traffic;

	add_device(cdev, CPNS_A_STATS_RELAY_PACKETS, CPNS_A_STATS_RELAY_BYTES, packets, bytes);
	if (!from)
		return;
	traffic = this_cpu_ptr(from->traffic);
	u64_stats_update_begin(&traffic->syncp);
	u64_stats_add(&traffic->relay_packets, packets);
	u64_stats_add(&traffic->relay_bytes, bytes);
	u64_stats_update_end(&traffic->syncp);
}

unsigned int cpns_stats_of_send_error(int err)
{
	switch (err) {
	case -EDESTADDRREQ:
		return CPNS_A_STATS_TX_NO_ENDPOINT;
	case -ELOOP:
		return CPNS_A_STATS_TX_LOOP;
	case -ENOMEM:
		return CPNS_A_STATS_TX_NO_MEMORY;
	default:
		return CPNS_A_STATS_TX_NO_ROUTE;
	}
}

unsigned int cpns_stats_of_seal_error(int err)
{
	return err == -ENOMEM ? CPNS_A_STATS_TX_NO_MEMORY : CPNS_A_STATS_TX_CRYPTO;
}

unsigned int cpns_stats_of_verdict(enum cpns_replay_verdict verdict)
{
	return verdict == CPNS_REPLAY_OLD ? CPNS_A_STATS_RX_TOO_OLD :
					    CPNS_A_STATS_RX_DUPLICATE;
}

void cpns_stats_read_device(struct cpns_device *cdev, u64 sum[CPNS_STAT_LAST + 1])
{
	int cpu, i;

	memset(sum, 0, (CPNS_STAT_LAST + 1) * sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct cpns_stats_all *stats = per_cpu_ptr(cdev->stats, cpu);
		u64 counter[CPNS_STAT_LAST + 1];
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			for (i = CPNS_STAT_FIRST; i <= CPNS_STAT_LAST; i++)
				counter[i] = u64_stats_read(&stats->counter[i]);
		} while (u64_stats_fetch_retry(&stats->syncp, start));
		for (i = CPNS_STAT_FIRST; i <= CPNS_STAT_LAST; i++)
			sum[i] += counter[i];
	}
}

void cpns_stats_read_peer(struct cpns_peer *peer, u64 sum[CPNS_STAT_LAST + 1])
{
	int cpu, i;

	for (i = 0; i <= CPNS_STAT_LAST; i++)
		sum[i] = atomic64_read(&peer->counter[i]);
	for_each_possible_cpu(cpu) {
		const struct cpns_stats_traffic *traffic = per_cpu_ptr(peer->traffic, cpu);
		u64 rx_packets, rx_bytes, tx_packets, tx_bytes, relay_packets, relay_bytes;
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&traffic->syncp);
			rx_packets = u64_stats_read(&traffic->rx_packets);
			rx_bytes = u64_stats_read(&traffic->rx_bytes);
			tx_packets = u64_stats_read(&traffic->tx_packets);
			tx_bytes = u64_stats_read(&traffic->tx_bytes);
			relay_packets = u64_stats_read(&traffic->relay_packets);
			relay_bytes = u64_stats_read(&traffic->relay_bytes);
		} while (u64_stats_fetch_retry(&traffic->syncp, start));
		sum[CPNS_A_STATS_RX_PACKETS] += rx_packets;
		sum[CPNS_A_STATS_RX_BYTES] += rx_bytes;
		sum[CPNS_A_STATS_TX_PACKETS] += tx_packets;
		sum[CPNS_A_STATS_TX_BYTES] += tx_bytes;
		sum[CPNS_A_STATS_RELAY_PACKETS] += relay_packets;
		sum[CPNS_A_STATS_RELAY_BYTES] += relay_bytes;
	}
}
