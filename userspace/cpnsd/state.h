/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The time, also where there is no clock: the validity of keys is judged by
 * the larger of the clock and the last time saved.
 */
#ifndef CPNSD_STATE_H
#define CPNSD_STATE_H

#include <handshake.h>

/**
 * struct state - what is kept over a reboot
 * @path: file of the saved time
 * @saved: the last time saved, seconds since 1970
 */
struct state {
	char		path[256];
	uint64_t	saved;
};

/**
 * state_open() - read the saved time
 * @state: result
 * @dir: directory, made where it is not there
 *
 * Where nothing can be read or kept that is logged, and the clock counts alone.
 */
void state_open(struct state *state, const char *dir);

/** state_now() - the time, both kinds */
void state_now(const struct state *state, struct cpns_now *now);

/** state_save() - save the time, where it has gone on */
void state_save(struct state *state);

#endif /* CPNSD_STATE_H */
