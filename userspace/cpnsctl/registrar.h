/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to the registrar over its socket for administration. */
#ifndef CPNSCTL_REGISTRAR_H
#define CPNSCTL_REGISTRAR_H

#include <jansson.h>

#include "ctl.h"

#define REGISTRAR_SOCKET	"/run/cpns-registrar/admin.sock"

/**
 * registrar_ask() - one request and its answer
 * @ctl: options; -s names another socket
 * @request: "op" and what belongs to it; taken over, also where it is NULL
 * @answer: result where "ok" is true, for json_decref(); else NULL
 *
 * Return: enum ctl_exit; an error has been told.
 */
int registrar_ask(struct ctl *ctl, json_t *request, json_t **answer);

/**
 * registrar_do() - a request of whose answer nothing but its success counts
 * @ctl: options
 * @request: taken over
 * @done: what has been done then, for a person, as printf() takes it
 *
 * In JSON the answer is written.
 *
 * Return: enum ctl_exit; an error has been told.
 */
__printf(3, 4)
int registrar_do(struct ctl *ctl, json_t *request, const char *done, ...);

/**
 * registrar_show() - a request whose answer is to be shown
 * @ctl: options
 * @request: taken over
 * @field: what is shown as text; NULL for all of the answer
 * @none: what is said where @field is an empty list
 *
 * In JSON the whole answer is written.
 *
 * Return: enum ctl_exit; an error has been told.
 */
int registrar_show(struct ctl *ctl, json_t *request, const char *field, const char *none);

#endif /* CPNSCTL_REGISTRAR_H */
