/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to the daemon over its control socket. */
#ifndef CPNSCTL_CLIENT_H
#define CPNSCTL_CLIENT_H

#include <jansson.h>

#include "ctl.h"

/**
 * client_ask() - one request and its answer
 * @ctl: options
 * @device: name of the device that the daemon has
 * @request: "op" and what belongs to it; taken over
 * @answer: result, for json_decref(); NULL where there is none
 *
 * Nothing is printed: where there is no daemon many commands go on without.
 *
 * Return: 0; -ENOENT or -ECONNREFUSED where there is no daemon; -EACCES or
 * -EPERM where it does not speak with this user; -errno.
 */
int client_ask(struct ctl *ctl, const char *device, json_t *request, json_t **answer);

/**
 * client_require() - as client_ask(), but an error is told
 * @ctl: options
 * @device: name of the device
 * @request: taken over
 * @answer: result, where "ok" is true
 *
 * Return: enum ctl_exit
 */
int client_require(struct ctl *ctl, const char *device, json_t *request, json_t **answer);

#endif /* CPNSCTL_CLIENT_H */
