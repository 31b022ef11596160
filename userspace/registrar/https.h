/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The HTTPS service: POST /v1/enrol and GET /v1/server, JSON in and out.
 *
 * Refusals are {"error": code, "text": what to do}: 400 bad-request, 401
 * refused, 404 not-found, 405 method, 409 conflict, 413 too-large, 429 slow-down
 * with Retry-After, 500 failed.
 */
#ifndef CPNS_REGISTRAR_HTTPS_H
#define CPNS_REGISTRAR_HTTPS_H

#include "registrar.h"

/**
 * https_open() - listen
 * @https: result
 * @registrar: the registrar
 * @ctx: TLS context; a reference is taken
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -errno.
 */
int https_open(struct https **https, struct registrar *registrar, struct ssl_ctx_st *ctx,
	       char *error);

/**
 * https_close() - end; takes NULL
 * @https: service
 *
 * Call passwords_stop() before: it ends the requests that wait for a password.
 */
void https_close(struct https *https);

/** https_connections() - how many there are now */
unsigned int https_connections(const struct https *https);

#endif /* CPNS_REGISTRAR_HTTPS_H */
