// SPDX-License-Identifier: GPL-2.0
/* The names that a configuration may hold, and how each value is read. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/cpns.h>

#include <secret.h>

#include "conf-parse.h"
#include "conf-peer.h"
#include "ini.h"
#include "log.h"
#include "macros.h"

#define MS_PER_S	1000ULL
#define DAY_MS		86400000ULL
#define ADDRESSES_MAX	64

/**
 * struct conf_name - a name in a section
 * @name: left of the equals sign
 * @many: may be given again
 * @set: reads the value
 */
struct conf_name {
	const char	*name;
	bool		many;
	void		(*set)(struct conf_parser *p, const char *name, const char *value);
};

/* A fault of the line being read. */
#define FAULT(p, ...)								\
	do {									\
		struct conf_parser *_p = (p);					\
										\
		conf_fault(_p, _p->line, __VA_ARGS__);				\
	} while (0)

/* Calls @each for each word of a list, separated by commas and white space. */
static void each_word(struct conf_parser *p, const char *value,
		      void (*each)(struct conf_parser *p, const char *word, void *arg),
		      void *arg)
{
	char word[CONF_FAULT_TEXT];
	size_t n;

	while (*(value += strspn(value, ", \t"))) {
		n = strcspn(value, ", \t");
		if (n >= sizeof(word)) {
			FAULT(p, "a word of the list is too long");
			return;
		}
		memcpy(word, value, n);
		word[n] = 0;
		each(p, word, arg);
		value += n;
	}
}

static bool read_number(struct conf_parser *p, const char *name, const char *value,
			uint64_t min, uint64_t max, uint64_t *out)
{
	if (!cpns_u64_parse(value, min, max, out))
		return true;
	FAULT(p, "%s = %s: write a number from %llu to %llu", name, value,
	      (unsigned long long)min, (unsigned long long)max);
	return false;
}

static bool read_mark(struct conf_parser *p, const char *name, const char *value, uint32_t *out)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = isdigit((unsigned char)*value) ? strtoull(value, &end, 0) : 0;
	if (isdigit((unsigned char)*value) && !*end && !errno && n <= UINT32_MAX) {
		*out = n;
		return true;
	}
	FAULT(p, "%s = %s: write a number up to 0xffffffff", name, value);
	return false;
}

/* A time: a number of seconds, or with ms, s, min, h or d after it. */
static bool read_ms(struct conf_parser *p, const char *name, const char *value,
		    uint64_t min, uint64_t max, uint64_t *out)
{
	static const struct {
		const char	*unit;
		uint64_t	ms;
	} units[] = {
		{ "", MS_PER_S }, { "ms", 1 }, { "s", MS_PER_S }, { "min", 60 * MS_PER_S },
		{ "h", 3600 * MS_PER_S }, { "d", DAY_MS },
	};
	unsigned long long n;
	char *end;
	size_t i;

	if (!isdigit((unsigned char)*value))
		goto bad;
	errno = 0;
	n = strtoull(value, &end, 10);
	end += strspn(end, " \t");
	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].unit))
			break;
	if (errno || i == ARRAY_SIZE(units) || n > UINT64_MAX / units[i].ms)
		goto bad;
	*out = n * units[i].ms;
	if (*out >= min && *out <= max)
		return true;
	FAULT(p, "%s = %s: write a time from %llu ms to %llu s", name, value,
	      (unsigned long long)min, (unsigned long long)(max / MS_PER_S));
	return false;
bad:
	FAULT(p, "%s = %s: write a time in seconds, or with ms, s, min, h or d after it",
	      name, value);
	return false;
}

static bool read_yes(struct conf_parser *p, const char *name, const char *value)
{
	if (!strcmp(value, "yes"))
		return true;
	if (strcmp(value, "no"))
		FAULT(p, "%s = %s: write yes or no", name, value);
	return false;
}

static void read_interface(struct conf_parser *p, const char *name, const char *value,
			   char *out)
{
	const char *c;

	for (c = value; *c; c++)
		if (*c == '/' || *c == ':' || isspace((unsigned char)*c))
			break;
	if (*c || !*value || c - value >= IFNAMSIZ || !strcmp(value, ".") ||
	    !strcmp(value, "..")) {
		FAULT(p, "%s = %s: write the name of an interface, 1 to %d characters",
		      name, value, IFNAMSIZ - 1);
		return;
	}
	snprintf(out, IFNAMSIZ, "%s", value);
}

