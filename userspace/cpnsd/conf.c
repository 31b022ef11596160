// SPDX-License-Identifier: GPL-2.0
/* Configuration: reading files, checks over the whole, finding, freeing. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <linux/cpns.h>

#include <secret.h>
#include <state-file.h>

#include "conf-parse.h"
#include "conf-peer.h"
#include "file.h"

enum { FIRST_PEERS = 8 };

void conf_fault(struct conf_parser *p, unsigned int line, const char *fmt, ...)
{
	char what[CONF_FAULT_TEXT], fault[CONF_FAULT_TEXT + 256];
	va_list ap;

	p->faults++;
	if (!p->fault)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (line)
		snprintf(fault, sizeof(fault), "%.200s:%u: %s", p->source, line, what);
	else
		snprintf(fault, sizeof(fault), "%.200s: %s", p->source, what);
	p->fault(p->arg, fault);
}

void conf_free(struct conf *conf)
{
	size_t i;

	if (!conf)
		return;
	for (i = 0; i < conf->n_peers; i++)
		conf_peer_free(conf->peers[i]);
	for (i = 0; i < conf->n_classes; i++) {
		free(conf->classes[i]->source);
		free(conf->classes[i]);
	}
	free(conf->peers);
	free(conf->classes);
	free(conf->addresses);
	free(conf->hosts_file);
	free(conf->control);
	free(conf->state_dir);
	free(conf->state);
	free(conf->registrar);
	free(conf);
}

struct conf_peer *conf_peer_by_eid(const struct conf *conf, uint64_t eid)
{
	size_t i;

	for (i = 0; i < conf->n_peers; i++)
		if (conf->peers[i]->party.eid == eid)
			return conf->peers[i];
	return NULL;
}

struct conf_peer *conf_peer_find(const struct conf *conf, const char *word)
{
	uint64_t eid;
	size_t i;

	for (i = 0; i < conf->n_peers; i++)
		if (!strcmp(conf->peers[i]->name, word))
			return conf->peers[i];
	for (i = 0; i < conf->n_peers; i++)
		if (!strcmp(conf->peers[i]->party.id.text, word))
			return conf->peers[i];
	if (!cpns_eid_parse(word, &eid))
		return conf_peer_by_eid(conf, eid);
	return NULL;
}

/* The list doubles where its length is a power of two, from FIRST_PEERS on. */
int conf_append_peer(struct conf *conf, struct conf_peer *peer)
{
	size_t n = conf->n_peers;
	struct conf_peer **list;

	if (!n || (n >= FIRST_PEERS && !(n & (n - 1)))) {
		list = realloc(conf->peers, (n ? 2 * n : FIRST_PEERS) * sizeof(*list));
		if (!list)
			return -ENOMEM;
		conf->peers = list;
	}
	conf->peers[conf->n_peers++] = peer;
	return 0;
}

int conf_put_peer(struct conf *conf, struct conf_peer *peer, struct conf_peer **old)
{
	size_t i;

	*old = NULL;
	for (i = 0; i < conf->n_peers; i++) {
		if (conf->peers[i]->party.eid != peer->party.eid)
			continue;
		*old = conf->peers[i];
		conf->peers[i] = peer;
		return 0;
	}
	return conf_append_peer(conf, peer);
}

struct conf_peer *conf_take_peer(struct conf *conf, uint64_t eid)
{
	struct conf_peer *peer;
	size_t i;

	for (i = 0; i < conf->n_peers; i++) {
		peer = conf->peers[i];
		if (peer->party.eid != eid)
			continue;
		conf->n_peers--;
		memmove(&conf->peers[i], &conf->peers[i + 1],
			(conf->n_peers - i) * sizeof(*conf->peers));
		return peer;
	}
	return NULL;
}

bool conf_key_equal(const struct conf_key *a, const struct conf_key *b)
{
	const struct cpns_key_record *x = &a->record, *y = &b->record;

	return !memcmp(x->key_id, y->key_id, sizeof(x->key_id)) &&
	       cpns_equal(x->key, y->key, sizeof(x->key)) &&
	       x->kind == y->kind &&
	       x->own.role == y->own.role && x->peer.role == y->peer.role &&
	       cpns_name_equal(&x->own.id, &y->own.id) &&
	       cpns_name_equal(&x->peer.id, &y->peer.id) &&
	       cpns_name_equal(&x->user_id, &y->user_id) &&
	       x->generation == y->generation && x->pure_psk == y->pure_psk &&
	       x->not_before == y->not_before && x->not_after == y->not_after;
}

