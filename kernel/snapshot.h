/* SPDX-License-Identifier: GPL-2.0 */
/*
 * No key survives that the machine is cloned, restored from a snapshot, or
 * hibernated: its sequence numbers could be used twice.
 */
#ifndef _CPNS_SNAPSHOT_H
#define _CPNS_SNAPSHOT_H

/**
 * cpns_snapshot_init() - watch for it
 *
 * Return: 0 or an error.
 */
int cpns_snapshot_init(void);

/**
 * cpns_snapshot_exit() - the reverse
 */
void cpns_snapshot_exit(void);

#endif /* _CPNS_SNAPSHOT_H */
