/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Replay window in the manner of RFC 6479. Pure code: the unit tests compile
 * it in userspace.
 */
#ifndef _CPNS_REPLAY_H
#define _CPNS_REPLAY_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <linux/types.h>
#endif

/** enum cpns_replay_verdict - what the window says of a sequence number */
enum cpns_replay_verdict {
	CPNS_REPLAY_OK,		/* not seen before */
	CPNS_REPLAY_NEWEST,	/* not seen before, and above all seen */
	CPNS_REPLAY_OLD,	/* older than the window */
	CPNS_REPLAY_DUPLICATE,	/* seen before */
};

/**
 * struct cpns_replay - a replay window
 * @next: highest sequence number seen, plus one; 0 where none was
 * @size: sequence numbers that the window reaches back
 * @mask: number of words of @bits, a power of two, minus one
 * @bits: a ring of words, a bit for each sequence number; the caller's
 */
struct cpns_replay {
	__u64 next;
	__u32 size;
	__u32 mask;
	__u64 *bits;
};

/**
 * cpns_replay_bytes() - memory of a window
 * @size: sequence numbers, a multiple of 64 from 64 to 32768
 *
 * Return: bytes of its ring.
 */
unsigned long cpns_replay_bytes(__u32 size);

/**
 * cpns_replay_init() - make a window that has seen nothing
 * @r: the window
 * @size: as for cpns_replay_bytes()
 * @bits: cpns_replay_bytes(@size) bytes for its ring
 */
void cpns_replay_init(struct cpns_replay *r, __u32 size, __u64 *bits);

/**
 * cpns_replay_check() - ask without entering
 * @r: the window
 * @seq: sequence number below 2^63
 *
 * Needs no lock: a concurrent cpns_replay_commit() may make the answer stale,
 * but never makes it refuse what the window would still take.
 *
 * Return: a verdict.
 */
enum cpns_replay_verdict cpns_replay_check(const struct cpns_replay *r, __u64 seq);

/**
 * cpns_replay_commit() - enter a sequence number whose tag has verified
 * @r: the window; the caller's lock covers it
 * @seq: sequence number below 2^63
 *
 * Return: a verdict; it was entered where that is OK or NEWEST.
 */
enum cpns_replay_verdict cpns_replay_commit(struct cpns_replay *r, __u64 seq);

#endif /* _CPNS_REPLAY_H */
