// SPDX-License-Identifier: GPL-2.0
/*
 * Text forms of what people read and write: hex strings, addresses with a
 * port, prefixes, times and sizes.
 */
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

void cpns_hex_encode(const void *bytes, size_t len, char *text)
{
	const uint8_t *p = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned int hi = p[i] >> 4, lo = p[i] & 15;

		/* Arithmetic, not a table: the index would be a secret. */
		*text++ = (char)('0' + hi + ((9 - hi) >> 8 & 39));
		*text++ = (char)('0' + lo + ((9 - lo) >> 8 & 39));
	}
	*text = '\0';
}

/* All ones where lo <= c <= hi, else 0; branch-free, as c may be secret. */
static unsigned int between(unsigned int c, unsigned int lo, unsigned int hi)
{
	return ~(((c - lo) | (hi - c)) >> 16) & 0xffff;
}

int cpns_hex_decode(const char *text, size_t text_len, void *bytes, size_t len)
{
	uint8_t *p = bytes;
	unsigned int bad = 0;
	size_t i;

	if (text_len != 2 * len)
		return -EINVAL;
	for (i = 0; i < text_len; i++) {
		unsigned int c = (uint8_t)text[i];
		unsigned int digit = between(c, '0', '9');
		unsigned int lower = between(c, 'a', 'f');
		unsigned int upper = between(c, 'A', 'F');
		unsigned int v = (digit & (c - '0')) | (lower & (c - 'a' + 10)) |
				 (upper & (c - 'A' + 10));

		bad |= ~(digit | lower | upper) & 0xffff;
		if (i & 1)
			p[i / 2] = (uint8_t)(p[i / 2] | v);
		else
			p[i / 2] = (uint8_t)(v << 4);
	}
	return bad ? -EINVAL : 0;
}

int cpns_u64_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned int digit = (unsigned int)(*text - '0');

		if (digit > 9)
			return -EINVAL;
		if (v > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		v = 10 * v + digit;
	}
	if (v < min || v > max)
		return -ERANGE;
	*value = v;
	return 0;
}

/* Set an IPv6 address; an IPv4-mapped one becomes IPv4. */
static void endpoint_set_v6(struct cpns_endpoint *ep, const void *addr)
{
	if (!memcmp(addr, v4_mapped, sizeof(v4_mapped))) {
		ep->family = AF_INET;
		memcpy(ep->addr, (const uint8_t *)addr + sizeof(v4_mapped), 4);
	} else {
		ep->family = AF_INET6;
		memcpy(ep->addr, addr, 16);
	}
}

static bool is_link_local(const uint8_t *addr)
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

/* The part in brackets: address, and interface after a '%'. */
static int endpoint_parse_v6(char *host, struct cpns_endpoint *ep)
{
	char *zone = strchr(host, '%');
	struct in6_addr addr;
	uint64_t index;

	if (zone)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, host, &addr) != 1)
		return -EINVAL;
	endpoint_set_v6(ep, &addr);
	if (ep->family != AF_INET6 || !is_link_local(ep->addr))
		return zone ? -EINVAL : 0;
	if (!zone || !*zone)
		return -EINVAL;
	if (cpns_u64_parse(zone, 1, INT32_MAX, &index))
		index = if_nametoindex(zone);
	if (!index)
		return -ENODEV;
	ep->scope = (uint32_t)index;
	return 0;
}

int cpns_endpoint_parse(const char *text, struct cpns_endpoint *ep)
{
	struct cpns_endpoint r = { 0 };
	char host[CPNS_ENDPOINT_TEXT];
	size_t len = strlen(text);
	uint64_t port;
	char *colon;
	int ret;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len + 1);
	colon = strrchr(host, ':');
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (host[0] == '[') {
		if (colon - host < 2 || colon[-1] != ']')
			return -EINVAL;
		colon[-1] = '\0';
		ret = endpoint_parse_v6(host + 1, &r);
		if (ret)
			return ret;
	} else {
		if (inet_pton(AF_INET, host, r.addr) != 1)
			return -EINVAL;
		r.family = AF_INET;
	}
	ret = cpns_u64_parse(colon + 1, 1, UINT16_MAX, &port);
	if (ret)
		return ret;
	r.port = (uint16_t)port;
	*ep = r;
	return 0;
}

void cpns_endpoint_format(const struct cpns_endpoint *ep, char *text)
{
	char addr[INET6_ADDRSTRLEN], name[IF_NAMESIZE];

	if (!ep->family || !inet_ntop(ep->family, ep->addr, addr, sizeof(addr)))
		snprintf(text, CPNS_ENDPOINT_TEXT, "none");
	else if (ep->family == AF_INET)
		snprintf(text, CPNS_ENDPOINT_TEXT, "%s:%u", addr, ep->port);
	else if (!ep->scope)
		snprintf(text, CPNS_ENDPOINT_TEXT, "[%s]:%u", addr, ep->port);
	else if (if_indextoname(ep->scope, name))
		snprintf(text, CPNS_ENDPOINT_TEXT, "[%s%%%s]:%u", addr, name, ep->port);
	else
		snprintf(text, CPNS_ENDPOINT_TEXT, "[%s%%%u]:%u", addr, ep->scope, ep->port);
}

