// SPDX-License-Identifier: GPL-2.0
/* cpnsd: command line, privileges, background. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <json-secret.h>

#include "conf.h"
#include "daemon.h"
#include "log.h"
#include "paths.h"

/* What the daemon and its thread may map; of a Server with 10,000 entities or more. */
#define LOCK_BYTES		(128UL << 20)
#define LOCK_BYTES_SERVER	(512UL << 20)

enum { FILES_MAX = 64 };

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAIL = 1,
	EXIT_USAGE = 2,
	EXIT_CONFIG = 3,
	EXIT_PERMISSION = 4,
};

struct options {
	const char	*files[FILES_MAX];
	size_t		n_files;
	bool		foreground;
	bool		check;
};

static const char usage_text[] =
	"usage: cpnsd [-f] [-c FILE]... | --check [-c FILE]...\n"
	"\n"
	"Makes and keeps the secure sessions of one CPNS entity.\n"
	"\n"
	"  -c, --config FILE   configuration; given again, the files are read as one\n"
	"                      (default " PATHS_CONFIG ")\n"
	"  -f, --foreground    stay in the foreground and log to standard error\n"
	"      --check         say file:line of each fault of the configuration, and end\n"
	"  -V, --version       say the version, and end\n"
	"  -h, --help          this text\n"
	"\n"
	"SIGHUP reads the configuration again. cpnsd(8) and cpnsd.conf(5) say more.\n";

/* Returns an exit code to end with, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:fVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			if (o->n_files == FILES_MAX) {
				fprintf(stderr, "cpnsd: more than %d files\n", FILES_MAX);
				return EXIT_USAGE;
			}
			o->files[o->n_files++] = optarg;
			break;
		case 'f':
			o->foreground = true;
			break;
		case 'C':
			o->check = true;
			break;
		case 'V':
			puts("cpnsd " CPNS_RELEASE);
			return EXIT_OK;
		case 'h':
			fputs(usage_text, stdout);
			return EXIT_OK;
		default:
			fputs("Try cpnsd --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "cpnsd: %s is no option; a configuration is named with -c\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	if (!o->n_files)
		o->files[o->n_files++] = PATHS_CONFIG;
	return -1;
}

/*
 * The files are read again later, from another directory: they are named from
 * the root on. One that is not there keeps its name, and is told as a fault.
 */
static void name_from_root(struct options *o)
{
	char *path;
	size_t i;

	for (i = 0; i < o->n_files; i++) {
		path = realpath(o->files[i], NULL);
		if (path)
			o->files[i] = path;
	}
}

static void print_fault(void *arg, const char *fault)
{
	fprintf(arg, "%s\n", fault);
}

static int check_only(const struct options *o)
{
	struct conf *conf;

	if (conf_load(&conf, o->files, o->n_files, print_fault, stderr))
		return EXIT_CONFIG;
	printf("%s on %s: peers %zu, classes %zu; no fault\n", conf->own.id.text, conf->device,
	       conf->n_peers, conf->n_classes);
	conf_free(conf);
	return EXIT_OK;
}

/* Keys are in this memory: no core dump, no debugger of the same user. */
static void forbid_dumps(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

/* A Server has a connection with each entity. */
static void allow_connections(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/*
 * No swap, where the limit allows for all that may be mapped. To be called
 * after the last fork(), as a child inherits no locks.
 */
static void lock_memory(rlim_t bytes)
{
	struct rlimit lock;

	if (getrlimit(RLIMIT_MEMLOCK, &lock))
		return;
	if (lock.rlim_cur < bytes) {
		lock.rlim_cur = bytes;
		if (lock.rlim_max < bytes)
			lock.rlim_max = bytes;
		/* Refused where the hard limit is lower, but for root. */
		setrlimit(RLIMIT_MEMLOCK, &lock);
		getrlimit(RLIMIT_MEMLOCK, &lock);
	}
	if (lock.rlim_cur < bytes || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		log_msg(LOG_INFO, "memory is not locked: key bytes may be swapped out");
}

/*
 * Goes to the background. The process that was started ends when the daemon
 * is ready, or with its exit code where it fails.
 *
 * Return: descriptor that tells of readiness, or -errno.
 */
static int go_to_background(void)
{
	unsigned char code = EXIT_FAIL;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		close(fds[1]);
		if (read(fds[0], &code, 1) != 1)
			code = EXIT_FAIL;
		_exit(code);
	}
	close(fds[0]);
	setsid();
	return fds[1];
}

static void tell_parent(int fd, unsigned char code)
{
	int null;

	if (fd < 0)
		return;
	(void)!write(fd, &code, 1);
	close(fd);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || chdir("/"))
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

static int exit_code(int ret)
{
	if (!ret)
		return EXIT_OK;
	return ret == -EPERM || ret == -EACCES ? EXIT_PERMISSION : EXIT_FAIL;
}

static int run(struct options *o)
{
	struct daemon *d = NULL;
	struct conf *conf;
	bool server;
	int ready = -1, ret, level;

	log_open(LOG_INFO, false);
	forbid_dumps();
	name_from_root(o);
	if (conf_load(&conf, o->files, o->n_files, print_fault, stderr))
		return EXIT_CONFIG;
	level = conf->log_level;
	server = conf->registrar;
	if (!o->foreground) {
		ready = go_to_background();
		if (ready < 0) {
			conf_free(conf);
			return EXIT_FAIL;
		}
	}
	log_open(level, false);
	lock_memory(server ? LOCK_BYTES_SERVER : LOCK_BYTES);
	allow_connections();
	ret = daemon_start(&d, o->files, o->n_files, conf);
	tell_parent(ready, exit_code(ret));
	if (!ret) {
		log_open(level, !o->foreground);
		ret = daemon_run(d);
	}
	daemon_free(d);
	return exit_code(ret);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int code;

	signal(SIGPIPE, SIG_IGN);
	cpns_json_wipe_on_free();
	code = parse_options(argc, argv, &o);
	if (code >= 0)
		return code;
	return o.check ? check_only(&o) : run(&o);
}