static void read_path(struct conf_parser *p, const char *name, const char *value, char **out)
{
	if (*value != '/') {
		FAULT(p, "%s = %s: write an absolute path", name, value);
		return;
	}
	*out = strdup(value);
	if (!*out)
		p->no_memory = true;
}

static bool read_party(struct conf_parser *p, const char *name, const char *value,
		       struct cpns_party *party)
{
	const char *why = "it is no Entity ID";
	unsigned int role = party->role;

	/* The role may not have been read yet; any does for the check. */
	if (!cpns_party_set(party, value, strlen(value), role ? role : CPNS_ROLE_PNE, &why)) {
		party->role = role;
		return true;
	}
	party->role = role;
	FAULT(p, "%s: %s", name, why);
	return false;
}

static bool read_role(struct conf_parser *p, const char *value, uint8_t *role)
{
	unsigned int parsed = cpns_role_parse(value);

	if (parsed) {
		*role = parsed;
		return true;
	}
	FAULT(p, "role = %s: write server, pn-gw or pne", value);
	return false;
}

static void add_suite(struct conf_parser *p, const char *word, void *arg)
{
	struct conf_suites *suites = arg;
	uint16_t suite = cpns_suite_parse(word);
	uint8_t i;

	if (!suite) {
		FAULT(p, "no suite is called %s: cpnsd.conf(5) has the list", word);
		return;
	}
	for (i = 0; i < suites->n; i++) {
		if (suites->list[i] == suite) {
			FAULT(p, "suite %s is given twice", word);
			return;
		}
	}
	suites->list[suites->n++] = suite;
}

static void read_suites(struct conf_parser *p, const char *value, struct conf_suites *suites)
{
	each_word(p, value, add_suite, suites);
	if (!suites->n)
		FAULT(p, "suites = needs at least one suite; leave it out for the default");
}

static void read_lifetime(struct conf_parser *p, const char *name, const char *value,
			  uint32_t *out)
{
	uint64_t ms;

	if (read_ms(p, name, value, CPNS_LIFETIME_MIN * MS_PER_S, CPNS_LIFETIME_MAX * MS_PER_S,
		    &ms))
		*out = ms / MS_PER_S;
}

static bool parse_address(const char *word, struct conf_address *address)
{
	char text[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(word, '/');
	size_t n = slash ? (size_t)(slash - word) : strlen(word);
	uint64_t len;

	memset(address, 0, sizeof(*address));
	if (n >= sizeof(text))
		return false;
	memcpy(text, word, n);
	text[n] = 0;
	if (inet_pton(AF_INET, text, address->addr) == 1)
		address->family = AF_INET;
	else if (inet_pton(AF_INET6, text, address->addr) == 1)
		address->family = AF_INET6;
	else
		return false;
	len = address->family == AF_INET ? 32 : 128;
	if (slash && cpns_u64_parse(slash + 1, 0, len, &len))
		return false;
	address->len = len;
	return true;
}

static bool host_ok(const char *host, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)host[i]) && !strchr(".-_:%", host[i]))
			return false;
	return len && len <= CONF_HOST_MAX;
}

/* A numeric endpoint, or a name that is resolved later. */
static void read_place(struct conf_parser *p, const char *name, const char *value,
		       struct conf_place *place)
{
	const char *colon = strrchr(value, ':'), *host = value;
	uint64_t port;
	size_t len;

	memset(place, 0, sizeof(*place));
	if (!cpns_endpoint_parse(value, &place->endpoint))
		return;
	memset(&place->endpoint, 0, sizeof(place->endpoint));
	if (!colon || cpns_u64_parse(colon + 1, 1, UINT16_MAX, &port))
		goto bad;
	len = colon - value;
	/* A link-local address whose interface is not there yet is resolved later. */
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(host, ':', len)) {
		goto bad;
	}
	if (!host_ok(host, len))
		goto bad;
	memcpy(place->host, host, len);
	place->endpoint.port = port;
	return;
bad:
	FAULT(p, "%s = %s: write address:port, [IPv6 address]:port or name:port", name, value);
}

/* [entity] */

static void entity_id(struct conf_parser *p, const char *name, const char *value)
{
	read_party(p, name, value, &p->conf->own);
}

static void entity_role(struct conf_parser *p, const char *name, const char *value)
{
	(void)name;
	read_role(p, value, &p->conf->own.role);
}

