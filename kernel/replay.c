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
 * A window that is not aligned to words touches one word more than it has, and
 * the ring's length is a power of two so that a place follows from the sequence
 * number alone. A lockless reader that looks at a word used again then sees
 * bits of a number so much higher that its own is out of the window anyway.
 */
static __u32 ring_words(__u32 size)
{
	__u32 words = 1;

	while (words < size / WORD_BITS + 1)
		words <<= 1;
	return words;
}

unsigned long cpns_replay_bytes(__u32 size)
{
	return sizeof(struct cpns_replay) + ring_words(size) * sizeof(__u64);
}

void cpns_replay_init(struct cpns_replay *r, __u32 size)
{
	memset(r, 0, cpns_replay_bytes(size));
	r->size = size;
	r->mask = ring_words(size) - 1;
}

static __u64 *word_of(const struct cpns_replay *r, __u64 seq)
{
	return (__u64 *)&r->bits[(seq >> WORD_SHIFT) & r->mask];
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

/* Empties the words between the highest number seen and @seq. */
static void advance(struct cpns_replay *r, __u64 seq)
{
	__u64 first = r->next ? ((r->next - 1) >> WORD_SHIFT) + 1 : 0;
	__u64 last = seq >> WORD_SHIFT;

	if (last >= first && last - first > r->mask)
		first = last - r->mask;
	for (; first <= last; first++)
		WRITE_ONCE(r->bits[first & r->mask], 0);
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
