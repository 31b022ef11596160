// SPDX-License-Identifier: GPL-2.0
/*
 * Entities: their names, the EID made from a name, domain, overlay and
 * link-local addresses, roles.
 */
#include "identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec.h"
#include "keysched.h"
#include "text.h"
#include "util.h"

/* Code points that no name has: controls, white space, invisible, direction. */
static const struct {
	uint32_t first, last;
} forbidden[] = {
	{ 0x0000, 0x0020 },
	{ 0x007f, 0x00a0 },
	{ 0x1680, 0x1680 },
	{ 0x2000, 0x200f },
	{ 0x2028, 0x202f },
	{ 0x205f, 0x2069 },
	{ 0x3000, 0x3000 },
	{ 0xfeff, 0xfeff },
};

static bool code_point_allowed(uint32_t c)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (c >= forbidden[i].first && c <= forbidden[i].last)
			return false;
	return true;
}

/*
 * Decode one code point: shortest form only, no surrogates, nothing above
 * U+10FFFF. Return its bytes, or 0.
 */
static size_t utf8_decode(const uint8_t *p, size_t left, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n, i;

	if (p[0] < 0x80) {
		*c = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > left)
		return 0;
	*c = p[0] & (0xffu >> (n + 1));
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

static int name_set(struct cpns_name *name, const void *text, size_t len, const char **why)
{
	const uint8_t *p = text;
	size_t i = 0;
	uint32_t c;

	name->len = 0;
	name->text[0] = '\0';
	if (len > CPNS_ENTITY_ID_MAX) {
		*why = "it is longer than 255 bytes";
		return -ENAMETOOLONG;
	}
	while (i < len) {
		size_t n = utf8_decode(p + i, len - i, &c);

		if (!n) {
			*why = "it is not well-formed UTF-8";
			return -EINVAL;
		}
		if (!code_point_allowed(c)) {
			*why = "it has white space, a control or an invisible character";
			return -EINVAL;
		}
		i += n;
	}
	if (len)
		memcpy(name->text, text, len);
	name->text[len] = '\0';
	name->len = (uint8_t)len;
	return 0;
}

int cpns_entity_id_set(struct cpns_name *name, const void *text, size_t len, const char **why)
{
	const char *unused;
	int ret;

	if (!why)
		why = &unused;
	ret = name_set(name, text, len, why);
	if (!ret && !len) {
		*why = "it is empty";
		ret = -ENODATA;
	}
	return ret;
}

int cpns_user_id_set(struct cpns_name *name, const void *text, size_t len, const char **why)
{
	const char *unused;

	return name_set(name, text, len, why ? why : &unused);
}

bool cpns_name_equal(const struct cpns_name *a, const struct cpns_name *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

int cpns_eid_from_name(const struct cpns_name *name, uint64_t *eid)
{
	static const char label[] = "CPNS EID v1";	/* hashed with its NUL */
	const struct cpns_piece piece[] = {
		{ label, sizeof(label) },
		{ name->text, name->len },
	};
	uint8_t hash[CPNS_HASH_LEN];
	uint64_t v;

	if (cpns_sha256(piece, 2, hash))
		return -EIO;
	v = cpns_get_u64(hash);
	if (v == CPNS_EID_NONE || v == CPNS_EID_ALL)
		return -ERANGE;
	*eid = v;
	return 0;
}

void cpns_eid_format(uint64_t eid, char *text)
{
	snprintf(text, CPNS_EID_TEXT, "%016llx", (unsigned long long)eid);
}

int cpns_eid_parse(const char *text, uint64_t *eid)
{
	uint8_t bytes[CPNS_EID_LEN];
	uint64_t v;

	if (cpns_hex_decode(text, strlen(text), bytes, sizeof(bytes)))
		return -EINVAL;
	v = cpns_get_u64(bytes);
	if (v == CPNS_EID_NONE || v == CPNS_EID_ALL)
		return -ERANGE;
	*eid = v;
	return 0;
}

int cpns_domain_from_server(struct cpns_name *domain, const struct cpns_name *server)
{
	const char *at = strrchr(server->text, '@');
	const char *start = at ? at + 1 : server->text;

	if (!*start)
		return -EINVAL;
	return name_set(domain, start, strlen(start), &(const char *){ NULL });
}

int cpns_overlay_prefix(const struct cpns_name *domain, uint8_t *prefix)
{
	static const char label[] = "CPNS domain v1";	/* hashed with its NUL */
	const struct cpns_piece piece[] = {
		{ label, sizeof(label) },
		{ domain->text, domain->len },
	};
	uint8_t hash[CPNS_HASH_LEN];

	if (cpns_sha256(piece, 2, hash))
		return -EIO;
	prefix[0] = 0xfd;
	memcpy(prefix + 1, hash, 5);
	prefix[6] = 0;
	prefix[7] = 1;
	return 0;
}

void cpns_overlay_address(const uint8_t *prefix, uint64_t eid, struct in6_addr *addr)
{
	memcpy(addr->s6_addr, prefix, CPNS_OVERLAY_PREFIX_LEN);
	cpns_put_u64(addr->s6_addr + CPNS_OVERLAY_PREFIX_LEN, eid);
}

void cpns_link_local_address(uint64_t eid, struct in6_addr *addr)
{
	static const uint8_t prefix[CPNS_OVERLAY_PREFIX_LEN] = { 0xfe, 0x80 };

	cpns_overlay_address(prefix, eid, addr);
}

static const char *const role_names[] = {
	[CPNS_ROLE_SERVER] = "server",
	[CPNS_ROLE_PNGW] = "pn-gw",
	[CPNS_ROLE_PNE] = "pne",
};

const char *cpns_role_name(unsigned int role)
{
	return role <= CPNS_ROLE_PNE ? role_names[role] : NULL;
}

unsigned int cpns_role_parse(const char *text)
{
	unsigned int role;

	for (role = CPNS_ROLE_SERVER; role <= CPNS_ROLE_PNE; role++)
		if (!strcmp(text, role_names[role]))
			return role;
	return 0;
}

bool cpns_initiator_preferred(unsigned int role, uint64_t eid,
			      unsigned int peer_role, uint64_t peer_eid)
{
	return role != peer_role ? role > peer_role : eid > peer_eid;
}
