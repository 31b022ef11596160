/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entities: their names, the EID made from a name, domain, overlay and
 * link-local addresses, roles.
 */
#ifndef _CPNS_IDENTITY_H
#define _CPNS_IDENTITY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cpns/wire.h>

enum cpns_identity_sizes {
	CPNS_EID_TEXT = 17,		/* 16 hex digits and the NUL */
	CPNS_OVERLAY_PREFIX_LEN = 8,	/* a /64 in bytes */
};

/**
 * struct cpns_name - an Entity ID, a User ID or a domain
 * @len: bytes
 * @text: UTF-8, ended by a NUL that is not part of it
 */
struct cpns_name {
	uint8_t len;
	char text[CPNS_ENTITY_ID_MAX + 1];
};

/**
 * cpns_entity_id_set() - check an Entity ID and take it
 * @name: result; empty on an error
 * @text: bytes, not necessarily ended by a NUL
 * @len: bytes
 * @why: set on an error to a sentence that says what is wrong; may be NULL
 *
 * Return: 0, -EINVAL (not well-formed UTF-8, or a code point that is not
 * allowed), -ENAMETOOLONG or -ENODATA (empty).
 */
int cpns_entity_id_set(struct cpns_name *name, const void *text, size_t len, const char **why);

/**
 * cpns_user_id_set() - check a User ID and take it; it may be empty
 * @name: result; empty on an error
 * @text: bytes
 * @len: bytes
 * @why: as for cpns_entity_id_set()
 *
 * Return: 0, -EINVAL or -ENAMETOOLONG.
 */
int cpns_user_id_set(struct cpns_name *name, const void *text, size_t len, const char **why);

/** cpns_name_equal() - byte by byte, no normalisation and no case folding */
bool cpns_name_equal(const struct cpns_name *a, const struct cpns_name *b);

/**
 * cpns_eid_from_name() - EID of an Entity ID
 * @name: checked Entity ID
 * @eid: result, host byte order
 *
 * Return: 0, -ERANGE when the hash gives 0 or 2^64-1 (choose another name), or
 * -EIO when hashing failed.
 */
int cpns_eid_from_name(const struct cpns_name *name, uint64_t *eid);

/**
 * cpns_eid_format() - 16 lower-case hex digits
 * @eid: EID
 * @text: at least CPNS_EID_TEXT characters
 */
void cpns_eid_format(uint64_t eid, char *text);

/**
 * cpns_eid_parse() - exactly 16 hex digits
 * @text: text
 * @eid: result
 *
 * Return: 0, -EINVAL (no 16 hex digits) or -ERANGE (0 or 2^64-1).
 */
int cpns_eid_parse(const char *text, uint64_t *eid);

/**
 * cpns_domain_from_server() - domain of a Server
 * @domain: result
 * @server: the Server's Entity ID
 *
 * Return: 0, or -EINVAL when the name ends in '@' and so has no domain.
 */
int cpns_domain_from_server(struct cpns_name *domain, const struct cpns_name *server);

/**
 * cpns_overlay_prefix() - the /64 of a domain
 * @domain: domain
 * @prefix: CPNS_OVERLAY_PREFIX_LEN bytes
 *
 * Return: 0, or -EIO when hashing failed.
 */
int cpns_overlay_prefix(const struct cpns_name *domain, uint8_t *prefix);

/**
 * cpns_overlay_address() - overlay prefix and EID
 * @prefix: CPNS_OVERLAY_PREFIX_LEN bytes
 * @eid: EID
 * @addr: result
 */
void cpns_overlay_address(const uint8_t *prefix, uint64_t eid, struct in6_addr *addr);

/** cpns_link_local_address() - fe80::/64 and the EID */
void cpns_link_local_address(uint64_t eid, struct in6_addr *addr);

/** cpns_role_name() - "server", "pn-gw", "pne" or NULL */
const char *cpns_role_name(unsigned int role);

/** cpns_role_parse() - role of a name that cpns_role_name() gives, else 0 */
unsigned int cpns_role_parse(const char *text);

/**
 * cpns_initiator_preferred() - which of two ends goes first when both start
 * @role: own role
 * @eid: own EID
 * @peer_role: the other's role
 * @peer_eid: the other's EID
 *
 * Return: true where the own handshake is the one to be kept.
 */
bool cpns_initiator_preferred(unsigned int role, uint64_t eid,
			      unsigned int peer_role, uint64_t peer_eid);

#endif /* _CPNS_IDENTITY_H */
