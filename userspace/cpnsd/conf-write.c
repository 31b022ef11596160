// SPDX-License-Identifier: GPL-2.0
/* Writes a configuration in the form that the parser reads. */
#include <arpa/inet.h>
#include <string.h>
#include <syslog.h>

#include <linux/cpns.h>

#include <codec.h>

#include "conf.h"
#include "macros.h"

static void write_suites(FILE *out, const struct conf_suites *suites)
{
	uint8_t i;

	if (!suites->n)
		return;
	fputs("suites =", out);
	for (i = 0; i < suites->n; i++)
		fprintf(out, "%s %s", i ? "," : "", cpns_suite_name(suites->list[i]));
	putc('\n', out);
}

static void write_ms(FILE *out, const char *name, uint64_t ms)
{
	if (ms % 1000)
		fprintf(out, "%s = %llums\n", name, (unsigned long long)ms);
	else
		fprintf(out, "%s = %llu\n", name, (unsigned long long)ms / 1000);
}

static void write_address(FILE *out, const char *name, const struct conf_address *address,
			  bool with_len)
{
	char text[INET6_ADDRSTRLEN];

	if (!address->family)
		return;
	inet_ntop(address->family, address->addr, text, sizeof(text));
	fprintf(out, "%s = %s", name, text);
	if (with_len)
		fprintf(out, "/%u", address->len);
	putc('\n', out);
}

static void write_prefixes(FILE *out, const char *name, const struct conf_prefixes *prefixes)
{
	char text[CPNS_PREFIX_TEXT];
	size_t i;

	for (i = 0; i < prefixes->n - prefixes->granted; i++) {
		cpns_prefix_format(&prefixes->list[i], text);
		fprintf(out, "%s = %s\n", name, text);
	}
}

static void write_place(FILE *out, const char *before, const struct conf_place *place)
{
	char text[CPNS_ENDPOINT_TEXT];

	if (place->host[0]) {
		fprintf(out, strchr(place->host, ':') ? "%s[%s]:%u\n" : "%s%s:%u\n",
			before, place->host, place->endpoint.port);
	} else if (place->endpoint.family) {
		cpns_endpoint_format(&place->endpoint, text);
		fprintf(out, "%s%s\n", before, text);
	}
}

