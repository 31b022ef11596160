// SPDX-License-Identifier: GPL-2.0
/* cpns-registrar: command line, start and end. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-secret.h>
#include <secret.h>

#include "../cpnsd/log.h"
#include "../cpnsd/notify.h"
#include "chores.h"
#include "https.h"
#include "local.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAIL = 1,
	EXIT_USAGE = 2,
	EXIT_CONFIG = 3,
	EXIT_PERMISSION = 4,
};

enum { CHORES_S = 3600, WARN_EVERY = 24 };

struct options {
	const char	*file;
	bool		check;
	bool		pin;
};

/**
 * struct process - the registrar as a process
 * @registrar: the registrar
 * @ctx: TLS
 * @term: SIGTERM
 * @interrupt: SIGINT
 * @hup: SIGHUP
 * @chores: hourly
 * @watchdog: of the service manager
 * @hours: since the start
 */
struct process {
	struct registrar	registrar;
	SSL_CTX			*ctx;
	struct event		*term;
	struct event		*interrupt;
	struct event		*hup;
	struct event		*chores;
	struct event		*watchdog;
	unsigned int		hours;
};

static const char usage_text[] =
	"usage: cpns-registrar [-f] [-c FILE] | --check [-c FILE] | --pin [-c FILE]\n"
	"\n"
	"Enrols the entities of a CPNS Server and keeps their keys.\n"
	"\n"
	"  -c, --config FILE   configuration (default " REGISTRAR_CONFIG ")\n"
	"  -f, --foreground    stay in the foreground, which it always does\n"
	"      --check         say file:line of each fault of the configuration, and end\n"
	"      --pin           write what entities pin the certificate by, and end; makes\n"
	"                      the certificate where there is none\n"
	"  -V, --version       say the version, and end\n"
	"  -h, --help          this text\n"
	"\n"
	"cpns-registrar(8) says more.\n";

uint64_t registrar_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t registrar_now(void)
{
	return registrar_now_ms() / 1000;
}

json_t *registrar_server_json(const struct registrar *registrar)
{
	const struct registrar_list *list = &registrar->conf->endpoints;
	json_t *endpoints = json_array();
	size_t i;

	for (i = 0; i < list->n; i++)
		json_array_append_new(endpoints, json_string(list->value[i]));
	return json_pack("{s:s, s:o}", "id", registrar->reg.server.id.text, "endpoints",
			 endpoints);
}

/* Returns an exit code to end with, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 'C' },
		{ "pin", no_argument, NULL, 'P' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:fVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->file = optarg;
			break;
		case 'f':
			break;
		case 'C':
			o->check = true;
			break;
		case 'P':
			o->pin = true;
			break;
		case 'V':
			puts("cpns-registrar " CPNS_RELEASE);
			return EXIT_OK;
		case 'h':
			fputs(usage_text, stdout);
			return EXIT_OK;
		default:
			fputs("Try cpns-registrar --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "cpns-registrar: %s is no option; a configuration is named with -c\n",
		argv[optind]);
	return EXIT_USAGE;
}

static void print_fault(void *arg, const char *fault)
{
	fprintf(arg, "%s\n", fault);
}

/* ---- memory: what libevent frees has held keys and passwords ---- */

static void wiping_free(void *p)
{
	if (p)
		cpns_free_secret(p, malloc_usable_size(p));
}

static void *wiping_realloc(void *p, size_t size)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *new = malloc(size);

	if (!new)
		return NULL;
	if (p)
		memcpy(new, p, old < size ? old : size);
	wiping_free(p);
	return new;
}

/* No core dump, no debugger of the same user, no file that others read. */
static void protect(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	umask(0077);
	cpns_json_wipe_on_free();
	event_set_mem_functions(malloc, wiping_realloc, wiping_free);
}

/* ---- start ---- */

static int open_tls(struct process *p, char *error)
{
	const struct registrar_conf *conf = p->registrar.conf;

	return tls_open(&p->ctx, conf->certificate, conf->certificate_key, conf->server,
			p->registrar.pin, error);
}

static void tell_watchers(void *arg, const json_t *event)
{
	struct registrar *registrar = arg;

	local_event(registrar->keys, event);
}

/* A new wrapping key is made with a new store only. */
static int open_registry(struct registrar *registrar, char *error)
{
	const struct registrar_conf *conf = registrar->conf;
	const struct registry_rules rules = {
		.key_validity = conf->key_validity,
		.local_validity = conf->local_validity,
		.code_lifetime = conf->code_lifetime,
		.warn_before = conf->warn_before,
	};
	struct registry *reg = &registrar->reg;
	bool new_store = access(conf->store, F_OK) && errno == ENOENT;
	int ret;

	reg->ops = &store_sqlite;
	reg->tell = tell_watchers;
	reg->arg = registrar;
	ret = wrap_open(&reg->wrap, conf->wrapping_key, new_store, error);
	if (!ret)
		ret = reg->ops->open(&reg->store, conf->store, error);
	if (!ret)
		ret = registry_open(reg, conf->server, &rules, error);
	return ret;
}

static int open_sockets(struct registrar *registrar, char *error)
{
	const struct registrar_conf *conf = registrar->conf;
	int ret;

	if (!mkdir(conf->run_dir, 0755))
		chmod(conf->run_dir, 0755);
	ret = local_open(&registrar->keys, registrar, "keys.sock", conf->keys_group, keys_ops,
			 error);
	if (ret)
		return ret;
	return local_open(&registrar->admin, registrar, "admin.sock", conf->admin_group,
			  admin_ops, error);
}

