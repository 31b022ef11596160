// SPDX-License-Identifier: GPL-2.0
/* A peer of a configuration: made, copied, freed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/cpns.h>

#include <codec.h>
#include <secret.h>

#include "conf-peer.h"

struct conf_peer *conf_peer_new(const char *name)
{
	struct conf_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	memcpy(peer->name, name, strnlen(name, CONF_NAME_MAX));
	peer->passive_keepalive = CPNS_PASSIVE_KEEPALIVE * 1000;
	peer->timeout = CPNS_PEER_TIMEOUT * 1000;
	peer->window = CPNS_WINDOW_DEFAULT;
	peer->routes = true;
	return peer;
}

void conf_peer_free(struct conf_peer *peer)
{
	size_t i;

	if (!peer)
		return;
	for (i = 0; i < peer->n_keys; i++)
		free(peer->keys[i].file);
	cpns_free_secret(peer->keys, peer->n_keys * sizeof(*peer->keys));
	free(peer->addresses.list);
	free(peer->allowed_dst.list);
	free(peer->source);
	free(peer);
}

/* In memory that moves, the old place of a key must be erased. */
static struct conf_key *add_key(struct conf_peer *peer)
{
	struct conf_key *keys = calloc(peer->n_keys + 1, sizeof(*keys));

	if (!keys)
		return NULL;
	if (peer->n_keys)
		memcpy(keys, peer->keys, peer->n_keys * sizeof(*keys));
	cpns_free_secret(peer->keys, peer->n_keys * sizeof(*keys));
	peer->keys = keys;
	return &keys[peer->n_keys++];
}

static int copy_keys(struct conf_peer *copy, const struct conf_peer *peer)
{
	struct conf_key *key;
	size_t i;

	for (i = 0; i < peer->n_keys; i++) {
		if (!peer->keys[i].file)
			continue;
		key = add_key(copy);
		if (!key)
			return -ENOMEM;
		*key = peer->keys[i];
		key->file = strdup(peer->keys[i].file);
		if (!key->file)
			return -ENOMEM;
	}
	return 0;
}

static int copy_prefixes(struct conf_prefixes *copy, const struct conf_prefixes *prefixes)
{
	copy->granted = 0;
	copy->n = prefixes->n - prefixes->granted;
	copy->list = calloc(copy->n + 1, sizeof(*copy->list));
	if (!copy->list)
		return -ENOMEM;
	if (copy->n)
		memcpy(copy->list, prefixes->list, copy->n * sizeof(*copy->list));
	return 0;
}

struct conf_peer *conf_peer_configured(const struct conf_peer *peer)
{
	struct conf_peer *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *peer;
	copy->source = NULL;
	copy->keys = NULL;
	copy->n_keys = 0;
	memset(&copy->addresses, 0, sizeof(copy->addresses));
	memset(&copy->allowed_dst, 0, sizeof(copy->allowed_dst));
	memset(&copy->user, 0, sizeof(copy->user));
	copy->relay_to = 0;
	if (peer->source)
		copy->source = strdup(peer->source);
	if ((peer->source && !copy->source) || copy_keys(copy, peer) ||
	    copy_prefixes(&copy->addresses, &peer->addresses) ||
	    copy_prefixes(&copy->allowed_dst, &peer->allowed_dst)) {
		conf_peer_free(copy);
		return NULL;
	}
	return copy;
}

struct conf_peer *conf_peer_granted(const struct cpns_party *party,
				    const struct cpns_name *user)
{
	char eid[CPNS_EID_TEXT];
	struct conf_peer *peer;

	cpns_eid_format(party->eid, eid);
	/* A label that would be cut could be that of another entity, too. */
	peer = conf_peer_new(party->id.len > CONF_NAME_MAX ? eid : party->id.text);
	if (!peer)
		return NULL;
	peer->party = *party;
	peer->role_set = true;
	peer->user = *user;
	peer->granted = true;
	return peer;
}

int conf_peer_grant_key(struct conf_peer *peer, const struct cpns_key_record *record)
{
	struct conf_key *key = add_key(peer);

	if (!key)
		return -ENOMEM;
	key->record = *record;
	key->has_key_id = true;
	return 0;
}

