/* SPDX-License-Identifier: GPL-2.0 */
/* The net device of an entity: made, addressed and routed as configured. */
#ifndef CPNSD_DEVICE_H
#define CPNSD_DEVICE_H

#include "conf.h"
#include "kernel.h"
#include "rtnl.h"

/**
 * device_find() - find the device, or make it
 * @rtnl: socket
 * @conf: configuration
 * @ifindex: result
 * @made: set where it was not there
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Return: 0 or -errno.
 */
int device_find(struct rtnl *rtnl, const struct conf *conf, uint32_t *ifindex, bool *made,
		char *error);

/**
 * device_wanted() - what the configuration says of the device
 * @conf: configuration
 * @dev: result, for kernel_bind()
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0, or -ENODEV where the interface to bind to is not there.
 */
int device_wanted(const struct conf *conf, struct cpns_dev *dev, char *error);

/**
 * device_apply() - addresses, routes, MTU, and up
 * @rtnl: socket
 * @ifindex: device
 * @old: configuration in force, NULL at start
 * @new: configuration that is to be
 *
 * Differences only: what is as it should be is not touched, and what an
 * administrator has added stays. Each failure is logged and the rest is done.
 *
 * Return: 0, or the first -errno.
 */
int device_apply(struct rtnl *rtnl, uint32_t ifindex, const struct conf *old,
		 const struct conf *new);

/**
 * device_peer_routes() - the routes of one peer
 * @rtnl: socket
 * @ifindex: device
 * @conf: configuration in force
 * @old: peer as it was, NULL for none
 * @new: peer as it is, NULL for none
 */
void device_peer_routes(struct rtnl *rtnl, uint32_t ifindex, const struct conf *conf,
			const struct conf_peer *old, const struct conf_peer *new);

#endif /* CPNSD_DEVICE_H */
