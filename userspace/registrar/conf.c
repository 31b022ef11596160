// SPDX-License-Identifier: GPL-2.0
/* Configuration of the registrar. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <identity.h>
#include <text.h>

#include "../cpnsd/file.h"
#include "../cpnsd/ini.h"
#include "../cpnsd/log.h"
#include "conf.h"

#define DAY	86400ULL
#define OFFSET(member)	offsetof(struct registrar_conf, member)

/**
 * struct parser - a configuration being read
 * @conf: what has been read
 * @name: of the file
 * @fault: the caller's
 * @arg: for @fault
 * @faults: how many there were
 * @seen: bit map of the values that were given
 * @line: being read
 */
struct parser {
	struct registrar_conf	*conf;
	const char		*name;
	registrar_fault_t	fault;
	void			*arg;
	unsigned int		faults;
	uint64_t		seen;
	unsigned int		line;
};

enum kind { TEXT, PATH, LIST, NUMBER, TIME, LEVEL };

/* A value: where it goes, and what it may be. */
static const struct item {
	const char	*name;
	enum kind	kind;
	size_t		offset;
	uint64_t	min;
	uint64_t	max;
} items[] = {
	{ "server", TEXT, OFFSET(server), 0, 0 },
	{ "endpoint", LIST, OFFSET(endpoints), 0, 0 },
	{ "listen", LIST, OFFSET(listen), 0, 0 },
	{ "certificate", PATH, OFFSET(certificate), 0, 0 },
	{ "certificate-key", PATH, OFFSET(certificate_key), 0, 0 },
	{ "store", PATH, OFFSET(store), 0, 0 },
	{ "wrapping-key", PATH, OFFSET(wrapping_key), 0, 0 },
	{ "run-directory", PATH, OFFSET(run_dir), 0, 0 },
	{ "keys-group", TEXT, OFFSET(keys_group), 0, 0 },
	{ "admin-group", TEXT, OFFSET(admin_group), 0, 0 },
	{ "log-level", LEVEL, OFFSET(log_level), 0, 0 },
	{ "key-validity", TIME, OFFSET(key_validity), 60, 3650 * DAY },
	{ "local-key-validity", TIME, OFFSET(local_validity), 60, 365 * DAY },
	{ "code-lifetime", TIME, OFFSET(code_lifetime), 1, DAY },
	{ "warn-before", TIME, OFFSET(warn_before), 0, 3650 * DAY },
	{ "audit-keep", TIME, OFFSET(audit_keep), DAY, 36500 * DAY },
	{ "password-memory", NUMBER, OFFSET(password_memory), 8, 4096 },
	{ "password-passes", NUMBER, OFFSET(password_passes), 1, 100 },
	{ "password-workers", NUMBER, OFFSET(password_workers), 1, 64 },
	{ "password-queue", NUMBER, OFFSET(password_queue), 1, 10000 },
	{ "connections", NUMBER, OFFSET(connections), 1, 10000 },
};

static_assert(ARRAY_SIZE(items) <= 64, "a bit for each value");

__printf(3, 4)
static void fault(struct parser *p, unsigned int line, const char *fmt, ...)
{
	char what[REGISTRAR_FAULT_TEXT - 128], text[REGISTRAR_FAULT_TEXT];
	va_list ap;

	p->faults++;
	if (!p->fault)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (line)
		snprintf(text, sizeof(text), "%.100s:%u: %s", p->name, line, what);
	else
		snprintf(text, sizeof(text), "%.100s: %s", p->name, what);
	p->fault(p->arg, text);
}

static void set_text(struct parser *p, char **field, const char *value)
{
	free(*field);
	*field = strdup(value);
	if (!*field)
		fault(p, p->line, "no memory");
}

/* Words with commas or white space between. */
static void add_list(struct parser *p, const struct item *item, struct registrar_list *list,
		     const char *value)
{
	char *copy = strdup(value), *word, *save = NULL;

	for (word = copy ? strtok_r(copy, ", \t", &save) : NULL; word;
	     word = strtok_r(NULL, ", \t", &save)) {
		if (list->n == REGISTRAR_LIST_MAX) {
			fault(p, p->line, "%s has more than %d values", item->name,
			      REGISTRAR_LIST_MAX);
			break;
		}
		list->value[list->n] = strdup(word);
		if (list->value[list->n])
			list->n++;
	}
	free(copy);
}

