/* SPDX-License-Identifier: GPL-2.0 */
/* Who is behind an address: Documentation/whois.md. */
#ifndef CPNSD_WHOIS_H
#define CPNSD_WHOIS_H

#include <jansson.h>

#include "session.h"

/**
 * whois_find() - who an entity is
 * @s: running
 * @request: object with "address", "eid" or "entity"
 * @found: result, for json_decref(): "entity", "eid", "role", "user", "own",
 *	"session", and where that is true "key" and "since"
 *
 * Return: 0, -EINVAL (none of the three, or not of its form), -ENOENT (nobody
 * that is known) or -ENOMEM.
 */
int whois_find(const struct session *s, const json_t *request, json_t **found);

#endif /* CPNSD_WHOIS_H */
