// SPDX-License-Identifier: GPL-2.0
/* Limits on guessing. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <secret.h>

#include "throttle.h"

#define MS		1000ULL
#define HALVE_MS	(600 * MS)		/* failures count half after this time */
#define FORGET_MS	(3600 * MS)
#define KNOWN_MS	(90 * 86400 * MS)	/* a source is remembered so long */
#define FAILURES_MAX	1000000

/* Failures that cost nothing, and the longest wait after more of them. */
static const struct limit {
	unsigned int	free;
	unsigned int	cap_s;
} limits[] = {
	{ 10, 30 },	/* USER */
	{ 5, 300 },	/* SOURCE */
	{ 100, 5 },	/* ALL */
};

enum { USER, SOURCE, ALL, LIMITS };

void throttle_source(const char *address, char *source)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	/* Without the interface of a link-local address: all on a link are one. */
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(address, "%"), address);
	if (inet_pton(AF_INET6, text, &a) != 1) {
		snprintf(source, THROTTLE_SOURCE_TEXT, "%s", text);
		return;
	}
	if (!memcmp(&a, mapped, sizeof(mapped))) {
		inet_ntop(AF_INET, a.s6_addr + 12, source, THROTTLE_SOURCE_TEXT);
		return;
	}
	memset(a.s6_addr + 8, 0, 8);
	inet_ntop(AF_INET6, &a, text, sizeof(text));
	snprintf(source, THROTTLE_SOURCE_TEXT, "%s/64", text);
}

/* Names that were typed are hashed: somebody may have typed a password there. */
static void names(const struct registry *r, const char *user, const char *source,
		  char (*name)[STORE_RATE_NAME_MAX])
{
	char hash[33];

	snprintf(name[SOURCE], STORE_RATE_NAME_MAX, "source %s", source);
	snprintf(name[ALL], STORE_RATE_NAME_MAX, "all");
	name[USER][0] = 0;
	if (!user)
		return;
	wrap_name_hash(r->wrap, user, hash);
	snprintf(name[USER], STORE_RATE_NAME_MAX, "user %s", hash);
}

static void known_name(const struct registry *r, const char *user, const char *source,
		       char *name)
{
	char both[STORE_NAME_MAX + THROTTLE_SOURCE_TEXT + 1], hash[33];

	snprintf(both, sizeof(both), "%s %s", source, user);
	wrap_name_hash(r->wrap, both, hash);
	snprintf(name, STORE_RATE_NAME_MAX, "known %s", hash);
}

static int is_known(struct registry *r, const char *user, const char *source,
		    uint64_t now_ms, bool *known)
{
	char name[STORE_RATE_NAME_MAX];
	struct store_rate rate;
	int ret;

	*known = false;
	if (!user)
		return 0;
	known_name(r, user, source, name);
	ret = r->ops->rate_get(r->store, name, &rate);
	if (!ret)
		*known = now_ms < rate.forget_ms;
	return ret == -ENOENT ? 0 : ret;
}

int throttle_check(struct registry *r, uint64_t now_ms, const char *user, const char *source,
		   uint64_t *wait_s)
{
	char name[LIMITS][STORE_RATE_NAME_MAX];
	uint64_t until = now_ms, cap;
	struct store_rate rate;
	bool known;
	int i, ret;

	*wait_s = 0;
	ret = is_known(r, user, source, now_ms, &known);
	if (ret)
		return ret;
	names(r, user, source, name);
	for (i = 0; i < LIMITS; i++) {
		if (!name[i][0] || (known && i != SOURCE))
			continue;
		ret = r->ops->rate_get(r->store, name[i], &rate);
		if (ret == -ENOENT)
			continue;
		if (ret)
			return ret;
		/* A clock that was set back makes no wait longer than the cap. */
		cap = now_ms + limits[i].cap_s * MS;
		if (rate.until_ms > cap)
			rate.until_ms = cap;
		if (rate.until_ms > until)
			until = rate.until_ms;
	}
	*wait_s = (until - now_ms + MS - 1) / MS;
	return *wait_s ? -EAGAIN : 0;
}

static uint64_t wait_ms(const struct limit *limit, uint32_t failures)
{
	uint32_t over = failures > limit->free ? failures - limit->free : 0;
	uint64_t s;

	if (!over)
		return 0;
	s = over > 16 ? limit->cap_s : 1ULL << (over - 1);
	return (s < limit->cap_s ? s : limit->cap_s) * MS;
}

static int count(struct registry *r, const char *name, const struct limit *limit,
		 uint64_t now_ms)
{
	struct store_rate rate;
	uint64_t halvings;
	int ret = r->ops->rate_get(r->store, name, &rate);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret) {
		memset(&rate, 0, sizeof(rate));
		snprintf(rate.name, sizeof(rate.name), "%.*s", STORE_RATE_NAME_MAX - 1, name);
	} else if (now_ms > rate.updated_ms) {
		halvings = (now_ms - rate.updated_ms) / HALVE_MS;
		rate.failures = halvings < 32 ? rate.failures >> halvings : 0;
	}
	if (rate.failures < FAILURES_MAX)
		rate.failures++;
	rate.updated_ms = now_ms;
	rate.until_ms = now_ms + wait_ms(limit, rate.failures);
	rate.forget_ms = now_ms + FORGET_MS;
	return r->ops->rate_put(r->store, &rate);
}

int throttle_failed(struct registry *r, uint64_t now_ms, const char *user, const char *source)
{
	char name[LIMITS][STORE_RATE_NAME_MAX];
	int i, ret = 0;

	names(r, user, source, name);
	for (i = 0; i < LIMITS && !ret; i++)
		if (name[i][0])
			ret = count(r, name[i], &limits[i], now_ms);
	return ret;
}

int throttle_succeeded(struct registry *r, uint64_t now_ms, const char *user,
		       const char *source)
{
	struct store_rate rate = {
		.updated_ms = now_ms,
		.forget_ms = now_ms + KNOWN_MS,
	};

	known_name(r, user, source, rate.name);
	return r->ops->rate_put(r->store, &rate);
}