static int parse_time(const char *text, uint64_t *seconds)
{
	static const struct {
		const char	*unit;
		uint64_t	factor;
	} units[] = {
		{ "", 1 }, { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", DAY },
	};
	char *end;
	size_t i;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*seconds = strtoull(text, &end, 10);
	if (errno || *seconds > UINT32_MAX)
		return -EINVAL;
	while (*end == ' ')
		end++;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].unit))
			continue;
		*seconds *= units[i].factor;
		return 0;
	}
	return -EINVAL;
}

static void set_number(struct parser *p, const struct item *item, uint64_t *field,
		       const char *value)
{
	uint64_t number;

	if (item->kind == TIME) {
		if (!parse_time(value, &number) && number >= item->min && number <= item->max)
			*field = number;
		else
			fault(p, p->line,
			      "%s is a time from %llu s to %llu d, such as 10 min, 12 h or 30 d",
			      item->name, (unsigned long long)item->min,
			      (unsigned long long)(item->max / DAY));
		return;
	}
	if (!cpns_u64_parse(value, item->min, item->max, &number))
		*field = number;
	else
		fault(p, p->line, "%s is a number from %llu to %llu", item->name,
		      (unsigned long long)item->min, (unsigned long long)item->max);
}

static void set_level(struct parser *p, int *field, const char *value)
{
	int level = log_level_parse(value);

	if (level < 0)
		fault(p, p->line, "log-level is error, warning, notice, info or debug");
	else
		*field = level;
}

static void set_item(struct parser *p, const struct item *item, const char *value)
{
	void *field = (char *)p->conf + item->offset;

	switch (item->kind) {
	case PATH:
		if (value[0] != '/') {
			fault(p, p->line, "%s is a path from the root on", item->name);
			return;
		}
		set_text(p, field, value);
		break;
	case TEXT:
		set_text(p, field, value);
		break;
	case LIST:
		add_list(p, item, field, value);
		break;
	case LEVEL:
		set_level(p, field, value);
		break;
	default:
		set_number(p, item, field, value);
		break;
	}
}

static void on_item(void *arg, const struct ini_item *ini)
{
	struct parser *p = arg;
	size_t i;

	p->line = ini->line;
	if (strcmp(ini->section, "registrar") || *ini->label) {
		if (!ini->name)
			fault(p, ini->line, "the only section is [registrar]");
		return;
	}
	if (!ini->name)
		return;
	for (i = 0; i < ARRAY_SIZE(items); i++)
		if (!strcmp(ini->name, items[i].name))
			break;
	if (i == ARRAY_SIZE(items)) {
		fault(p, ini->line, "there is no %.60s; cpns-registrar(8) names all", ini->name);
	} else if (p->seen & 1ULL << i && items[i].kind != LIST) {
		fault(p, ini->line, "%s is given twice", items[i].name);
	} else if (!*ini->value) {
		fault(p, ini->line, "%s has no value", items[i].name);
	} else {
		p->seen |= 1ULL << i;
		set_item(p, &items[i], ini->value);
	}
}

static void on_fault(void *arg, unsigned int line, const char *what)
{
	fault(arg, line, "%s", what);
}

/* host:port, [address]:port; the host is resolved by who connects. */
static bool is_host_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (!colon || colon == text || cpns_u64_parse(colon + 1, 1, 65535, &port))
		return false;
	if (text[0] == '[')
		return colon > text + 2 && colon[-1] == ']';
	return !memchr(text, ':', (size_t)(colon - text));
}

static void check_server(struct parser *p)
{
	struct cpns_name name, domain;
	const char *why;

	if (!p->conf->server) {
		fault(p, 0, "there is no server: write server = the Entity ID of the Server");
		return;
	}
	if (cpns_entity_id_set(&name, p->conf->server, strlen(p->conf->server), &why))
		fault(p, 0, "the Server's Entity ID is refused: %s", why);
	else if (cpns_domain_from_server(&domain, &name))
		fault(p, 0, "the Server's Entity ID names no domain: it ends in '@'");
}

