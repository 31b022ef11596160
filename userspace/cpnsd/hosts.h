/* SPDX-License-Identifier: GPL-2.0 */
/* The names of entities in a hosts file. */
#ifndef CPNSD_HOSTS_H
#define CPNSD_HOSTS_H

#include "conf.h"

/**
 * hosts_write() - put the overlay addresses of a configuration into a file
 * @path: file; replaced as a whole, so that nobody reads half of it
 * @conf: configuration
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Only the block of the configuration's device is changed; what else is in the
 * file stays. A file that is as it should be is not touched.
 *
 * Return: 0 or -errno.
 */
int hosts_write(const char *path, const struct conf *conf, char *error);

/**
 * hosts_remove() - take the block of a device out of a file
 * @path: file; removed where nothing is left in it
 * @device: name of the net device
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -errno.
 */
int hosts_remove(const char *path, const char *device, char *error);

#endif /* CPNSD_HOSTS_H */