bool cpns_endpoint_equal(const struct cpns_endpoint *a, const struct cpns_endpoint *b)
{
	return a->family == b->family && a->port == b->port && a->scope == b->scope &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

int cpns_endpoint_from_sockaddr(struct cpns_endpoint *ep, const void *sa, size_t len)
{
	struct cpns_endpoint r = { 0 };
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;
	sa_family_t family;

	if (len < sizeof(family))
		return -EAFNOSUPPORT;
	memcpy(&family, sa, sizeof(family));
	if (family == AF_INET && len >= sizeof(sin)) {
		memcpy(&sin, sa, sizeof(sin));
		r.family = AF_INET;
		r.port = ntohs(sin.sin_port);
		memcpy(r.addr, &sin.sin_addr, 4);
	} else if (family == AF_INET6 && len >= sizeof(sin6)) {
		memcpy(&sin6, sa, sizeof(sin6));
		endpoint_set_v6(&r, &sin6.sin6_addr);
		r.port = ntohs(sin6.sin6_port);
		if (r.family == AF_INET6 && is_link_local(r.addr))
			r.scope = sin6.sin6_scope_id;
	} else {
		return -EAFNOSUPPORT;
	}
	*ep = r;
	return 0;
}

size_t cpns_endpoint_to_sockaddr(const struct cpns_endpoint *ep, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };

	memset(ss, 0, sizeof(*ss));
	if (ep->family == AF_INET) {
		sin.sin_port = htons(ep->port);
		memcpy(&sin.sin_addr, ep->addr, 4);
		memcpy(ss, &sin, sizeof(sin));
		return sizeof(sin);
	}
	if (ep->family == AF_INET6) {
		sin6.sin6_port = htons(ep->port);
		sin6.sin6_scope_id = ep->scope;
		memcpy(&sin6.sin6_addr, ep->addr, 16);
		memcpy(ss, &sin6, sizeof(sin6));
		return sizeof(sin6);
	}
	return 0;
}

/* Is any bit set past the first @len ones. */
static bool host_bits(const uint8_t *addr, size_t size, unsigned int len)
{
	size_t i;

	for (i = 0; i < size; i++) {
		unsigned int first = 8 * (unsigned int)i;
		uint8_t mask = 0xff;

		if (len >= first + 8)
			continue;
		if (len > first)
			mask = (uint8_t)(0xff >> (len - first));
		if (addr[i] & mask)
			return true;
	}
	return false;
}

int cpns_prefix_parse(const char *text, struct cpns_prefix *prefix)
{
	struct cpns_prefix r = { 0 };
	char addr[CPNS_PREFIX_TEXT];
	size_t len = strlen(text);
	uint64_t bits;
	size_t size;
	char *slash;
	int ret;

	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len + 1);
	slash = strchr(addr, '/');
	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET, addr, r.addr) == 1) {
		r.family = AF_INET;
		size = 4;
	} else if (inet_pton(AF_INET6, addr, r.addr) == 1) {
		r.family = AF_INET6;
		size = 16;
	} else {
		return -EINVAL;
	}
	bits = 8 * size;
	if (slash) {
		ret = cpns_u64_parse(slash, 0, 8 * size, &bits);
		if (ret)
			return ret;
	}
	r.len = (uint8_t)bits;
	if (host_bits(r.addr, size, r.len))
		return -EDOM;
	*prefix = r;
	return 0;
}

void cpns_prefix_format(const struct cpns_prefix *prefix, char *text)
{
	char addr[INET6_ADDRSTRLEN];

	if (!inet_ntop(prefix->family, prefix->addr, addr, sizeof(addr)))
		snprintf(text, CPNS_PREFIX_TEXT, "none");
	else
		snprintf(text, CPNS_PREFIX_TEXT, "%s/%u", addr, prefix->len);
}

void cpns_duration_format(uint64_t seconds, char *text)
{
	static const struct {
		const char *big, *small;
		unsigned int per_big, per_small;	/* seconds */
	} unit[] = {
		{ "d", "h", 86400, 3600 },
		{ "h", "min", 3600, 60 },
		{ "min", "s", 60, 1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unit); i++) {
		unsigned long long big = seconds / unit[i].per_big;
		unsigned int small = (unsigned int)(seconds % unit[i].per_big) / unit[i].per_small;

		if (!big)
			continue;
		if (small)
			snprintf(text, CPNS_DURATION_TEXT, "%llu %s %u %s", big, unit[i].big,
				 small, unit[i].small);
		else
			snprintf(text, CPNS_DURATION_TEXT, "%llu %s", big, unit[i].big);
		return;
	}
	if (seconds)
		snprintf(text, CPNS_DURATION_TEXT, "%u s", (unsigned int)seconds);
	else
		snprintf(text, CPNS_DURATION_TEXT, "now");
}

void cpns_bytes_format(uint64_t bytes, char *text)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(text, CPNS_BYTES_TEXT, "%u B", (unsigned int)bytes);
		return;
	}
	/* 1023.995 would be written as 1024.00 of the smaller unit. */
	while (v >= 1023.995 && i + 1 < ARRAY_SIZE(unit)) {
		v /= 1024;
		i++;
	}
	snprintf(text, CPNS_BYTES_TEXT, "%.2f %s", v, unit[i]);
}
