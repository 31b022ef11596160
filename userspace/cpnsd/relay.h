/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way to the Server for those whom the PN GW does not know yet: provisional
 * relay entries, made from their INITs.
 */
#ifndef CPNSD_RELAY_H
#define CPNSD_RELAY_H

#include "session.h"

/**
 * relay_intercept() - an INIT of a stranger for the Server
 * @s: sessions of a PN GW
 * @event: datagram that the kernel has handed up
 *
 * One for the Server of the domain gets an entry in the kernel, and is passed
 * on. How many there may be the kernel decides.
 *
 * Return: true where it was for somebody else than this entity, and so is done
 * with.
 */
bool relay_intercept(struct session *s, const struct cpns_event *event);

#endif /* CPNSD_RELAY_H */
