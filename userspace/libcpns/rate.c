// SPDX-License-Identifier: GPL-2.0
/*
 * Rates: a token bucket, and a fixed-size table of buckets by source.
 */
#include "rate.h"

#include <netinet/in.h>
#include <string.h>

enum { TOKEN = 1000 };

static void refill(struct cpns_bucket *bucket, uint32_t rate, uint64_t now_ms)
{
	/* Thousandths of a token a millisecond are tokens a second. */
	uint64_t elapsed = now_ms > bucket->ms ? now_ms - bucket->ms : 0;

	if (elapsed >= TOKEN)
		bucket->used = 0;
	else
		bucket->used -= elapsed * rate < bucket->used ? elapsed * rate : bucket->used;
	bucket->ms = now_ms;
}

bool cpns_bucket_empty(struct cpns_bucket *bucket, uint32_t rate, uint64_t now_ms)
{
	refill(bucket, rate, now_ms);
	return bucket->used + TOKEN > (uint64_t)rate * TOKEN;
}

bool cpns_bucket_take(struct cpns_bucket *bucket, uint32_t rate, uint64_t now_ms)
{
	if (cpns_bucket_empty(bucket, rate, now_ms))
		return false;
	bucket->used += TOKEN;
	return true;
}

void cpns_source_of(const struct cpns_endpoint *ep, uint8_t *source)
{
	memset(source, 0, CPNS_SOURCE_LEN);
	source[0] = ep->family == AF_INET ? 4 : 6;
	memcpy(source + 1, ep->addr, ep->family == AF_INET ? 4 : 8);
}

/* Multiply and fold: quick, and good enough with a seed that nobody knows. */
static unsigned int hash(uint64_t seed, const uint8_t *source)
{
	uint64_t v;

	memcpy(&v, source + 1, sizeof(v));
	v = (v ^ seed ^ source[0]) * 0x9e3779b97f4a7c15ULL;
	v ^= v >> 32;
	v *= (seed | 1) * 0xd6e8feb86659fd93ULL;
	return (unsigned int)(v >> 48) % CPNS_SOURCE_SETS;
}

bool cpns_sources_over(struct cpns_sources *sources, const struct cpns_endpoint *ep,
		       uint32_t rate, uint64_t now_ms)
{
	uint8_t source[CPNS_SOURCE_LEN];
	struct cpns_source *set, *e;
	unsigned int i;

	cpns_source_of(ep, source);
	set = sources->entry[hash(sources->seed, source)];
	e = &set[0];
	for (i = 0; i < CPNS_SOURCE_WAYS; i++) {
		if (set[i].used && !memcmp(set[i].source, source, sizeof(source))) {
			e = &set[i];
			goto found;
		}
		if (!set[i].used || (e->used && set[i].heard < e->heard))
			e = &set[i];
	}
	memset(e, 0, sizeof(*e));
	e->used = true;
	e->bucket.ms = now_ms;
	memcpy(e->source, source, sizeof(source));
found:
	e->heard = now_ms;
	return !cpns_bucket_take(&e->bucket, rate, now_ms);
}