/* Completes the records of a peer's keys with what the sections say. */
static void check_keys(struct conf_parser *p, struct conf_peer *peer)
{
	const char *why;
	size_t i, j;

	for (i = 0; i < peer->n_keys; i++) {
		struct conf_key *key = &peer->keys[i];

		key->record.own = p->conf->own;
		key->record.peer = peer->party;
		if (!key->has_key_id) {
			conf_fault(p, key->line,
				   "the key of %s has no key-id: write key-id = 32 hex digits below key-file, the same at both ends (cpnsctl key gen makes one)",
				   key->file);
			continue;
		}
		if (p->conf->own.id.len && peer->party.id.len && peer->party.role &&
		    cpns_record_check(&key->record, &why))
			conf_fault(p, key->line, "%s", why);
		for (j = 0; j < i; j++) {
			if (peer->keys[j].record.generation != key->record.generation)
				continue;
			conf_fault(p, key->line,
				   "generation %u of the key is given twice: give each key of a peer its own generation",
				   key->record.generation);
		}
	}
	if (!peer->n_keys && !p->conf->state && !p->conf->registrar)
		conf_fault(p, peer->line,
			   "peer \"%s\" has no key: write key-file and key-id", peer->name);
}

static bool can_do_suites(const struct conf_peer *peer, const struct conf_suites *suites)
{
	size_t i, j;

	if (!suites->n || !peer->n_keys)
		return true;
	for (i = 0; i < suites->n; i++) {
		if (cpns_suite_has_x25519(suites->list[i]))
			return true;
		for (j = 0; j < peer->n_keys; j++)
			if (peer->keys[j].record.pure_psk)
				return true;
	}
	return false;
}

static void check_peer(struct conf_parser *p, struct conf_peer *peer)
{
	struct conf_limits *l = &peer->limits;

	p->source = peer->source;
	if (!peer->party.id.len)
		conf_fault(p, peer->line,
			   "peer \"%s\" has no id: write id = its Entity ID", peer->name);
	if (!peer->role_set)
		conf_fault(p, peer->line,
			   "peer \"%s\" has no role: write role = server, pn-gw or pne",
			   peer->name);
	if (peer->party.id.len && peer->party.eid == p->conf->own.eid)
		conf_fault(p, peer->line,
			   "peer \"%s\" is the entity itself, or has the same EID: a peer is another entity",
			   peer->name);
	check_keys(p, peer);
	if (!can_do_suites(peer, peer->suites.n ? &peer->suites : &p->conf->suites))
		conf_fault(p, peer->line,
			   "peer \"%s\" may use pure-PSK suites only, but none of its keys has pure-psk = yes",
			   peer->name);
	if (l->soft_packets && l->hard_packets && l->soft_packets >= l->hard_packets)
		conf_fault(p, peer->line, "soft-packets of peer \"%s\" must be below hard-packets",
			   peer->name);
	if (l->soft_failed && l->hard_failed && l->soft_failed >= l->hard_failed)
		conf_fault(p, peer->line, "soft-failed of peer \"%s\" must be below hard-failed",
			   peer->name);
	if (l->soft_time && l->hard_time && l->soft_time >= l->hard_time)
		conf_fault(p, peer->line, "soft-time of peer \"%s\" must be below hard-time",
			   peer->name);
	conf_peer_set_defaults(peer, &p->conf->own);
}

static void check_shared_prefixes(struct conf_parser *p, const struct conf_peer *a,
				  const struct conf_peer *b)
{
	char text[CPNS_PREFIX_TEXT];
	size_t i, j;

	for (i = 0; i < a->addresses.n; i++) {
		for (j = 0; j < b->addresses.n; j++) {
			if (memcmp(&a->addresses.list[i], &b->addresses.list[j],
				   sizeof(b->addresses.list[j])))
				continue;
			cpns_prefix_format(&a->addresses.list[i], text);
			conf_fault(p, a->line,
				   "%s is an address of peer \"%s\" and of peer \"%s\"",
				   text, b->name, a->name);
		}
	}
}