static int start_passwords(struct registrar *registrar, char *error)
{
	const struct registrar_conf *conf = registrar->conf;
	const struct password_cost cost = {
		.memory = conf->password_memory << 20,
		.passes = (unsigned int)conf->password_passes,
		.workers = (unsigned int)conf->password_workers,
		.queue = (unsigned int)conf->password_queue,
	};
	int ret = passwords_start(&registrar->passwords, registrar->base, &cost);

	if (ret)
		snprintf(error, CPNS_ERROR_TEXT,
			 "passwords can't be hashed with password-memory = %llu: %s",
			 (unsigned long long)conf->password_memory, strerror(-ret));
	return ret;
}

static int start(struct process *p, char *error)
{
	struct registrar *registrar = &p->registrar;
	int ret;

	registrar->started = registrar_now();
	registrar->base = event_base_new();
	if (!registrar->base) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	ret = open_tls(p, error);
	if (!ret)
		ret = open_registry(registrar, error);
	if (!ret)
		ret = start_passwords(registrar, error);
	if (!ret)
		ret = open_sockets(registrar, error);
	if (!ret)
		ret = https_open(&registrar->https, registrar, p->ctx, error);
	return ret;
}

static void stop(struct process *p)
{
	struct registrar *registrar = &p->registrar;
	struct event *const events[] = {
		p->term, p->interrupt, p->hup, p->chores, p->watchdog,
	};
	size_t i;

	passwords_stop(registrar->passwords);
	https_close(registrar->https);
	local_close(registrar->keys);
	local_close(registrar->admin);
	passwords_free(registrar->passwords);
	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i])
			event_free(events[i]);
	if (registrar->base)
		event_base_free(registrar->base);
	store_sqlite.close(registrar->reg.store);
	wrap_free(registrar->reg.wrap);
	SSL_CTX_free(p->ctx);
}

/* ---- running ---- */

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	notify_send("STOPPING=1");
	event_base_loopbreak(p->registrar.base);
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_msg(LOG_NOTICE, "the configuration is read at the start: restart to change it");
}

static void on_chores(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	if (chores_run(&p->registrar, p->hours++ % WARN_EVERY == 0))
		log_msg(LOG_ERR, "cleaning the store has failed");
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_send("WATCHDOG=1");
}

static int add_events(struct process *p)
{
	struct event_base *base = p->registrar.base;
	struct timeval hour = { .tv_sec = CHORES_S };
	uint64_t ms = notify_watchdog();
	struct timeval beat = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};

	p->term = evsignal_new(base, SIGTERM, on_end, p);
	p->interrupt = evsignal_new(base, SIGINT, on_end, p);
	p->hup = evsignal_new(base, SIGHUP, on_hup, p);
	p->chores = event_new(base, -1, EV_PERSIST, on_chores, p);
	if (!p->term || !p->interrupt || !p->hup || !p->chores)
		return -ENOMEM;
	event_add(p->term, NULL);
	event_add(p->interrupt, NULL);
	event_add(p->hup, NULL);
	event_add(p->chores, &hour);
	if (!ms)
		return 0;
	p->watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, p);
	return p->watchdog ? event_add(p->watchdog, &beat) : -ENOMEM;
}

static void say_ready(const struct registrar *registrar)
{
	char state[160];
	size_t i;

	for (i = 0; i < registrar->conf->listen.n; i++)
		log_msg(LOG_INFO, "entities enrol at %s", registrar->conf->listen.value[i]);
	log_msg(LOG_NOTICE, "certificate: pin %s", registrar->pin);
	snprintf(state, sizeof(state), "READY=1\nSTATUS=pin %s", registrar->pin);
	notify_send(state);
}

static int run(struct process *p)
{
	char error[CPNS_ERROR_TEXT] = "";
	int ret = start(p, error);

	if (ret) {
		log_msg(LOG_ERR, "%s", error);
		return ret == -EPERM || ret == -EACCES ? EXIT_PERMISSION : EXIT_FAIL;
	}
	ret = add_events(p);
	if (ret)
		return EXIT_FAIL;
	on_chores(-1, 0, p);
	say_ready(&p->registrar);
	return event_base_dispatch(p->registrar.base) < 0 ? EXIT_FAIL : EXIT_OK;
}

static int print_pin(struct process *p)
{
	char error[CPNS_ERROR_TEXT];

	if (open_tls(p, error)) {
		fprintf(stderr, "cpns-registrar: %s\n", error);
		return EXIT_FAIL;
	}
	puts(p->registrar.pin);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options o = { .file = REGISTRAR_CONFIG };
	struct process p = { 0 };
	struct registrar_conf *conf;
	int code;

	signal(SIGPIPE, SIG_IGN);
	code = parse_options(argc, argv, &o);
	if (code >= 0)
		return code;
	protect();
	log_open(LOG_INFO, false);
	if (sodium_init() < 0) {
		fputs("cpns-registrar: libsodium can't be used\n", stderr);
		return EXIT_FAIL;
	}
	if (registrar_conf_load(&conf, o.file, print_fault, stderr))
		return EXIT_CONFIG;
	p.registrar.conf = conf;
	log_open(conf->log_level, false);
	if (o.check)
		printf("%s: no fault\n", o.file);
	else
		code = o.pin ? print_pin(&p) : run(&p);
	stop(&p);
	registrar_conf_free(conf);
	return o.check ? EXIT_OK : code;
}
