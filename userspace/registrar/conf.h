/* SPDX-License-Identifier: GPL-2.0 */
/* Configuration of the registrar: one file in the ini form. */
#ifndef CPNS_REGISTRAR_CONF_H
#define CPNS_REGISTRAR_CONF_H

#include <stddef.h>
#include <stdint.h>

#define REGISTRAR_CONFIG	"/etc/cpns/registrar.conf"
#define REGISTRAR_STATE		"/var/lib/cpns-registrar"
#define REGISTRAR_RUN		"/run/cpns-registrar"

enum {
	REGISTRAR_LIST_MAX = 8,		/* endpoints, addresses to listen on */
	REGISTRAR_FAULT_TEXT = 512,
	REGISTRAR_CONF_MAX = 65536,	/* bytes of the file */
};

/**
 * struct registrar_list - several values of one name
 * @n: how many
 * @value: they
 */
struct registrar_list {
	size_t		n;
	char		*value[REGISTRAR_LIST_MAX];
};

/**
 * struct registrar_conf - the configuration
 * @server: Entity ID of the Server
 * @endpoints: of the Server, host:port
 * @listen: addresses of the HTTPS service
 * @certificate: PEM file
 * @certificate_key: PEM file
 * @store: file
 * @wrapping_key: key file; NULL = the service manager's credential
 * @run_dir: where the local sockets are
 * @keys_group: group that may use keys.sock; NULL = root and the own user alone
 * @admin_group: the same for admin.sock
 * @log_level: LOG_*
 * @key_validity: of an EUKey, in seconds
 * @local_validity: of a LocalEUKey, in seconds
 * @code_lifetime: in seconds
 * @warn_before: in seconds
 * @audit_keep: in seconds
 * @password_memory: in MiB
 * @password_passes: over the memory
 * @password_workers: at a time
 * @password_queue: that may wait
 * @connections: to the HTTPS service at a time
 */
struct registrar_conf {
	char			*server;
	struct registrar_list	endpoints;
	struct registrar_list	listen;
	char			*certificate;
	char			*certificate_key;
	char			*store;
	char			*wrapping_key;
	char			*run_dir;
	char			*keys_group;
	char			*admin_group;
	int			log_level;
	uint64_t		key_validity;
	uint64_t		local_validity;
	uint64_t		code_lifetime;
	uint64_t		warn_before;
	uint64_t		audit_keep;
	uint64_t		password_memory;
	uint64_t		password_passes;
	uint64_t		password_workers;
	uint64_t		password_queue;
	uint64_t		connections;
};

/**
 * typedef registrar_fault_t - told of each fault of a configuration
 * @arg: the caller's
 * @fault: file:line: what is wrong and what to write
 */
typedef void (*registrar_fault_t)(void *arg, const char *fault);

/**
 * registrar_conf_parse() - read a text
 * @conf: result, for registrar_conf_free(); NULL on an error
 * @name: of the file, for faults
 * @text: bytes
 * @len: how many
 * @fault: told of each fault; may be NULL
 * @arg: for @fault
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int registrar_conf_parse(struct registrar_conf **conf, const char *name, const char *text,
			 size_t len, registrar_fault_t fault, void *arg);

/** registrar_conf_load() - read a file; as registrar_conf_parse(), or -errno */
int registrar_conf_load(struct registrar_conf **conf, const char *path,
			registrar_fault_t fault, void *arg);

/** registrar_conf_free() - takes NULL */
void registrar_conf_free(struct registrar_conf *conf);

#endif /* CPNS_REGISTRAR_CONF_H */
