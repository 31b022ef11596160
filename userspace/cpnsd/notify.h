/* SPDX-License-Identifier: GPL-2.0 */
/* The service manager's notification protocol, spoken directly. */
#ifndef CPNSD_NOTIFY_H
#define CPNSD_NOTIFY_H

#include <stdint.h>

/**
 * notify_send() - tell the service manager about this process
 * @state: lines VARIABLE=VALUE
 *
 * Does nothing where no manager asked for it (NOTIFY_SOCKET). Never blocks.
 */
void notify_send(const char *state);

/**
 * notify_reloading() - say that a reload has begun
 *
 * It ends with READY=1.
 */
void notify_reloading(void);

/**
 * notify_watchdog() - how often WATCHDOG=1 is due
 *
 * Return: half of what the manager waits, in ms; 0 where it doesn't
 */
uint64_t notify_watchdog(void);

#endif /* CPNSD_NOTIFY_H */