static void entity_server(struct conf_parser *p, const char *name, const char *value)
{
	const char *why;

	if (cpns_entity_id_set(&p->conf->server, value, strlen(value), &why))
		FAULT(p, "%s: %s", name, why);
}

static void entity_device(struct conf_parser *p, const char *name, const char *value)
{
	read_interface(p, name, value, p->conf->device);
}

static void entity_listen_port(struct conf_parser *p, const char *name, const char *value)
{
	uint64_t port;

	if (read_number(p, name, value, 0, UINT16_MAX, &port))
		p->conf->listen_port = port;
}

static void entity_local_address(struct conf_parser *p, const char *name, const char *value)
{
	struct conf_address address, *where;

	if (strchr(value, '/') || !parse_address(value, &address)) {
		FAULT(p, "%s = %s: write an IPv4 or IPv6 address of this host", name, value);
		return;
	}
	where = address.family == AF_INET ? &p->conf->local4 : &p->conf->local6;
	if (where->family) {
		FAULT(p, "%s may be given once for IPv4 and once for IPv6", name);
		return;
	}
	*where = address;
}

static void entity_fwmark(struct conf_parser *p, const char *name, const char *value)
{
	read_mark(p, name, value, &p->conf->fwmark);
}

static void entity_bind_interface(struct conf_parser *p, const char *name, const char *value)
{
	read_interface(p, name, value, p->conf->bind_interface);
}

static void entity_mtu(struct conf_parser *p, const char *name, const char *value)
{
	uint64_t mtu;

	if (read_number(p, name, value, CPNS_INNER_ALWAYS, 65535 - CPNS_DATA_OVERHEAD, &mtu))
		p->conf->mtu = mtu;
}

static void add_address(struct conf_parser *p, const char *word, void *arg)
{
	struct conf *conf = p->conf;
	struct conf_address address, *list;

	(void)arg;
	if (!parse_address(word, &address)) {
		FAULT(p, "address = %s: write an IPv4 or IPv6 address, with /length in a network",
		      word);
		return;
	}
	if (conf->n_addresses == ADDRESSES_MAX) {
		FAULT(p, "more than %d addresses", ADDRESSES_MAX);
		return;
	}
	list = realloc(conf->addresses, (conf->n_addresses + 1) * sizeof(*list));
	if (!list) {
		p->no_memory = true;
		return;
	}
	conf->addresses = list;
	list[conf->n_addresses++] = address;
}

static void entity_address(struct conf_parser *p, const char *name, const char *value)
{
	(void)name;
	each_word(p, value, add_address, NULL);
}

static void entity_hosts_file(struct conf_parser *p, const char *name, const char *value)
{
	if (strcmp(value, "none")) {
		read_path(p, name, value, &p->conf->hosts_file);
		return;
	}
	p->conf->hosts_file = strdup("");
	if (!p->conf->hosts_file)
		p->no_memory = true;
}

static void entity_control(struct conf_parser *p, const char *name, const char *value)
{
	read_path(p, name, value, &p->conf->control);
}

static void entity_state_dir(struct conf_parser *p, const char *name, const char *value)
{
	read_path(p, name, value, &p->conf->state_dir);
}

static void entity_state(struct conf_parser *p, const char *name, const char *value)
{
	read_path(p, name, value, &p->conf->state);
}

static void entity_via(struct conf_parser *p, const char *name, const char *value)
{
	read_place(p, name, value, &p->conf->via);
}

static void entity_suites(struct conf_parser *p, const char *name, const char *value)
{
	(void)name;
	read_suites(p, value, &p->conf->suites);
}

static void entity_lifetime(struct conf_parser *p, const char *name, const char *value)
{
	read_lifetime(p, name, value, &p->conf->lifetime);
}

static void entity_stop(struct conf_parser *p, const char *name, const char *value)
{
	if (!strcmp(value, "purge"))
		p->conf->stop = CONF_STOP_PURGE;
	else if (strcmp(value, "keep"))
		FAULT(p, "%s = %s: write keep or purge", name, value);
}

static void entity_log_level(struct conf_parser *p, const char *name, const char *value)
{
	int level = log_level_parse(value);

	if (level < 0)
		FAULT(p, "%s = %s: write error, warning, notice, info or debug", name, value);
	else
		p->conf->log_level = level;
}

