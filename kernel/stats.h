/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters, one for each cause. Their numbers are those of the netlink
 * attributes that report them.
 */
#ifndef _CPNS_STATS_H
#define _CPNS_STATS_H

#include <linux/percpu.h>
#include <linux/u64_stats_sync.h>
#include <uapi/linux/cpns.h>

#include "replay.h"

/* First and last counter, and those that say why a packet was dropped. */
enum cpns_stat_ranges {
	CPNS_STAT_FIRST = CPNS_A_STATS_RX_PACKETS,
	CPNS_STAT_LAST = CPNS_A_STATS_MAX,
	CPNS_STAT_COUNT = CPNS_STAT_LAST - CPNS_STAT_FIRST + 1,
	CPNS_STAT_RX_DROP_FIRST = CPNS_A_STATS_RX_MALFORMED,
	CPNS_STAT_RX_DROP_LAST = CPNS_A_STATS_RX_CONTROL_DROPPED,
	CPNS_STAT_TX_DROP_FIRST = CPNS_A_STATS_TX_MALFORMED,
	CPNS_STAT_TX_DROP_LAST = CPNS_A_STATS_TX_CRYPTO,
	CPNS_STAT_PAN_DROP_FIRST = CPNS_A_STATS_RX_PAN_INTERFACE,
	CPNS_STAT_PAN_DROP_LAST = CPNS_A_STATS_RX_PAN_FRAGMENT,
	CPNS_STAT_RELAY_DROP_FIRST = CPNS_A_STATS_RELAY_HOP_LIMIT,
	CPNS_STAT_RELAY_DROP_LAST = CPNS_A_STATS_RELAY_NO_MEMORY,
};

/**
 * struct cpns_stats_all - all counters of one CPU
 * @syncp: makes 64 bits readable on 32-bit machines
 * @counter: by attribute number
 */
struct cpns_stats_all {
	struct u64_stats_sync syncp;
	u64_stats_t counter[CPNS_STAT_LAST + 1];
};

/**
 * struct cpns_stats_traffic - what a peer counts for each packet, of one CPU
 * @syncp: makes 64 bits readable on 32-bit machines
 * @rx_packets: packets delivered
 * @rx_bytes: their bytes
 * @tx_packets: packets handed to UDP
 * @tx_bytes: their bytes
 * @relay_packets: datagrams from it that were relayed
 * @relay_bytes: their bytes
 */
struct cpns_stats_traffic {
	struct u64_stats_sync syncp;
	u64_stats_t rx_packets;
	u64_stats_t rx_bytes;
	u64_stats_t tx_packets;
	u64_stats_t tx_bytes;
	u64_stats_t relay_packets;
	u64_stats_t relay_bytes;
};

struct cpns_device;
struct cpns_peer;

/**
 * cpns_stats_name() - name of a counter, as in the netlink spec
 * @stat: from CPNS_STAT_FIRST to CPNS_STAT_LAST
 *
 * Return: a string constant.
 */
const char *cpns_stats_name(unsigned int stat);

/**
 * cpns_stats_inc() - count an event
 * @cdev: device
 * @peer: peer, or NULL where none is known
 * @stat: which counter
 *
 * Context: any but hard interrupts.
 */
void cpns_stats_inc(struct cpns_device *cdev, struct cpns_peer *peer, unsigned int stat);

/**
 * cpns_stats_add() - count several events of a kind
 * @cdev: device
 * @peer: peer, or NULL where none is known
 * @stat: which counter
 * @n: how many
 *
 * Context: any but hard interrupts.
 */
void cpns_stats_add(struct cpns_device *cdev, struct cpns_peer *peer, unsigned int stat,
		    unsigned int n);

/**
 * cpns_stats_rx() - count packets delivered
 * @peer: who sent them
 * @packets: how many
 * @bytes: their length inside
 *
 * Context: BH disabled.
 */
void cpns_stats_rx(struct cpns_peer *peer, unsigned int packets, unsigned int bytes);

/**
 * cpns_stats_tx() - count packets handed to UDP
 * @peer: where they go
 * @packets: how many
 * @bytes: their length inside
 *
 * Context: BH disabled.
 */
void cpns_stats_tx(struct cpns_peer *peer, unsigned int packets, unsigned int bytes);

/**
 * cpns_stats_relay() - count datagrams relayed
 * @cdev: device
 * @from: peer that they came from, or NULL
 * @packets: how many
 * @bytes: their length
 *
 * Context: BH disabled.
 */
void cpns_stats_relay(struct cpns_device *cdev, struct cpns_peer *from, unsigned int packets,
		      unsigned int bytes);

/**
 * cpns_stats_of_send_error() - counter of datagrams that UDP does not take
 * @err: as of cpns_socket_send()
 *
 * Return: which counter.
 */
unsigned int cpns_stats_of_send_error(int err);

/**
 * cpns_stats_of_seal_error() - counter of datagrams that could not be sealed
 * @err: as of cpns_crypto_seal()
 *
 * Return: which counter.
 */
unsigned int cpns_stats_of_seal_error(int err);

/**
 * cpns_stats_of_verdict() - counter of datagrams that the replay window refuses
 * @verdict: CPNS_REPLAY_OLD or CPNS_REPLAY_DUPLICATE
 *
 * Return: which counter.
 */
unsigned int cpns_stats_of_verdict(enum cpns_replay_verdict verdict);

/**
 * cpns_stats_read_device() - sum the counters of a device
 * @cdev: device
 * @sum: result, by attribute number
 */
void cpns_stats_read_device(struct cpns_device *cdev, u64 sum[CPNS_STAT_LAST + 1]);

/**
 * cpns_stats_read_peer() - sum the counters of a peer
 * @peer: peer
 * @sum: result, by attribute number
 */
void cpns_stats_read_peer(struct cpns_peer *peer, u64 sum[CPNS_STAT_LAST + 1]);

#endif /* _CPNS_STATS_H */
