// SPDX-License-Identifier: GPL-2.0
/*
 * A world for handshake machines: the clock, the network, and the model of
 * the kernel's key slots.
 */
#include "sim.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

enum {
	PREVIOUS_MS = CPNS_PREVIOUS_KEY_TIME * 1000,
	PASSIVE_MS = CPNS_PASSIVE_KEEPALIVE * 1000,
	TIMEOUT_MS = CPNS_PEER_TIMEOUT * 1000,
};

uint64_t sim_random(struct sim_world *world, uint64_t below)
{
	uint64_t x = world->rng += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return below ? x % below : 0;
}

void sim_bytes(struct sim_world *world, void *out, size_t len)
{
	uint8_t *p = out;

	while (len--)
		*p++ = (uint8_t)sim_random(world, 256);
}

static void trace(const struct sim_world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void trace(const struct sim_world *world, const char *format, ...)
{
	va_list args;

	if (!world->trace)
		return;
	printf("# %10.3f ", (double)world->now.ms / 1000);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- network ---- */

static void enqueue(struct sim_world *world, const struct sim_packet *packet)
{
	if (world->n_queue < SIM_QUEUE)
		world->queue[world->n_queue++] = *packet;
}

/* Onto the wire: lost, or repeated, and each copy late in its own way. */
static void transmit(struct sim_world *world, struct sim_packet *packet)
{
	unsigned int copies = 1;

	if (sim_random(world, 1000) < world->loss)
		return;
	if (sim_random(world, 1000) < world->repeat)
		copies += 1 + (unsigned int)sim_random(world, 2);
	while (copies--) {
		packet->at = world->now.ms + world->delay_min +
			     sim_random(world, world->delay_max - world->delay_min + 1);
		enqueue(world, packet);
	}
}

void sim_inject(struct sim_world *world, unsigned int to, const struct cpns_path *path,
		const uint8_t *bytes, size_t len, uint64_t delay)
{
	struct sim_packet packet = { .at = world->now.ms + delay, .to = to, .path = *path };

	if (len > sizeof(packet.bytes))
		return;
	memcpy(packet.bytes, bytes, len);
	packet.len = len;
	enqueue(world, &packet);
}

/* ---- the kernel's key slots ---- */

static struct sim_key *find_key(struct sim_end *end, uint32_t sid)
{
	unsigned int i;

	for (i = 0; i < SIM_SLOTS; i++)
		if (end->slot[i].used && end->slot[i].sid_local == sid)
			return &end->slot[i];
	return NULL;
}

static void kill_key(struct sim_end *end, struct sim_key *key, bool restart)
{
	uint32_t sid = key->sid_local;

	if (!key->used)
		return;
	trace(end->world, "end %u: %08x dead", end->index, sid);
	memset(key, 0, sizeof(*key));
	if (end->hs)
		cpns_hs_dead(end->hs, end->record[0].peer.eid, sid, restart, &end->world->now);
}

/* A key moves into another slot, whose own key dies. */
static void move_key(struct sim_end *end, enum cpns_slot from, enum cpns_slot to)
{
	if (!end->slot[from].used)
		return;
	kill_key(end, &end->slot[to], false);
	end->slot[to] = end->slot[from];
	end->slot[to].since = end->world->now.ms;
	memset(&end->slot[from], 0, sizeof(end->slot[from]));
}

static struct sim_key *sending_key(struct sim_end *end)
{
	if (end->slot[CPNS_SLOT_CURRENT].used)
		return &end->slot[CPNS_SLOT_CURRENT];
	if (end->slot[CPNS_SLOT_NEXT].used)
		return &end->slot[CPNS_SLOT_NEXT];
	return NULL;
}

static void send_data(struct sim_end *end, const struct sim_key *key, bool empty)
{
	struct sim_packet packet = {
		.to = !end->index,
		.is_data = true,
		.path = end->world->end[!end->index].path,
		.sid = key->sid_remote,
		.empty = empty,
		.key = key->tx,
	};

	end->last_tx = end->world->now.ms;
	end->owes = false;
	if (!empty && !end->unanswered)
		end->unanswered = end->world->now.ms;
	transmit(end->world, &packet);
}

static void receive_data(struct sim_end *end, const struct sim_packet *packet)
{
	struct sim_world *world = end->world;
	struct sim_key *key = find_key(end, packet->sid);
	uint64_t eid = end->record[0].peer.eid;

	if (!key) {
		end->unknown++;
		trace(world, "end %u: DATA, unknown sid %08x", end->index, packet->sid);
		if (end->hs)
			cpns_hs_unknown_sid(end->hs, packet->sid, eid, &packet->path, &world->now);
		return;
	}
	trace(world, "end %u: DATA on %08x%s", end->index, packet->sid,
	      packet->empty ? ", empty" : "");
	if (memcmp(&key->rx, &packet->key, sizeof(key->rx))) {
		end->bad_tag++;
		return;
	}
	key->confirmed = true;
	end->last_rx = world->now.ms;
	end->unanswered = 0;
	if (!end->up_at)
		end->up_at = world->now.ms;
	if (!packet->empty) {
		end->accepted++;
		end->owes = true;
	}
	if (key == &end->slot[CPNS_SLOT_NEXT]) {
		uint32_t sid = key->sid_local;

		trace(world, "end %u: %08x promoted", end->index, sid);
		move_key(end, CPNS_SLOT_CURRENT, CPNS_SLOT_PREVIOUS);
		end->slot[CPNS_SLOT_CURRENT] = end->slot[CPNS_SLOT_NEXT];
		memset(&end->slot[CPNS_SLOT_NEXT], 0, sizeof(struct sim_key));
		if (end->hs)
			cpns_hs_promoted(end->hs, eid, sid, &world->now);
	}
}

/* What is due by the kernel's own clocks. */
static void kernel_timer(struct sim_end *end)
{
	struct sim_world *world = end->world;
	struct sim_key *current = &end->slot[CPNS_SLOT_CURRENT];
	struct sim_key *previous = &end->slot[CPNS_SLOT_PREVIOUS];
	uint64_t now = world->now.ms, eid = end->record[0].peer.eid;
	unsigned int i;

	if (previous->used && now >= previous->since + PREVIOUS_MS)
		kill_key(end, previous, false);
	for (i = 0; i < SIM_SLOTS; i++)
		if (end->slot[i].used && now >= end->slot[i].hard_at)
			kill_key(end, &end->slot[i], true);
	if (current->used && now >= current->soft_at) {
		current->soft_at = UINT64_MAX;
		if (end->hs)
			cpns_hs_soft(end->hs, eid, current->sid_local, &world->now);
	}
	if (end->owes && sending_key(end) && now >= end->last_tx + PASSIVE_MS)
		send_data(end, sending_key(end), true);
	if (end->unanswered && now >= end->unanswered + TIMEOUT_MS) {
		end->unanswered = 0;
		if (end->hs)
			cpns_hs_silence(end->hs, eid, &world->now);
	}
	if (end->traffic && now >= end->next_packet) {
		end->next_packet = now + end->traffic;
		if (sending_key(end))
			send_data(end, sending_key(end), false);
		else if (end->hs)
			cpns_hs_start(end->hs, eid, CPNS_WHY_ACQUIRE, &world->now);
	}
}

static void earlier(uint64_t *deadline, uint64_t ms)
{
	if (ms < *deadline)
		*deadline = ms;
}

static uint64_t kernel_deadline(struct sim_end *end)
{
	uint64_t deadline = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < SIM_SLOTS; i++)
		if (end->slot[i].used)
			earlier(&deadline, end->slot[i].hard_at);
	if (end->slot[CPNS_SLOT_PREVIOUS].used)
		earlier(&deadline, end->slot[CPNS_SLOT_PREVIOUS].since + PREVIOUS_MS);
	if (end->slot[CPNS_SLOT_CURRENT].used)
		earlier(&deadline, end->slot[CPNS_SLOT_CURRENT].soft_at);
	if (end->owes && sending_key(end))
		earlier(&deadline, end->last_tx + PASSIVE_MS);
	if (end->unanswered)
		earlier(&deadline, end->unanswered + TIMEOUT_MS);
	if (end->traffic)
		earlier(&deadline, end->next_packet);
	return deadline;
}

/* ---- callbacks of the machine ---- */

static void on_send(void *ctx, const struct cpns_path *path, const void *datagram, size_t len)
{
	struct sim_end *end = ctx;
	struct sim_world *world = end->world;
	struct sim_packet packet = {
		.to = !end->index,
		.path = world->end[!end->index].path,
		.len = len,
	};

	/* What goes to an address that is not the other end's reaches nobody. */
	if (!cpns_endpoint_equal(&path->remote, &end->path.remote))
		return;
	memcpy(packet.bytes, datagram, len);
	if (world->tap && !world->tap(world, end->index, packet.bytes, &packet.len))
		return;
	transmit(world, &packet);
}

static int on_install(void *ctx, const struct cpns_hs_key *key)
{
	struct sim_end *end = ctx;
	uint64_t now = end->world->now.ms;
	struct sim_key k = {
		.used = true,
		.initiator = key->initiator,
		.sid_local = key->sid_local,
		.sid_remote = key->sid_remote,
		.tx = *key->tx,
		.rx = *key->rx,
		.since = now,
		.soft_at = now + key->soft_ms,
		.hard_at = now + key->hard_ms,
	};

	trace(end->world, "end %u: install slot %u, %s, local %08x, remote %08x%s", end->index,
	      key->slot, key->initiator ? "initiator" : "responder", key->sid_local,
	      key->sid_remote, key->demote_next ? ", next demoted" : "");
	if (find_key(end, key->sid_local))
		return -1;
	end->installs++;
	if (!key->initiator)
		end->world->end[!end->index].peer_confirmed++;
	if (key->demote_next)
		move_key(end, CPNS_SLOT_NEXT, CPNS_SLOT_PREVIOUS);
	if (key->slot == CPNS_SLOT_CURRENT)
		move_key(end, CPNS_SLOT_CURRENT, CPNS_SLOT_PREVIOUS);
	kill_key(end, &end->slot[key->slot], false);
	end->slot[key->slot] = k;
	if (!key->initiator)
		send_data(end, &end->slot[key->slot], true);
	return 0;
}

static void on_keepalive(void *ctx, uint64_t eid, uint32_t sid)
{
	struct sim_end *end = ctx;
	struct sim_key *key = find_key(end, sid);

	(void)eid;
	if (key)
		send_data(end, key, true);
}

static void on_remove(void *ctx, uint64_t eid, uint32_t sid)
{
	struct sim_end *end = ctx;
	struct sim_key *key = find_key(end, sid);

	(void)eid;
	if (key)
		memset(key, 0, sizeof(*key));
}

static int on_random(void *ctx, enum cpns_hs_draw what, void *buf, size_t len)
{
	struct sim_end *end = ctx;

	(void)what;
	sim_bytes(end->world, buf, len);
	return 0;
}

static const struct cpns_hs_ops ops = {
	.send = on_send,
	.install = on_install,
	.keepalive = on_keepalive,
	.remove = on_remove,
	.random = on_random,
};

/* ---- ends ---- */

static void address(struct cpns_path *path, unsigned int index)
{
	memset(path, 0, sizeof(*path));
	path->remote.family = AF_INET;
	path->remote.port = 4701;
	path->remote.addr[0] = 192;
	path->remote.addr[2] = 2;
	path->remote.addr[3] = (uint8_t)(index + 1);
}

void sim_init(struct sim_world *world, uint64_t seed, unsigned int role_a, unsigned int role_b)
{
	static const char id_a[] = "a@sim.example", id_b[] = "b@sim.example";
	struct cpns_key_record *a = &world->end[0].record[0], *b = &world->end[1].record[0];
	unsigned int i;

	memset(world, 0, sizeof(*world));
	world->rng = seed * 0x2545f4914f6cdd1dULL + 1;
	world->now = (struct cpns_now){ .ms = 1000000, .real = 1800000000 };
	world->queue = calloc(SIM_QUEUE, sizeof(*world->queue));
	if (!world->queue)
		abort();
	world->delay_min = 1;
	world->delay_max = 1;
	sim_bytes(world, a->key_id, sizeof(a->key_id));
	sim_bytes(world, a->key, sizeof(a->key));
	a->kind = CPNS_KEY_STATIC;
	a->generation = 1;
	if (cpns_party_set(&a->own, id_a, strlen(id_a), role_a, NULL) ||
	    cpns_party_set(&a->peer, id_b, strlen(id_b), role_b, NULL))
		abort();
	*b = *a;
	b->own = a->peer;
	b->peer = a->own;
	for (i = 0; i < 2; i++) {
		world->end[i].world = world;
		world->end[i].index = i;
		world->end[i].n_records = 1;
		address(&world->end[i].path, !i);
	}
}

void sim_boot(struct sim_end *end, bool keep)
{
	const struct cpns_now *now = &end->world->now;
	uint64_t eid = end->record[0].peer.eid;
	unsigned int i;

	end->hs = cpns_hs_new(&end->record[0].own, &ops, end, true);
	if (!end->hs || cpns_hs_peer_set(end->hs, &end->record[0].peer, &end->params))
		abort();
	for (i = 0; i < end->n_records; i++)
		if (cpns_hs_record_add(end->hs, &end->record[i], NULL))
			abort();
	cpns_hs_endpoint(end->hs, eid, &end->path, now);
	for (i = 0; keep && i < SIM_SLOTS; i++) {
		struct cpns_hs_session s = {
			.slot = (enum cpns_slot)i,
			.initiator = end->slot[i].initiator,
			.soft = end->slot[i].soft_at == UINT64_MAX,
			.sid_local = end->slot[i].sid_local,
			.sid_remote = end->slot[i].sid_remote,
		};

		memcpy(s.key_id, end->record[0].key_id, sizeof(s.key_id));
		if (end->slot[i].used)
			cpns_hs_learn(end->hs, eid, &s, now);
	}
}

void sim_halt(struct sim_end *end, bool all)
{
	cpns_hs_free(end->hs);
	end->hs = NULL;
	if (!all)
		return;
	memset(end->slot, 0, sizeof(end->slot));
	end->owes = false;
	end->unanswered = 0;
	end->up_at = 0;
}

void sim_free(struct sim_world *world)
{
	sim_halt(&world->end[0], true);
	sim_halt(&world->end[1], true);
	free(world->queue);
}

/* ---- time ---- */

static void deliver(struct sim_world *world, const struct sim_packet *packet)
{
	struct sim_end *end = &world->end[packet->to];

	if (packet->is_data) {
		receive_data(end, packet);
	} else if (end->hs) {
		enum cpns_hs_reason reason;

		reason = cpns_hs_datagram(end->hs, &packet->path, packet->bytes, packet->len,
					  &world->now);
		trace(world, "end %u: %s, sid %08x: %s", end->index,
		      cpns_msg_type_name(packet->bytes[0] & 15),
		      cpns_get_u32(packet->bytes + 4), cpns_hs_reason_name(reason));
	}
}

/* The packet that arrives next, or NULL. */
static struct sim_packet *next_packet(struct sim_world *world)
{
	struct sim_packet *first = NULL;
	size_t i;

	for (i = 0; i < world->n_queue; i++)
		if (!first || world->queue[i].at < first->at)
			first = &world->queue[i];
	return first;
}

void sim_run(struct sim_world *world, uint64_t until)
{
	uint64_t base = world->now.real - world->now.ms / 1000;

	for (;;) {
		struct sim_packet *packet = next_packet(world), copy;
		uint64_t at = packet ? packet->at : UINT64_MAX;
		unsigned int i;

		for (i = 0; i < 2; i++) {
			earlier(&at, kernel_deadline(&world->end[i]));
			if (world->end[i].hs)
				earlier(&at, cpns_hs_deadline(world->end[i].hs));
		}
		if (at > until)
			break;
		if (at > world->now.ms)
			world->now.ms = at;
		world->now.real = base + world->now.ms / 1000;
		if (packet && packet->at <= world->now.ms) {
			copy = *packet;
			*packet = world->queue[--world->n_queue];
			deliver(world, &copy);
		}
		for (i = 0; i < 2; i++) {
			kernel_timer(&world->end[i]);
			if (world->end[i].hs)
				cpns_hs_timer(world->end[i].hs, &world->now);
		}
	}
	if (until > world->now.ms)
		world->now.ms = until;
	world->now.real = base + world->now.ms / 1000;
}

/* ---- what is to hold ---- */

static bool one_way(const struct sim_key *from, const struct sim_key *to)
{
	return from->used && to->used && from->sid_remote == to->sid_local &&
	       !memcmp(&from->tx, &to->rx, sizeof(from->tx));
}

bool sim_agree(const struct sim_world *world)
{
	const struct sim_key *a = &world->end[0].slot[CPNS_SLOT_CURRENT];
	const struct sim_key *b = &world->end[1].slot[CPNS_SLOT_CURRENT];

	return one_way(a, b) && one_way(b, a) && a->initiator != b->initiator;
}

bool sim_nothing(const struct sim_world *world)
{
	unsigned int e, i;

	for (e = 0; e < 2; e++)
		for (i = 0; i < SIM_SLOTS; i++)
			if (world->end[e].slot[i].used)
				return false;
	return true;
}