static const struct conf_name entity_names[] = {
	{ "id", false, entity_id },
	{ "role", false, entity_role },
	{ "server", false, entity_server },
	{ "device", false, entity_device },
	{ "listen-port", false, entity_listen_port },
	{ "local-address", true, entity_local_address },
	{ "fwmark", false, entity_fwmark },
	{ "bind-interface", false, entity_bind_interface },
	{ "mtu", false, entity_mtu },
	{ "address", true, entity_address },
	{ "hosts-file", false, entity_hosts_file },
	{ "control", false, entity_control },
	{ "state-dir", false, entity_state_dir },
	{ "state", false, entity_state },
	{ "via", false, entity_via },
	{ "suites", false, entity_suites },
	{ "lifetime", false, entity_lifetime },
	{ "stop", false, entity_stop },
	{ "log-level", false, entity_log_level },
	{ NULL, false, NULL }
};

/* [server] */

static void server_registrar(struct conf_parser *p, const char *name, const char *value)
{
	if (strlen(value) >= CONF_SOCKET_MAX)
		FAULT(p, "%s: the path of a socket has at most %d bytes", name,
		      CONF_SOCKET_MAX - 1);
	else
		read_path(p, name, value, &p->conf->registrar);
}

static const struct conf_name server_names[] = {
	{ "registrar", false, server_registrar },
	{ NULL, false, NULL }
};

/* [relay] */

static void add_pan(struct conf_parser *p, const char *word, void *arg)
{
	struct conf *conf = p->conf;
	char name[IFNAMSIZ] = "";
	size_t i;

	(void)arg;
	read_interface(p, "pan", word, name);
	for (i = 0; i < conf->n_pans; i++)
		if (!strcmp(conf->pans[i], name))
			return;
	if (conf->n_pans == CONF_PANS_MAX)
		FAULT(p, "more than %d interfaces", CONF_PANS_MAX);
	else if (*name)
		memcpy(conf->pans[conf->n_pans++], name, sizeof(name));
}

static void relay_pan(struct conf_parser *p, const char *name, const char *value)
{
	(void)name;
	each_word(p, value, add_pan, NULL);
}

static void relay_enrol_forward(struct conf_parser *p, const char *name, const char *value)
{
	const char *arrow = strstr(value, "->");
	char from[CPNS_ENDPOINT_TEXT];
	size_t len;

	if (!arrow)
		goto bad;
	len = arrow - value;
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	if (len >= sizeof(from))
		goto bad;
	memcpy(from, value, len);
	from[len] = 0;
	if (cpns_endpoint_parse(from, &p->conf->forward))
		goto bad;
	read_place(p, name, arrow + 2 + strspn(arrow + 2, " \t"), &p->conf->forward_to);
	return;
bad:
	FAULT(p, "%s = %s: write ADDRESS:PORT -> HOST:PORT, a numeric address of this host first",
	      name, value);
}

static const struct conf_name relay_names[] = {
	{ "pan", true, relay_pan },
	{ "enrol-forward", false, relay_enrol_forward },
	{ NULL, false, NULL }
};

/* [peer] */

static void peer_id(struct conf_parser *p, const char *name, const char *value)
{
	read_party(p, name, value, &p->peer->party);
}

static void peer_role(struct conf_parser *p, const char *name, const char *value)
{
	(void)name;
	p->peer->role_set = true;
	read_role(p, value, &p->peer->party.role);
}

static void peer_endpoint(struct conf_parser *p, const char *name, const char *value)
{
	struct conf_place place = { 0 };

	read_place(p, name, value, &place);
	memcpy(p->peer->host, place.host, sizeof(place.host));
	p->peer->endpoint = place.endpoint;
}

static void peer_key_file(struct conf_parser *p, const char *name, const char *value)
{
	struct conf_peer *peer = p->peer;
	struct conf_key *keys, *key;
	char error[CPNS_ERROR_TEXT];

	/* Whoever put the key itself here shall not read it in a log. */
	if (*value != '/') {
		FAULT(p, "%s: write the absolute path of a file with the key, never the key itself",
		      name);
		return;
	}
	/* In memory that moves, the old place of a key must be erased. */
	keys = calloc(peer->n_keys + 1, sizeof(*keys));
	if (!keys) {
		p->no_memory = true;
		return;
	}
	if (peer->n_keys)
		memcpy(keys, peer->keys, peer->n_keys * sizeof(*keys));
	cpns_free_secret(peer->keys, peer->n_keys * sizeof(*keys));
	peer->keys = keys;
	key = &keys[peer->n_keys++];
	key->line = p->line;
	key->record.kind = CPNS_KEY_STATIC;
	key->file = strdup(value);
	if (!key->file)
		p->no_memory = true;
	if (cpns_key_file_read(value, key->record.key, error))
		FAULT(p, "%s: %s", name, error);
}

