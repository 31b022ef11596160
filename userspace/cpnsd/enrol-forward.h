/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Enrolment connections of PNE that reach only the PN GW, passed on as bytes to
 * the registrar: TLS stays end to end.
 */
#ifndef CPNSD_ENROL_FORWARD_H
#define CPNSD_ENROL_FORWARD_H

#include <jansson.h>

#include "conf.h"

struct enrol_forward;
struct event_base;

/**
 * enrol_forward_new() - nothing is passed on yet
 * @base: event loop
 *
 * Return: for enrol_forward_free(), or NULL without memory.
 */
struct enrol_forward *enrol_forward_new(struct event_base *base);

/** enrol_forward_free() - end all connections; takes NULL */
void enrol_forward_free(struct enrol_forward *f);

/**
 * enrol_forward_listen() - listen as a configuration says
 * @f: forward
 * @conf: configuration; where it names none, nobody listens
 *
 * It listens on the PAN interfaces only, each by itself. What is so already
 * stays; to be called now and then, as interfaces come and go.
 */
void enrol_forward_listen(struct enrol_forward *f, const struct conf *conf);

/**
 * enrol_forward_wants() - a name that is to be resolved
 * @f: forward
 * @port: result
 *
 * Return: the name, or NULL for none.
 */
const char *enrol_forward_wants(const struct enrol_forward *f, uint16_t *port);

/** enrol_forward_resolved() - where that name is */
void enrol_forward_resolved(struct enrol_forward *f, const struct cpns_endpoint *to);

/** enrol_forward_status() - for the control socket */
json_t *enrol_forward_status(const struct enrol_forward *f);

#endif /* CPNSD_ENROL_FORWARD_H */
