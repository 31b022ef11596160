/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A world for handshake machines: two ends, each a machine over a model of
 * the kernel's key slots, a fake clock, and a network that loses, repeats,
 * delays and is listened to.
 */
#ifndef _CPNS_SIM_H
#define _CPNS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake.h"

enum {
	SIM_QUEUE = 4096,
	SIM_DATAGRAM = 1280,
	SIM_SLOTS = 3,
	SIM_SESSIONS = 512,
};

/**
 * struct sim_key - a key in a slot of the model
 * @used: is there one
 * @initiator: this end began
 * @confirmed: an authenticated DATA has come
 * @sid_local: in what is received
 * @sid_remote: in what is sent
 * @tx: keys
 * @rx: keys
 * @since: ms when it came into its slot
 * @soft_at: ms, UINT64_MAX once told
 * @hard_at: ms
 */
struct sim_key {
	bool used;
	bool initiator;
	bool confirmed;
	uint32_t sid_local;
	uint32_t sid_remote;
	struct cpns_traffic tx;
	struct cpns_traffic rx;
	uint64_t since;
	uint64_t soft_at;
	uint64_t hard_at;
};

/**
 * struct sim_end - one end
 * @world: around it
 * @index: 0 or 1
 * @hs: machine; NULL while it does not run
 * @record: key records, newest generation first
 * @n_records: how many
 * @params: how it negotiates
 * @path: where the other end is
 * @slot: by enum cpns_slot
 * @traffic: ms between two packets that it sends, 0 = none
 * @next_packet: ms
 * @last_tx: ms of the last DATA
 * @last_rx: ms of the last authenticated DATA
 * @owes: has received a packet and sent nothing since
 * @unanswered: ms of the first packet sent since anything was heard, or 0
 * @up_at: ms of the first authenticated DATA, or 0
 * @accepted: packets received, not empty
 * @unknown: DATA dropped since its sid is not known
 * @bad_tag: DATA dropped since its key is another
 * @installs: keys installed
 * @peer_confirmed: own sessions confirmed by the other's CONFIRM there
 */
struct sim_end {
	struct sim_world *world;
	unsigned int index;
	struct cpns_hs *hs;
	struct cpns_key_record record[2];
	unsigned int n_records;
	struct cpns_hs_params params;
	struct cpns_path path;
	struct sim_key slot[SIM_SLOTS];
	uint64_t traffic;
	uint64_t next_packet;
	uint64_t last_tx;
	uint64_t last_rx;
	bool owes;
	uint64_t unanswered;
	uint64_t up_at;
	unsigned int accepted;
	unsigned int unknown;
	unsigned int bad_tag;
	unsigned int installs;
	unsigned int peer_confirmed;
};

/**
 * struct sim_packet - something on its way
 * @at: ms when it arrives
 * @to: index of the end
 * @is_data: DATA of the model, else a datagram of the machine
 * @path: where it seems to come from
 * @len: of a datagram
 * @bytes: of a datagram
 * @sid: of DATA
 * @empty: DATA without a payload
 * @key: of DATA: what it was protected with
 */
struct sim_packet {
	uint64_t at;
	unsigned int to;
	bool is_data;
	struct cpns_path path;
	size_t len;
	uint8_t bytes[SIM_DATAGRAM];
	uint32_t sid;
	bool empty;
	struct cpns_traffic key;
};

/**
 * struct sim_world - two ends and a network
 * @now: time
 * @rng: state of the random numbers
 * @end: the ends
 * @queue: packets on their way, unordered
 * @n_queue: how many
 * @loss: in a thousand
 * @repeat: in a thousand
 * @delay_min: ms
 * @delay_max: ms
 * @trace: tell what happens
 * @tap: sees each datagram of a machine; may change it, or drop it (false)
 * @tap_ctx: for it
 */
struct sim_world {
	struct cpns_now now;
	uint64_t rng;
	struct sim_end end[2];
	struct sim_packet *queue;
	size_t n_queue;
	unsigned int loss;
	unsigned int repeat;
	unsigned int delay_min;
	unsigned int delay_max;
	bool trace;
	bool (*tap)(struct sim_world *world, unsigned int from, uint8_t *bytes, size_t *len);
	void *tap_ctx;
};

/** sim_random() - a number below @below */
uint64_t sim_random(struct sim_world *world, uint64_t below);

/** sim_bytes() - random bytes */
void sim_bytes(struct sim_world *world, void *out, size_t len);

/** sim_init() - an empty world; the ends have a record each that fits the other's */
void sim_init(struct sim_world *world, uint64_t seed, unsigned int role_a, unsigned int role_b);

/** sim_free() - end it */
void sim_free(struct sim_world *world);

/** sim_boot() - start an end's machine; @keep = the kernel kept its sessions */
void sim_boot(struct sim_end *end, bool keep);

/** sim_halt() - stop an end's machine; @all = its kernel forgets, too */
void sim_halt(struct sim_end *end, bool all);

/** sim_run() - let time pass up to @until, ms */
void sim_run(struct sim_world *world, uint64_t until);

/** sim_inject() - put a datagram on the wire that no end has sent */
void sim_inject(struct sim_world *world, unsigned int to, const struct cpns_path *path,
		const uint8_t *bytes, size_t len, uint64_t delay);

/** sim_agree() - do both send on keys that the other receives with */
bool sim_agree(const struct sim_world *world);

/** sim_nothing() - has neither any key */
bool sim_nothing(const struct sim_world *world);

#endif /* _CPNS_SIM_H */