static bool has_prefix(const struct conf_prefixes *prefixes, const struct cpns_prefix *prefix)
{
	size_t i;

	for (i = 0; i < prefixes->n; i++)
		if (prefixes->list[i].family == prefix->family &&
		    prefixes->list[i].len == prefix->len &&
		    !memcmp(prefixes->list[i].addr, prefix->addr, sizeof(prefix->addr)))
			return true;
	return false;
}

int conf_peer_grant_prefixes(struct conf_prefixes *prefixes,
			     const struct cpns_permit_prefixes *permitted)
{
	struct cpns_prefix *list;
	size_t i;

	if (!permitted->n)
		return 0;
	list = realloc(prefixes->list, (prefixes->n + permitted->n) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	prefixes->list = list;
	for (i = 0; i < permitted->n; i++) {
		if (has_prefix(prefixes, &permitted->list[i]))
			continue;
		if (prefixes->n == CPNS_PEER_PREFIXES_MAX)
			return -E2BIG;
		list[prefixes->n++] = permitted->list[i];
		prefixes->granted++;
	}
	return 0;
}

static int regrant_prefixes(struct conf_prefixes *to, const struct conf_prefixes *from)
{
	const struct cpns_permit_prefixes permitted = {
		.n = from->granted,
		.list = from->list + (from->n - from->granted),
	};
	int ret = conf_peer_grant_prefixes(to, &permitted);

	/* Where the files name more now, some of them find no room. */
	return ret == -E2BIG ? 0 : ret;
}

int conf_peer_regrant(struct conf_peer *to, const struct conf_peer *from)
{
	size_t i;
	int ret;

	to->user = from->user;
	to->relay_to = from->relay_to;
	for (i = 0; i < from->n_keys; i++)
		if (!from->keys[i].file && conf_peer_grant_key(to, &from->keys[i].record))
			return -ENOMEM;
	ret = regrant_prefixes(&to->addresses, &from->addresses);
	return ret ? ret : regrant_prefixes(&to->allowed_dst, &from->allowed_dst);
}

const struct conf_key *conf_peer_key(const struct conf_peer *peer, const uint8_t *key_id)
{
	size_t i;

	for (i = 0; i < peer->n_keys; i++)
		if (!memcmp(peer->keys[i].record.key_id, key_id, CPNS_KEY_ID_LEN))
			return &peer->keys[i];
	return NULL;
}

void conf_peer_ungrant_key(struct conf_peer *peer, const uint8_t *key_id)
{
	struct conf_key *key = (struct conf_key *)conf_peer_key(peer, key_id), *last;

	if (!key || key->file)
		return;
	last = &peer->keys[peer->n_keys - 1];
	memmove(key, key + 1, (last - key) * sizeof(*key));
	cpns_wipe(last, sizeof(*last));
	/* Whoever frees the list erases one key less: that one is erased here. */
	peer->n_keys--;
}

static bool has_grants(const struct conf_peer *peer)
{
	size_t i;

	for (i = 0; i < peer->n_keys; i++)
		if (!peer->keys[i].file)
			return true;
	return peer->granted;
}

static int carry_peer(struct conf *to, const struct conf_peer *from)
{
	struct conf_peer *peer = conf_peer_by_eid(to, from->party.eid);

	if (peer)
		return conf_peer_regrant(peer, from);
	peer = conf_peer_granted(&from->party, &from->user);
	if (!peer)
		return -ENOMEM;
	/* Where it is found, no file says: what is in force stays so. */
	if (from->granted) {
		memcpy(peer->host, from->host, sizeof(peer->host));
		peer->endpoint = from->endpoint;
	}
	conf_peer_set_defaults(peer, &to->own);
	if (!conf_peer_regrant(peer, from) && !conf_append_peer(to, peer))
		return 0;
	conf_peer_free(peer);
	return -ENOMEM;
}

int conf_carry_over(struct conf *to, const struct conf *from)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < from->n_peers && !ret; i++)
		if (has_grants(from->peers[i]))
			ret = carry_peer(to, from->peers[i]);
	return ret;
}

void conf_peer_set_defaults(struct conf_peer *peer, const struct cpns_party *own)
{
	if (!peer->connect_set)
		peer->connect = peer->endpoint.port ? CONF_CONNECT_ALWAYS :
						      CONF_CONNECT_ON_DEMAND;
	if (!peer->keepalive_set)
		peer->keepalive = peer->endpoint.port && own->role != CPNS_ROLE_SERVER ?
				  CPNS_NAT_KEEPALIVE * 1000 : 0;
}