static void check_pairs(struct conf_parser *p, size_t i)
{
	struct conf_peer *a = p->conf->peers[i], *b;
	size_t j, k, l;

	p->source = a->source;
	for (j = 0; j < i; j++) {
		b = p->conf->peers[j];
		if (a->party.id.len && a->party.eid == b->party.eid)
			conf_fault(p, a->line,
				   "peer \"%s\" has the Entity ID, or at least the EID, of peer \"%s\" (line %u)",
				   a->name, b->name, b->line);
		check_shared_prefixes(p, a, b);
		if (a->multicast && b->multicast)
			conf_fault(p, a->line,
				   "multicast goes to one peer only, and peer \"%s\" (line %u) is named already",
				   b->name, b->line);
		for (k = 0; k < a->n_keys; k++)
			for (l = 0; l < b->n_keys; l++)
				if (a->keys[k].has_key_id && b->keys[l].has_key_id &&
				    !memcmp(a->keys[k].record.key_id, b->keys[l].record.key_id,
					    CPNS_KEY_ID_LEN))
					conf_fault(p, a->keys[k].line,
						   "this key-id is that of a key of peer \"%s\": each key has its own",
						   b->name);
	}
	for (k = 0; k < a->n_keys; k++)
		for (l = 0; l < k; l++)
			if (a->keys[k].has_key_id && a->keys[l].has_key_id &&
			    !memcmp(a->keys[k].record.key_id, a->keys[l].record.key_id,
				    CPNS_KEY_ID_LEN))
				conf_fault(p, a->keys[k].line,
					   "this key-id is used twice: each key has its own");
}

static void check_classes(struct conf_parser *p)
{
	struct conf *conf = p->conf;
	size_t i, j;

	if (conf->n_classes > CPNS_CLASSES_MAX)
		conf_fault(p, 0, "%zu classes, but a device takes at most %d",
			   conf->n_classes, CPNS_CLASSES_MAX);
	for (i = 0; i < conf->n_classes; i++) {
		struct conf_class *class = conf->classes[i];

		p->source = class->source;
		if (!class->prio_set)
			conf_fault(p, class->line,
				   "class \"%s\" has no prio: write prio = a number of its own",
				   class->name);
		if (!class->mark_set)
			conf_fault(p, class->line,
				   "class \"%s\" has no mark: write mark = the firewall mark of its packets",
				   class->name);
		if (class->mark & ~class->mask)
			conf_fault(p, class->line,
				   "the mark of class \"%s\" has bits outside its mask: it would never match",
				   class->name);
		if (class->mode == CPNS_MODE_AUTH && class->clear)
			conf_fault(p, class->line,
				   "class \"%s\" is not encrypted at all: leave clear out",
				   class->name);
		for (j = 0; j < i; j++)
			if (class->prio_set && conf->classes[j]->prio_set &&
			    class->prio == conf->classes[j]->prio)
				conf_fault(p, class->line,
					   "class \"%s\" has the prio of class \"%s\"",
					   class->name, conf->classes[j]->name);
	}
}

/* Who the entity is and which Server it has stand in its state file. */
static void take_state(struct conf_parser *p)
{
	struct conf *conf = p->conf;
	char error[CPNS_ERROR_TEXT];
	struct cpns_state *state;

	if (conf->own.id.len || conf->own.role || conf->server.len)
		conf_fault(p, p->entity_line,
			   "with state, leave id, role and server out of [entity]: they stand in the state file");
	if (cpns_state_load(conf->state, &state, error)) {
		conf_fault(p, p->entity_line, "%s", error);
		return;
	}
	conf->own = state->own;
	conf->server = state->server.id;
	cpns_state_free(state);
}

static void check_server(struct conf_parser *p)
{
	const struct conf *conf = p->conf;

	if (p->server_line && conf->own.role && conf->own.role != CPNS_ROLE_SERVER)
		conf_fault(p, p->server_line, "[server] is for the role server only");
	if (p->server_line && !conf->registrar)
		conf_fault(p, p->server_line,
			   "[server] has no registrar: write registrar = the path of its keys socket");
	if (conf->via.endpoint.port && conf->own.role == CPNS_ROLE_SERVER)
		conf_fault(p, p->entity_line, "via is for who reaches the Server, not for it");
}

