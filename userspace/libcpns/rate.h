/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rates: a token bucket, and a fixed-size table of buckets by source.
 */
#ifndef _CPNS_RATE_H
#define _CPNS_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/**
 * struct cpns_bucket - token bucket; zeros are a full one
 * @used: tokens missing, in thousandths
 * @ms: when @used was right
 */
struct cpns_bucket {
	uint64_t used;
	uint64_t ms;
};

/**
 * cpns_bucket_empty() - is no whole token left
 * @bucket: refilled up to @now_ms
 * @rate: tokens a second, and how many it holds
 * @now_ms: time
 */
bool cpns_bucket_empty(struct cpns_bucket *bucket, uint32_t rate, uint64_t now_ms);

/** cpns_bucket_take() - take one token; false, and none taken, where none is left */
bool cpns_bucket_take(struct cpns_bucket *bucket, uint32_t rate, uint64_t now_ms);

/**
 * cpns_source_of() - what counts as one source: an IPv4 address or a /64
 * @ep: endpoint
 * @source: 9 bytes
 */
void cpns_source_of(const struct cpns_endpoint *ep, uint8_t *source);

enum cpns_rate_sizes {
	CPNS_SOURCE_LEN = 9,
	CPNS_SOURCE_SETS = 256,
	CPNS_SOURCE_WAYS = 4,
};

/**
 * struct cpns_sources - buckets by source; zeros are an empty table
 * @seed: random, so that a stranger can't aim at one set
 * @entry: sets of equal hash; a new source takes the place of the one heard
 *	least recently
 */
struct cpns_sources {
	uint64_t seed;
	struct cpns_source {
		uint8_t source[CPNS_SOURCE_LEN];
		bool used;
		struct cpns_bucket bucket;
		uint64_t heard;
	} entry[CPNS_SOURCE_SETS][CPNS_SOURCE_WAYS];
};

/**
 * cpns_sources_over() - count one datagram of a source
 * @sources: table
 * @ep: where it came from
 * @rate: datagrams a second
 * @now_ms: time
 *
 * Return: true when the source sends more than @rate.
 */
bool cpns_sources_over(struct cpns_sources *sources, const struct cpns_endpoint *ep,
		       uint32_t rate, uint64_t now_ms);

#endif /* _CPNS_RATE_H */
