/* SPDX-License-Identifier: GPL-2.0 */
/* Where cpnsd and cpnsctl meet. */
#ifndef CPNSD_PATHS_H
#define CPNSD_PATHS_H

#include <stddef.h>

#define PATHS_CONFIG	"/etc/cpns/cpnsd.conf"
#define PATHS_RUN	"/run/cpns"
#define PATHS_STATE	"/var/lib/cpns"

/**
 * paths_default() - file of a device in the directory for running things
 * @path: result
 * @size: its room
 * @device: name of the net device
 * @suffix: "sock" for the control socket, "hosts" for the names
 *
 * The name holds the number of the network namespace, as several may have a
 * device of one name and share the directory.
 */
void paths_default(char *path, size_t size, const char *device, const char *suffix);

#endif /* CPNSD_PATHS_H */