static void check_relay(struct conf_parser *p)
{
	const struct conf *conf = p->conf;

	if (!p->relay_line)
		return;
	if (conf->own.role && conf->own.role != CPNS_ROLE_PNGW)
		conf_fault(p, p->relay_line, "[relay] is for the role pn-gw only");
	if (!conf->n_pans)
		conf_fault(p, p->relay_line,
			   "[relay] has no pan: write pan = the interfaces on which PNE come in");
}

static void check_entity(struct conf_parser *p)
{
	struct conf *conf = p->conf;
	const struct cpns_name *server = &conf->server;
	int ret;

	p->source = p->entity_source;
	if (!p->entity_line) {
		conf_fault(p, 0, "there is no [entity] section: it says whose device this is");
		return;
	}
	if (conf->state)
		take_state(p);
	if (!conf->own.id.len)
		conf_fault(p, p->entity_line,
			   "[entity] has no id: write id = the Entity ID of this end");
	if (!conf->own.role)
		conf_fault(p, p->entity_line,
			   "[entity] has no role: write role = server, pn-gw or pne");
	if (!server->len && conf->own.role == CPNS_ROLE_SERVER)
		server = &conf->own.id;
	if (!server->len) {
		if (conf->own.role)
			conf_fault(p, p->entity_line,
				   "[entity] has no server: write server = the Entity ID of the Server of the domain, which the overlay addresses come from");
		return;
	}
	ret = cpns_domain_from_server(&conf->domain, server);
	if (!ret)
		ret = cpns_overlay_prefix(&conf->domain, conf->prefix);
	if (ret)
		conf_fault(p, p->entity_line,
			   "the server's Entity ID names no domain: it ends in '@'");
	conf->server = *server;
}

static int check(struct conf_parser *p)
{
	size_t i;

	check_entity(p);
	p->source = p->entity_source;
	check_server(p);
	check_relay(p);
	for (i = 0; i < p->conf->n_peers; i++)
		check_peer(p, p->conf->peers[i]);
	for (i = 0; i < p->conf->n_peers; i++)
		check_pairs(p, i);
	check_classes(p);
	if (p->no_memory)
		return -ENOMEM;
	return p->faults ? -EINVAL : 0;
}

int conf_parse(struct conf **conf, const struct conf_source *sources, size_t n,
	       conf_fault_t fault, void *arg)
{
	struct conf_parser p = {
		.fault = fault,
		.arg = arg,
		.entity_source = n ? sources[0].name : "configuration",
		.source = "configuration",
	};
	size_t i;
	int ret;

	*conf = NULL;
	p.conf = calloc(1, sizeof(*p.conf));
	if (!p.conf)
		return -ENOMEM;
	snprintf(p.conf->device, sizeof(p.conf->device), "cpns0");
	p.conf->log_level = LOG_INFO;
	for (i = 0; i < n; i++)
		conf_parse_source(&p, &sources[i]);
	ret = check(&p);
	if (ret)
		conf_free(p.conf);
	else
		*conf = p.conf;
	return ret;
}

int conf_load(struct conf **conf, const char *const *files, size_t n,
	      conf_fault_t fault, void *arg)
{
	struct conf_source *sources;
	char text[CONF_FAULT_TEXT];
	size_t i;
	int err, ret = 0;

	*conf = NULL;
	sources = calloc(n + 1, sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		sources[i].name = files[i];
		err = file_read(files[i], CONF_FILE_MAX, (char **)&sources[i].text,
				&sources[i].len, NULL);
		if (!err)
			continue;
		ret = -EIO;
		snprintf(text, sizeof(text), "%s: can't be read: %s", files[i], strerror(-err));
		if (fault)
			fault(arg, text);
	}
	if (!ret)
		ret = conf_parse(conf, sources, n, fault, arg);
	for (i = 0; i < n; i++)
		free((char *)sources[i].text);
	free(sources);
	return ret;
}