static void check(struct parser *p)
{
	struct registrar_conf *conf = p->conf;
	struct cpns_endpoint ep;
	size_t i;

	check_server(p);
	if (!conf->endpoints.n)
		fault(p, 0,
		      "there is no endpoint: write endpoint = HOST:PORT, where the Server is reached by the entities");
	for (i = 0; i < conf->endpoints.n; i++)
		if (!is_host_port(conf->endpoints.value[i]))
			fault(p, 0, "endpoint %.80s: write HOST:PORT or [ADDRESS]:PORT",
			      conf->endpoints.value[i]);
	for (i = 0; i < conf->listen.n; i++)
		if (cpns_endpoint_parse(conf->listen.value[i], &ep))
			fault(p, 0, "listen %.80s: write ADDRESS:PORT or [ADDRESS]:PORT",
			      conf->listen.value[i]);
	if (!conf->certificate != !conf->certificate_key)
		fault(p, 0, "certificate and certificate-key go together: write both or none");
}

static void set_defaults(struct parser *p)
{
	struct registrar_conf *conf = p->conf;

	if (!conf->listen.n) {
		conf->listen.value[0] = strdup("[::]:4790");
		conf->listen.n = !!conf->listen.value[0];
	}
	if (!conf->certificate) {
		set_text(p, &conf->certificate, REGISTRAR_STATE "/tls.crt");
		set_text(p, &conf->certificate_key, REGISTRAR_STATE "/tls.key");
	}
	if (!conf->store)
		set_text(p, &conf->store, REGISTRAR_STATE "/registrar.db");
	if (!conf->run_dir)
		set_text(p, &conf->run_dir, REGISTRAR_RUN);
	if (!conf->wrapping_key && !getenv("CREDENTIALS_DIRECTORY"))
		set_text(p, &conf->wrapping_key, REGISTRAR_STATE "/wrapping.key");
}

static struct registrar_conf *conf_new(void)
{
	struct registrar_conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->log_level = LOG_INFO;
	conf->key_validity = 365 * DAY;
	conf->local_validity = 30 * DAY;
	conf->code_lifetime = 600;
	conf->warn_before = 30 * DAY;
	conf->audit_keep = 365 * DAY;
	conf->password_memory = 64;
	conf->password_passes = 2;
	conf->password_workers = 2;
	conf->password_queue = 16;
	conf->connections = 256;
	return conf;
}

int registrar_conf_parse(struct registrar_conf **result, const char *name, const char *text,
			 size_t len, registrar_fault_t on, void *arg)
{
	struct parser p = { .name = name, .fault = on, .arg = arg };

	*result = NULL;
	p.conf = conf_new();
	if (!p.conf)
		return -ENOMEM;
	ini_read(text, len, on_item, on_fault, &p);
	check(&p);
	if (!p.faults)
		set_defaults(&p);
	if (p.faults) {
		registrar_conf_free(p.conf);
		return -EINVAL;
	}
	*result = p.conf;
	return 0;
}

int registrar_conf_load(struct registrar_conf **conf, const char *path, registrar_fault_t on,
			void *arg)
{
	struct parser p = { .name = path, .fault = on, .arg = arg };
	char *text;
	size_t len;
	int ret;

	*conf = NULL;
	ret = file_read(path, REGISTRAR_CONF_MAX, &text, &len, NULL);
	if (ret) {
		fault(&p, 0, "can't be read: %s", strerror(-ret));
		return ret;
	}
	ret = registrar_conf_parse(conf, path, text, len, on, arg);
	free(text);
	return ret;
}

static void list_free(struct registrar_list *list)
{
	while (list->n)
		free(list->value[--list->n]);
}

void registrar_conf_free(struct registrar_conf *conf)
{
	size_t i;

	if (!conf)
		return;
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		void *field = (char *)conf + items[i].offset;

		if (items[i].kind == LIST)
			list_free(field);
		else if (items[i].kind == TEXT || items[i].kind == PATH)
			free(*(char **)field);
	}
	free(conf);
}
