// SPDX-License-Identifier: GPL-2.0
/* Who is behind an address. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <codec.h>

#include "conf-peer.h"
#include "whois.h"

static bool is_within(const struct cpns_prefix *prefix, int family, const uint8_t *addr)
{
	unsigned int bytes = prefix->len / 8, bits = prefix->len % 8;
	uint8_t mask = 0xff00 >> bits;

	return prefix->family == family && !memcmp(prefix->addr, addr, bytes) &&
	       (!bits || (prefix->addr[bytes] & mask) == (addr[bytes] & mask));
}

/* The peer that may send from an address, the longest prefix deciding. */
static uint64_t eid_of_inner(const struct conf *conf, int family, const uint8_t *addr)
{
	uint64_t eid = 0;
	int best = -1;
	size_t i, j;

	for (i = 0; i < conf->n_peers; i++) {
		const struct conf_peer *peer = conf->peers[i];

		for (j = 0; j < peer->addresses.n; j++) {
			const struct cpns_prefix *prefix = &peer->addresses.list[j];

			if (prefix->len <= best || !is_within(prefix, family, addr))
				continue;
			best = prefix->len;
			eid = peer->party.eid;
		}
	}
	return eid;
}

static int eid_of_address(const struct conf *conf, const char *text, uint64_t *eid)
{
	static const uint8_t link_local[8] = { 0xfe, 0x80 };
	uint8_t addr[16];

	if (inet_pton(AF_INET, text, addr) == 1) {
		*eid = eid_of_inner(conf, AF_INET, addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, addr) != 1)
		return -EINVAL;
	if (!memcmp(addr, conf->prefix, sizeof(conf->prefix)) ||
	    !memcmp(addr, link_local, sizeof(link_local)))
		*eid = cpns_get_u64(addr + 8);
	else
		*eid = eid_of_inner(conf, AF_INET6, addr);
	return 0;
}

static int eid_of_request(const struct conf *conf, const json_t *request, uint64_t *eid)
{
	const char *address = json_string_value(json_object_get(request, "address"));
	const char *text = json_string_value(json_object_get(request, "eid"));
	const char *entity = json_string_value(json_object_get(request, "entity"));
	struct cpns_party party;

	if (address)
		return eid_of_address(conf, address, eid);
	if (text)
		return cpns_eid_parse(text, eid);
	if (!entity || cpns_party_set(&party, entity, strlen(entity), CPNS_ROLE_PNE, NULL))
		return -EINVAL;
	*eid = party.eid;
	return 0;
}

static json_t *describe(const struct cpns_party *party, const struct cpns_name *user, bool own)
{
	char eid[CPNS_EID_TEXT];

	cpns_eid_format(party->eid, eid);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "entity", party->id.text, "eid", eid,
			 "role", cpns_role_name(party->role), "user", user->text, "own", own,
			 "session", 0);
}

static void add_session(const struct session *s, const struct conf_peer *peer, json_t *o)
{
	uint8_t key_id[CPNS_KEY_ID_LEN];
	const struct conf_key *key;
	uint64_t since;

	if (!session_since(s, peer->party.eid, key_id, &since))
		return;
	json_object_set_new(o, "session", json_true());
	json_object_set_new(o, "since", json_integer((json_int_t)since));
	key = conf_peer_key(peer, key_id);
	if (key)
		json_object_set_new(o, "key",
				    json_string(cpns_key_kind_name(key->record.kind)));
}

/* Of a peer from a file its keys say whose it is. */
static const struct cpns_name *user_of(const struct conf_peer *peer)
{
	return peer->user.len || !peer->n_keys || peer->party.role == CPNS_ROLE_SERVER ?
	       &peer->user : &peer->keys[0].record.user_id;
}

int whois_find(const struct session *s, const json_t *request, json_t **found)
{
	const struct conf *conf = session_conf(s);
	static const struct cpns_name nobody;
	const struct conf_peer *peer;
	uint64_t eid = 0;

	if (eid_of_request(conf, request, &eid))
		return -EINVAL;
	if (eid == conf->own.eid) {
		*found = describe(&conf->own, &nobody, true);
		return *found ? 0 : -ENOMEM;
	}
	peer = conf_peer_by_eid(conf, eid);
	if (!peer)
		return -ENOENT;
	*found = describe(&peer->party, user_of(peer), false);
	if (!*found)
		return -ENOMEM;
	add_session(s, peer, *found);
	return 0;
}
