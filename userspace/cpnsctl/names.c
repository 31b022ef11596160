// SPDX-License-Identifier: GPL-2.0
/* Names of entities. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <codec.h>

#include "../cpnsd/file.h"
#include "../cpnsd/paths.h"
#include "client.h"
#include "names.h"

#define HOSTS_MAX	(4 << 20)

/* "address<TAB>Entity-ID name.device"; either name may be missing. */
static void take_line(struct names *names, const char *device, char *line)
{
	char *save, *word = strtok_r(line, " \t", &save), *name = NULL, *id = NULL, *dot;
	struct names_entry *list;
	struct in6_addr addr;

	if (!word || inet_pton(AF_INET6, word, &addr) != 1)
		return;
	while ((word = strtok_r(NULL, " \t", &save))) {
		dot = strrchr(word, '.');
		if (dot && !strcmp(dot + 1, device)) {
			*dot = 0;
			name = word;
		} else {
			id = word;
		}
	}
	list = realloc(names->list, (names->n + 1) * sizeof(*list));
	if (!list)
		return;
	names->list = list;
	list[names->n].eid = cpns_get_u64(addr.s6_addr + 8);
	list[names->n].name = name ? strdup(name) : NULL;
	list[names->n].id = id ? strdup(id) : NULL;
	names->n++;
}

static void read_hosts(struct names *names, const char *device)
{
	char path[128], *text, *line, *save;
	size_t len;

	paths_default(path, sizeof(path), device, "hosts");
	if (file_read(path, HOSTS_MAX, &text, &len, NULL))
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line[0] != '#')
			take_line(names, device, line);
	free(text);
}

static int by_eid(const void *a, const void *b)
{
	uint64_t x = ((const struct names_peer *)a)->eid, y = ((const struct names_peer *)b)->eid;

	return (x > y) - (x < y);
}

/* A PN GW may have thousands, and each is asked for several times. */
static void sort_peers(struct names *names)
{
	const json_t *list = json_object_get(names->daemon, "peers");
	const char *eid;
	json_t *peer;
	size_t i;

	names->peers = calloc(json_array_size(list), sizeof(*names->peers));
	if (!names->peers)
		return;
	json_array_foreach(list, i, peer) {
		eid = json_string_value(json_object_get(peer, "eid"));
		if (!eid || cpns_eid_parse(eid, &names->peers[names->n_peers].eid))
			continue;
		names->peers[names->n_peers++].answer = peer;
	}
	qsort(names->peers, names->n_peers, sizeof(*names->peers), by_eid);
}

void names_get(struct ctl *ctl, const struct cpns_dev *dev, struct names *names)
{
	memset(names, 0, sizeof(*names));
	names->error = client_ask(ctl, dev->ifname, json_pack("{s:s}", "op", "status"),
				  &names->daemon);
	if (!names->error && !json_is_true(json_object_get(names->daemon, "ok"))) {
		json_decref(names->daemon);
		names->daemon = NULL;
		names->error = -EPROTO;
	}
	if (names->error)
		read_hosts(names, dev->ifname);
	else
		sort_peers(names);
}

void names_free(struct names *names)
{
	size_t i;

	free(names->peers);
	json_decref(names->daemon);
	for (i = 0; i < names->n; i++) {
		free(names->list[i].name);
		free(names->list[i].id);
	}
	free(names->list);
}

static bool is_eid(const json_t *object, uint64_t eid)
{
	const char *text = json_string_value(json_object_get(object, "eid"));
	uint64_t value;

	return text && !cpns_eid_parse(text, &value) && value == eid;
}

const json_t *names_peer(const struct names *names, uint64_t eid)
{
	const struct names_peer key = { .eid = eid }, *peer = NULL;

	if (names->n_peers)
		peer = bsearch(&key, names->peers, names->n_peers, sizeof(key), by_eid);
	return peer ? peer->answer : NULL;
}

const char *names_revoked(const struct names *names, uint64_t eid)
{
	const json_t *server = json_object_get(names->daemon, "server");
	json_t *entity;
	size_t i;

	json_array_foreach(json_object_get(server, "revoked"), i, entity)
		if (is_eid(entity, eid))
			return json_string_value(json_object_get(entity, "id"));
	return NULL;
}

static const struct names_entry *find_entry(const struct names *names, uint64_t eid)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (names->list[i].eid == eid)
			return &names->list[i];
	return NULL;
}

const char *names_name(const struct names *names, uint64_t eid)
{
	const struct names_entry *entry = find_entry(names, eid);

	return entry ? entry->name :
	       json_string_value(json_object_get(names_peer(names, eid), "name"));
}

const char *names_id(const struct names *names, uint64_t eid)
{
	const struct names_entry *entry = find_entry(names, eid);
	const json_t *entity = json_object_get(names->daemon, "entity");

	if (entry)
		return entry->id;
	if (entity && is_eid(entity, eid))
		return json_string_value(json_object_get(entity, "id"));
	return json_string_value(json_object_get(names_peer(names, eid), "id"));
}

const char *names_label(const struct names *names, uint64_t eid, char *buf)
{
	const char *name = names_name(names, eid);

	if (!name)
		name = names_id(names, eid);
	if (name)
		return name;
	cpns_eid_format(eid, buf);
	return buf;
}

static bool has_name(const char *have, const char *word)
{
	return have && !strcmp(have, word);
}

bool names_find(const struct names *names, const char *word, uint64_t *eid)
{
	const char *text;
	json_t *peer;
	size_t i;

	json_array_foreach(json_object_get(names->daemon, "peers"), i, peer) {
		if (!has_name(json_string_value(json_object_get(peer, "name")), word) &&
		    !has_name(json_string_value(json_object_get(peer, "id")), word))
			continue;
		text = json_string_value(json_object_get(peer, "eid"));
		return text && !cpns_eid_parse(text, eid);
	}
	for (i = 0; i < names->n; i++) {
		if (has_name(names->list[i].name, word) || has_name(names->list[i].id, word)) {
			*eid = names->list[i].eid;
			return true;
		}
	}
	return !cpns_eid_parse(word, eid);
}