static void peer_key_field(struct conf_parser *p, const char *name, const char *value)
{
	struct conf_peer *peer = p->peer;
	char error[CPNS_ERROR_TEXT];

	if (!peer->n_keys) {
		FAULT(p, "%s belongs to a key: write it below the key-file that it is of", name);
		return;
	}
	if (!strcmp(name, "key-id"))
		peer->keys[peer->n_keys - 1].has_key_id = true;
	if (cpns_record_set_field(&peer->keys[peer->n_keys - 1].record, name, value, error))
		FAULT(p, "%s: %s", name, error);
}

static void peer_suites(struct conf_parser *p, const char *name, const char *value)
{
	(void)name;
	read_suites(p, value, &p->peer->suites);
}

static void peer_lifetime(struct conf_parser *p, const char *name, const char *value)
{
	read_lifetime(p, name, value, &p->peer->lifetime);
}

static void peer_limit(struct conf_parser *p, const char *name, const char *value)
{
	struct conf_limits *l = &p->peer->limits;

	if (!strcmp(name, "soft-packets"))
		read_number(p, name, value, 1, CPNS_HARD_PACKETS_CHACHA, &l->soft_packets);
	else if (!strcmp(name, "hard-packets"))
		read_number(p, name, value, 1, CPNS_HARD_PACKETS_CHACHA, &l->hard_packets);
	else if (!strcmp(name, "soft-failed"))
		read_number(p, name, value, 1, CPNS_HARD_FAILED, &l->soft_failed);
	else
		read_number(p, name, value, 1, CPNS_HARD_FAILED, &l->hard_failed);
}

static void peer_limit_time(struct conf_parser *p, const char *name, const char *value)
{
	struct conf_limits *l = &p->peer->limits;

	read_ms(p, name, value, 100, CPNS_LIFETIME_MAX * MS_PER_S,
		!strcmp(name, "soft-time") ? &l->soft_time : &l->hard_time);
}

static void peer_keepalive(struct conf_parser *p, const char *name, const char *value)
{
	uint64_t ms;

	p->peer->keepalive_set = true;
	if (!strcmp(value, "off"))
		p->peer->keepalive = 0;
	else if (read_ms(p, name, value, 0, DAY_MS, &ms))
		p->peer->keepalive = ms;
}

static void peer_passive_keepalive(struct conf_parser *p, const char *name, const char *value)
{
	uint64_t ms;

	if (read_ms(p, name, value, 100, DAY_MS, &ms))
		p->peer->passive_keepalive = ms;
}

static void peer_timeout(struct conf_parser *p, const char *name, const char *value)
{
	uint64_t ms;

	if (read_ms(p, name, value, 100, DAY_MS, &ms))
		p->peer->timeout = ms;
}

static void peer_window(struct conf_parser *p, const char *name, const char *value)
{
	uint64_t window;

	if (!read_number(p, name, value, CPNS_WINDOW_MIN, CPNS_WINDOW_MAX, &window))
		return;
	if (window % CPNS_WINDOW_STEP)
		FAULT(p, "%s = %s: write a multiple of %d", name, value, CPNS_WINDOW_STEP);
	else
		p->peer->window = window;
}

static void add_prefix(struct conf_parser *p, const char *word, void *arg)
{
	struct conf_prefixes *prefixes = arg;
	struct cpns_prefix prefix, *list;
	size_t i;

	switch (cpns_prefix_parse(word, &prefix)) {
	case 0:
		break;
	case -EDOM:
		FAULT(p, "%s has bits set after its length: write the network's own address",
		      word);
		return;
	default:
		FAULT(p, "%s is no prefix: write address/length, or an address", word);
		return;
	}
	for (i = 0; i < prefixes->n; i++)
		if (!memcmp(&prefixes->list[i], &prefix, sizeof(prefix)))
			return;
	if (prefixes->n == CPNS_PEER_PREFIXES_MAX) {
		FAULT(p, "more than %d prefixes", CPNS_PEER_PREFIXES_MAX);
		return;
	}
	list = realloc(prefixes->list, (prefixes->n + 1) * sizeof(*list));
	if (!list) {
		p->no_memory = true;
		return;
	}
	prefixes->list = list;
	list[prefixes->n++] = prefix;
}

