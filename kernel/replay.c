// SPDX-License-Identifier: GPL-2.0
#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/string.h>
#else
#include <string.h>
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#endif

#include "replay.h"

enum { WORD_SHIFT = 6, WORD_BITS = 1 << WORD_SHIFT };

/*
 * The ring has a bit for each number of the window, or some more: its length is a
 * power of two, so that a place follows from the sequence number alone. A lockless
 * reader that finds its bit used again sees that of a number so much higher that its
 * own is out of the window anyway.
 */
static __u32 ring_words(__u32 size)
{
	__u32 words = 1;

	while (words < size / WORD_BITS)
		words <<= 1;
	return words;
}

unsigned long cpns_replay_bytes(__u32 size)
{
	return ring_words(size) * sizeof(__u64);
}

void cpns_replay_init(struct cpns_replay *r, __u32 size, __u64 *bits)
{
	memset(bits, 0, cpns_replay_bytes(size));
	r->next = 0;
	r->size = size;
	r->mask = ring_words(size) - 1;
	r->bits = bits;
}

static __u64 *word_of(const struct cpns_replay *r, __u64 seq)
{
	return &r->bits[(seq >> WORD_SHIFT) & r->mask];
}

enum cpns_replay_verdict cpns_replay_check(const struct cpns_replay *r, __u64 seq)
{
	__u64 next = READ_ONCE(r->next);

	if (seq >= next)
		return CPNS_REPLAY_NEWEST;
	if (next - 1 - seq >= r->size)
		return CPNS_REPLAY_OLD;
	if (READ_ONCE(*word_of(r, seq)) >> (seq % WORD_BITS) & 1)
		return CPNS_REPLAY_DUPLICATE;
	return CPNS_REPLAY_OK;
}

/* Empties the places from what was the next number up to @seq. */
static void advance(struct cpns_replay *r, __u64 seq)
{
	__u64 first = r->next, ring = (__u64)(r->mask + 1) * WORD_BITS, last, used;

	if (seq - first >= ring)
		first = seq - (ring - 1);
	for (; first <= seq; first = last + 1) {
		last = first | (WORD_BITS - 1);
		if (last > seq)
			last = seq;
		used = ~0ULL << (first % WORD_BITS) & ~0ULL >> (WORD_BITS - 1 - last % WORD_BITS);
		WRITE_ONCE(*word_of(r, first), *word_of(r, first) & ~used);
	}
	WRITE_ONCE(r->next, seq + 1);
}

enum cpns_replay_verdict cpns_replay_commit(struct cpns_replay *r, __u64 seq)
{
	enum cpns_replay_verdict verdict = cpns_replay_check(r, seq);
	__u64 *word = word_of(r, seq);

	if (verdict == CPNS_REPLAY_NEWEST)
		advance(r, seq);
	if (verdict == CPNS_REPLAY_NEWEST || verdict == CPNS_REPLAY_OK)
		WRITE_ONCE(*word, *word | 1ULL << (seq % WORD_BITS));
	return verdict;
}
