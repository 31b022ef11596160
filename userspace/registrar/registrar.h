/* SPDX-License-Identifier: GPL-2.0 */
/* The running registrar: what its services share. */
#ifndef CPNS_REGISTRAR_REGISTRAR_H
#define CPNS_REGISTRAR_REGISTRAR_H

#include <event2/event.h>

#include "conf.h"
#include "password.h"
#include "registry.h"
#include "tls.h"

struct https;
struct local;

/**
 * struct registrar - a running registrar
 * @conf: configuration
 * @base: event loop
 * @reg: the registry
 * @passwords: workers
 * @https: service for enrolment
 * @keys: socket for the Server
 * @admin: socket for administration
 * @pin: of the certificate
 * @started: seconds since 1970
 */
struct registrar {
	const struct registrar_conf	*conf;
	struct event_base		*base;
	struct registry			reg;
	struct passwords		*passwords;
	struct https			*https;
	struct local			*keys;
	struct local			*admin;
	char				pin[TLS_PIN_TEXT];
	uint64_t			started;
};

/** registrar_now_ms() - ms since 1970 */
uint64_t registrar_now_ms(void);

/** registrar_now() - seconds since 1970 */
uint64_t registrar_now(void);

/** registrar_server_json() - {"id", "endpoints"} of the Server */
json_t *registrar_server_json(const struct registrar *registrar);

#endif /* CPNS_REGISTRAR_REGISTRAR_H */