static void peer_address(struct conf_parser *p, const char *name, const char *value)
{
	(void)name;
	each_word(p, value, add_prefix, &p->peer->addresses);
}

static void peer_allowed_dst(struct conf_parser *p, const char *name, const char *value)
{
	(void)name;
	each_word(p, value, add_prefix, &p->peer->allowed_dst);
}

/* A clear prefix: bytes in the configuration, units of 4 on the wire. */
static bool read_clear(struct conf_parser *p, const char *name, const char *value,
		       uint8_t *clear)
{
	uint64_t bytes;

	if (cpns_u64_parse(value, 0, 255 * CPNS_CLEAR_UNIT, &bytes) || bytes % CPNS_CLEAR_UNIT) {
		FAULT(p, "%s: write the bytes of the clear prefix as a multiple of %d up to %d",
		      name, CPNS_CLEAR_UNIT, 255 * CPNS_CLEAR_UNIT);
		return false;
	}
	*clear = bytes / CPNS_CLEAR_UNIT;
	return true;
}

static void peer_accept(struct conf_parser *p, const char *name, const char *value)
{
	p->peer->min_mode = CPNS_MODE_ENCRYPT;
	p->peer->max_clear = 0;
	if (!strcmp(value, "auth"))
		p->peer->min_mode = CPNS_MODE_AUTH;
	else if (!strncmp(value, "clear:", 6))
		read_clear(p, name, value + 6, &p->peer->max_clear);
	else if (strcmp(value, "encrypt"))
		FAULT(p, "%s = %s: write encrypt, clear:BYTES or auth", name, value);
}

static void peer_pan(struct conf_parser *p, const char *name, const char *value)
{
	size_t n = strcspn(value, " \t"), blank = strspn(value + n, " \t");
	char word[IFNAMSIZ + 1];

	snprintf(word, n < sizeof(word) ? n + 1 : sizeof(word), "%s", value);
	if (!blank || cpns_endpoint_parse(value + n + blank, &p->peer->pan_place)) {
		FAULT(p, "%s = %s: write INTERFACE ADDRESS:PORT of the peer on a secure PAN",
		      name, value);
		return;
	}
	read_interface(p, name, word, p->peer->pan);
}

static void peer_multicast(struct conf_parser *p, const char *name, const char *value)
{
	p->peer->multicast = read_yes(p, name, value);
}

static void peer_routes(struct conf_parser *p, const char *name, const char *value)
{
	p->peer->routes = read_yes(p, name, value);
}

const char *conf_connect_name(unsigned int connect)
{
	static const char *const names[] = {
		[CONF_CONNECT_ALWAYS] = "always",
		[CONF_CONNECT_ON_DEMAND] = "on-demand",
		[CONF_CONNECT_NEVER] = "never",
	};

	return names[connect];
}

static void peer_connect(struct conf_parser *p, const char *name, const char *value)
{
	unsigned int i;

	p->peer->connect_set = true;
	for (i = CONF_CONNECT_ALWAYS; i <= CONF_CONNECT_NEVER; i++) {
		if (!strcmp(value, conf_connect_name(i))) {
			p->peer->connect = i;
			return;
		}
	}
	FAULT(p, "%s = %s: write always, on-demand or never", name, value);
}

static const struct conf_name peer_names[] = {
	{ "id", false, peer_id },
	{ "role", false, peer_role },
	{ "endpoint", false, peer_endpoint },
	{ "key-file", true, peer_key_file },
	{ "key-id", true, peer_key_field },
	{ "kind", true, peer_key_field },
	{ "user-id", true, peer_key_field },
	{ "generation", true, peer_key_field },
	{ "pure-psk", true, peer_key_field },
	{ "not-before", true, peer_key_field },
	{ "not-after", true, peer_key_field },
	{ "suites", false, peer_suites },
	{ "lifetime", false, peer_lifetime },
	{ "soft-packets", false, peer_limit },
	{ "hard-packets", false, peer_limit },
	{ "soft-failed", false, peer_limit },
	{ "hard-failed", false, peer_limit },
	{ "soft-time", false, peer_limit_time },
	{ "hard-time", false, peer_limit_time },
	{ "keepalive", false, peer_keepalive },
	{ "passive-keepalive", false, peer_passive_keepalive },
	{ "timeout", false, peer_timeout },
	{ "window", false, peer_window },
	{ "address", true, peer_address },
	{ "allowed-dst", true, peer_allowed_dst },
	{ "accept", false, peer_accept },
	{ "pan", false, peer_pan },
	{ "multicast", false, peer_multicast },
	{ "routes", false, peer_routes },
	{ "connect", false, peer_connect },
	{ NULL, false, NULL }
};