static void write_entity(const struct conf *conf, FILE *out)
{
	static const char *const levels[] = {
		[LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
		[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
	};
	size_t i;

	fputs("[entity]\n", out);
	if (conf->state)
		fprintf(out, "state = %s\n", conf->state);
	else
		fprintf(out, "id = %s\nrole = %s\nserver = %s\n", conf->own.id.text,
			cpns_role_name(conf->own.role), conf->server.text);
	fprintf(out, "device = %s\n", conf->device);
	write_place(out, "via = ", &conf->via);
	if (conf->listen_port)
		fprintf(out, "listen-port = %u\n", conf->listen_port);
	write_address(out, "local-address", &conf->local4, false);
	write_address(out, "local-address", &conf->local6, false);
	if (conf->fwmark)
		fprintf(out, "fwmark = 0x%x\n", conf->fwmark);
	if (conf->bind_interface[0])
		fprintf(out, "bind-interface = %s\n", conf->bind_interface);
	if (conf->mtu)
		fprintf(out, "mtu = %u\n", conf->mtu);
	for (i = 0; i < conf->n_addresses; i++)
		write_address(out, "address", &conf->addresses[i], true);
	if (conf->hosts_file)
		fprintf(out, "hosts-file = %s\n", *conf->hosts_file ? conf->hosts_file : "none");
	if (conf->control)
		fprintf(out, "control = %s\n", conf->control);
	if (conf->state_dir)
		fprintf(out, "state-dir = %s\n", conf->state_dir);
	write_suites(out, &conf->suites);
	if (conf->lifetime)
		fprintf(out, "lifetime = %u\n", conf->lifetime);
	if (conf->stop == CONF_STOP_PURGE)
		fputs("stop = purge\n", out);
	if (conf->log_level != LOG_INFO)
		fprintf(out, "log-level = %s\n", levels[conf->log_level]);
}

static void write_relay(const struct conf *conf, FILE *out)
{
	char from[CPNS_ENDPOINT_TEXT], before[CPNS_ENDPOINT_TEXT + 32];
	size_t i;

	if (conf->registrar)
		fprintf(out, "\n[server]\nregistrar = %s\n", conf->registrar);
	if (!conf->n_pans)
		return;
	fputs("\n[relay]\n", out);
	for (i = 0; i < conf->n_pans; i++)
		fprintf(out, "pan = %s\n", conf->pans[i]);
	if (!conf->forward.family)
		return;
	cpns_endpoint_format(&conf->forward, from);
	snprintf(before, sizeof(before), "enrol-forward = %s -> ", from);
	write_place(out, before, &conf->forward_to);
}

static void write_key(const struct conf_key *key, FILE *out)
{
	const struct cpns_key_record *r = &key->record;
	char key_id[CPNS_KEY_ID_TEXT];

	cpns_hex_encode(r->key_id, sizeof(r->key_id), key_id);
	fprintf(out, "key-file = %s\nkey-id = %s\n", key->file, key_id);
	if (r->kind != CPNS_KEY_STATIC)
		fprintf(out, "kind = %s\n", cpns_key_kind_name(r->kind));
	if (r->user_id.len)
		fprintf(out, "user-id = %s\n", r->user_id.text);
	if (r->generation)
		fprintf(out, "generation = %u\n", r->generation);
	if (r->pure_psk)
		fputs("pure-psk = yes\n", out);
	if (r->not_before)
		fprintf(out, "not-before = %llu\n", (unsigned long long)r->not_before);
	if (r->not_after)
		fprintf(out, "not-after = %llu\n", (unsigned long long)r->not_after);
}

static void write_limits(const struct conf_limits *l, FILE *out)
{
	const struct {
		const char	*name;
		uint64_t	value;
	} counts[] = {
		{ "soft-packets", l->soft_packets }, { "hard-packets", l->hard_packets },
		{ "soft-failed", l->soft_failed }, { "hard-failed", l->hard_failed },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		if (counts[i].value)
			fprintf(out, "%s = %llu\n", counts[i].name,
				(unsigned long long)counts[i].value);
	if (l->soft_time)
		write_ms(out, "soft-time", l->soft_time);
	if (l->hard_time)
		write_ms(out, "hard-time", l->hard_time);
}

static void write_peer(const struct conf_peer *peer, FILE *out)
{
	struct conf_place place = { .endpoint = peer->endpoint };
	char text[CPNS_ENDPOINT_TEXT];
	size_t i;

	memcpy(place.host, peer->host, sizeof(place.host));
	fprintf(out, "\n[peer \"%s\"]\nid = %s\nrole = %s\n", peer->name, peer->party.id.text,
		cpns_role_name(peer->party.role));
	write_place(out, "endpoint = ", &place);
	for (i = 0; i < peer->n_keys; i++)
		if (peer->keys[i].file)
			write_key(&peer->keys[i], out);
	write_suites(out, &peer->suites);
	if (peer->lifetime)
		fprintf(out, "lifetime = %u\n", peer->lifetime);
	write_limits(&peer->limits, out);
	if (peer->keepalive_set)
		write_ms(out, "keepalive", peer->keepalive);
	if (peer->passive_keepalive != CPNS_PASSIVE_KEEPALIVE * 1000)
		write_ms(out, "passive-keepalive", peer->passive_keepalive);
	if (peer->timeout != CPNS_PEER_TIMEOUT * 1000)
		write_ms(out, "timeout", peer->timeout);
	if (peer->window != CPNS_WINDOW_DEFAULT)
		fprintf(out, "window = %u\n", peer->window);
	write_prefixes(out, "address", &peer->addresses);
	write_prefixes(out, "allowed-dst", &peer->allowed_dst);
	if (peer->min_mode == CPNS_MODE_AUTH)
		fputs("accept = auth\n", out);
	else if (peer->max_clear)
		fprintf(out, "accept = clear:%u\n", peer->max_clear * CPNS_CLEAR_UNIT);
	if (*peer->pan) {
		cpns_endpoint_format(&peer->pan_place, text);
		fprintf(out, "pan = %s %s\n", peer->pan, text);
	}
	if (peer->multicast)
		fputs("multicast = yes\n", out);
	if (!peer->routes)
		fputs("routes = no\n", out);
	if (peer->connect_set)
		fprintf(out, "connect = %s\n", conf_connect_name(peer->connect));
}

static void write_class(const struct conf_class *class, FILE *out)
{
	fprintf(out, "\n[class \"%s\"]\nprio = %u\nmark = 0x%x\n", class->name, class->prio,
		class->mark);
	if (class->mask != UINT32_MAX)
		fprintf(out, "mask = 0x%x\n", class->mask);
	if (class->mode == CPNS_MODE_AUTH)
		fputs("mode = auth\n", out);
	else if (class->clear)
		fprintf(out, "mode = encrypt\nclear = %u\n", class->clear * CPNS_CLEAR_UNIT);
}

void conf_write(const struct conf *conf, FILE *out)
{
	size_t i;

	write_entity(conf, out);
	write_relay(conf, out);
	for (i = 0; i < conf->n_peers; i++)
		if (!conf->peers[i]->granted)
			write_peer(conf->peers[i], out);
	for (i = 0; i < conf->n_classes; i++)
		write_class(conf->classes[i], out);
}