/* [class] */

static void class_prio(struct conf_parser *p, const char *name, const char *value)
{
	uint64_t prio;

	p->class->prio_set = true;
	if (read_number(p, name, value, 0, UINT32_MAX, &prio))
		p->class->prio = prio;
}

static void class_mark(struct conf_parser *p, const char *name, const char *value)
{
	p->class->mark_set = true;
	read_mark(p, name, value, &p->class->mark);
}

static void class_mask(struct conf_parser *p, const char *name, const char *value)
{
	read_mark(p, name, value, &p->class->mask);
}

static void class_mode(struct conf_parser *p, const char *name, const char *value)
{
	if (!strcmp(value, "auth"))
		p->class->mode = CPNS_MODE_AUTH;
	else if (strcmp(value, "encrypt"))
		FAULT(p, "%s = %s: write encrypt or auth", name, value);
}

static void class_clear(struct conf_parser *p, const char *name, const char *value)
{
	read_clear(p, name, value, &p->class->clear);
}

static const struct conf_name class_names[] = {
	{ "prio", false, class_prio },
	{ "mark", false, class_mark },
	{ "mask", false, class_mask },
	{ "mode", false, class_mode },
	{ "clear", false, class_clear },
	{ NULL, false, NULL }
};

/* Sections */

static bool label_ok(struct conf_parser *p, const struct ini_item *item)
{
	const char *c;

	if (!*item->label) {
		FAULT(p, "write [%s \"name\"], with a name of your choice", item->section);
		return false;
	}
	for (c = item->label; *c; c++)
		if (iscntrl((unsigned char)*c) || isspace((unsigned char)*c))
			break;
	if (*c || c - item->label > CONF_NAME_MAX) {
		FAULT(p, "the name of a %s has 1 to %d bytes and no white space",
		      item->section, CONF_NAME_MAX);
		return false;
	}
	return true;
}

static void open_entity(struct conf_parser *p, const struct ini_item *item)
{
	if (*item->label) {
		FAULT(p, "[entity] has no name");
		p->skip = true;
	} else if (p->entity_line) {
		FAULT(p, "there is an [entity] already (%s:%u): a configuration is of one entity",
		      p->entity_source, p->entity_line);
		p->skip = true;
	} else {
		p->entity_source = p->source;
		p->entity_line = item->line;
	}
}

/* A section without a name, which there is once. */
static void open_single(struct conf_parser *p, const struct ini_item *item, unsigned int *line)
{
	p->skip = true;
	if (*item->label)
		FAULT(p, "[%s] has no name", item->section);
	else if (*line)
		FAULT(p, "there is a [%s] already (line %u)", item->section, *line);
	else
		p->skip = false;
	if (!p->skip)
		*line = item->line;
}

static void open_server(struct conf_parser *p, const struct ini_item *item)
{
	open_single(p, item, &p->server_line);
}

static void open_relay(struct conf_parser *p, const struct ini_item *item)
{
	open_single(p, item, &p->relay_line);
}

static void open_peer(struct conf_parser *p, const struct ini_item *item)
{
	struct conf *conf = p->conf;
	struct conf_peer *peer;
	size_t i;

	p->skip = !label_ok(p, item);
	for (i = 0; i < conf->n_peers && !p->skip; i++) {
		if (strcmp(conf->peers[i]->name, item->label))
			continue;
		FAULT(p, "there is a peer \"%s\" already (%s:%u)", item->label,
		      conf->peers[i]->source, conf->peers[i]->line);
		p->skip = true;
	}
	if (p->skip)
		return;
	peer = conf_peer_new(item->label);
	if (peer)
		peer->source = strdup(p->source);
	if (!peer || !peer->source || conf_append_peer(conf, peer)) {
		conf_peer_free(peer);
		p->no_memory = true;
		p->skip = true;
		return;
	}
	peer->line = item->line;
	p->peer = peer;
}

static void open_class(struct conf_parser *p, const struct ini_item *item)
{
	struct conf *conf = p->conf;
	struct conf_class *class, **list;
	size_t i;

	p->skip = !label_ok(p, item);
	for (i = 0; i < conf->n_classes && !p->skip; i++) {
		if (strcmp(conf->classes[i]->name, item->label))
			continue;
		FAULT(p, "there is a class \"%s\" already (%s:%u)", item->label,
		      conf->classes[i]->source, conf->classes[i]->line);
		p->skip = true;
	}
	if (p->skip)
		return;
	class = calloc(1, sizeof(*class));
	list = realloc(conf->classes, (conf->n_classes + 1) * sizeof(*list));
	if (list)
		conf->classes = list;
	if (class)
		class->source = strdup(p->source);
	if (!class || !list || !class->source) {
		free(class);
		p->no_memory = true;
		p->skip = true;
		return;
	}
	snprintf(class->name, sizeof(class->name), "%s", item->label);
	class->line = item->line;
	class->mask = UINT32_MAX;
	conf->classes[conf->n_classes++] = class;
	p->class = class;
}

static const struct {
	const char		*section;
	const struct conf_name	*names;
	void			(*open)(struct conf_parser *p, const struct ini_item *item);
} sections[] = {
	{ "entity", entity_names, open_entity },
	{ "server", server_names, open_server },
	{ "relay", relay_names, open_relay },
	{ "peer", peer_names, open_peer },
	{ "class", class_names, open_class },
};

#define N_SECTIONS	ARRAY_SIZE(sections)

/* Steps from one word to another: letters changed, put in or left out. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[32], diagonal, up;
	size_t n = strlen(b), i, j;

	if (n >= 31)
		return UINT32_MAX;
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i]; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (j = 1; j <= n; j++) {
			up = row[j];
			row[j] = diagonal + (a[i] != b[j - 1]);
			if (up + 1 < row[j])
				row[j] = up + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diagonal = up;
		}
	}
	return row[n];
}

static void unknown_name(struct conf_parser *p, const struct ini_item *item,
			 const struct conf_name *names)
{
	const struct conf_name *n, *best = NULL;
	unsigned int d, best_d = 4;
	size_t i;

	for (n = names; n->name; n++) {
		d = distance(item->name, n->name);
		if (d < best_d) {
			best_d = d;
			best = n;
		}
	}
	if (best) {
		FAULT(p, "[%s] has no %s: did you mean %s?", item->section, item->name,
		      best->name);
		return;
	}
	for (i = 0; i < N_SECTIONS; i++) {
		for (n = sections[i].names; n->name; n++) {
			if (!strcmp(n->name, item->name)) {
				FAULT(p, "[%s] has no %s: it goes into [%s]", item->section,
				      item->name, sections[i].section);
				return;
			}
		}
	}
	FAULT(p, "[%s] has no %s: cpnsd.conf(5) has the list", item->section, item->name);
}

static void set_name(struct conf_parser *p, const struct ini_item *item,
		     const struct conf_name *names)
{
	const struct conf_name *n;
	uint64_t bit;

	for (n = names; n->name; n++)
		if (!strcmp(n->name, item->name))
			break;
	if (!n->name) {
		unknown_name(p, item, names);
		return;
	}
	bit = 1ULL << (n - names);
	if ((p->seen & bit) && !n->many) {
		FAULT(p, "%s is given twice in this section", n->name);
		return;
	}
	p->seen |= bit;
	if (*item->value)
		n->set(p, n->name, item->value);
	else
		FAULT(p, "%s has no value", n->name);
}

static void handle(void *arg, const struct ini_item *item)
{
	struct conf_parser *p = arg;
	size_t i;

	p->line = item->line;
	for (i = 0; i < N_SECTIONS; i++)
		if (!strcmp(sections[i].section, item->section))
			break;
	if (item->name) {
		if (!p->skip)
			set_name(p, item, sections[i].names);
		return;
	}
	p->peer = NULL;
	p->class = NULL;
	p->seen = 0;
	p->skip = i == N_SECTIONS;
	if (p->skip)
		FAULT(p,
		      "there is no section [%s], but entity, server, relay, peer \"name\" and class \"name\"",
		      item->section);
	else
		sections[i].open(p, item);
}

static void handle_fault(void *arg, unsigned int line, const char *what)
{
	conf_fault(arg, line, "%s", what);
}

void conf_parse_source(struct conf_parser *p, const struct conf_source *source)
{
	p->source = source->name;
	p->skip = true;
	ini_read(source->text, source->len, handle, handle_fault, p);
}
