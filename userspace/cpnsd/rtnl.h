/* SPDX-License-Identifier: GPL-2.0 */
/* The device as a network interface: rtnetlink requests, with extack. */
#ifndef CPNSD_RTNL_H
#define CPNSD_RTNL_H

#include "conf.h"

struct rtnl;

/** rtnl_open() - a socket; 0 or -errno */
int rtnl_open(struct rtnl **rtnl);

/** rtnl_close() - close and free; takes NULL */
void rtnl_close(struct rtnl *rtnl);

/** rtnl_error() - the kernel's words about the last request, or "" */
const char *rtnl_error(const struct rtnl *rtnl);

/**
 * rtnl_link_get() - find a device of kind cpns
 * @rtnl: socket
 * @name: its name
 * @ifindex: result
 *
 * Return: 0, -ENODEV (none of that name), -EEXIST (it is of another kind) or
 * -errno.
 */
int rtnl_link_get(struct rtnl *rtnl, const char *name, uint32_t *ifindex);

/** rtnl_link_add() - make a device of kind cpns; 0 or -errno */
int rtnl_link_add(struct rtnl *rtnl, const char *name);

/** rtnl_link_del() - delete a device; 0 or -errno */
int rtnl_link_del(struct rtnl *rtnl, uint32_t ifindex);

/** rtnl_link_no_addresses() - have the kernel make no IPv6 address by itself */
int rtnl_link_no_addresses(struct rtnl *rtnl, uint32_t ifindex);

/**
 * rtnl_link_set() - bring a device up
 * @rtnl: socket
 * @ifindex: device
 * @mtu: in bytes, 0 for what it has
 *
 * Return: 0 or -errno.
 */
int rtnl_link_set(struct rtnl *rtnl, uint32_t ifindex, uint32_t mtu);

/**
 * rtnl_address_add() - put an address on a device
 * @rtnl: socket
 * @ifindex: device
 * @address: address
 *
 * Return: 0, also where it is there, or -errno.
 */
int rtnl_address_add(struct rtnl *rtnl, uint32_t ifindex, const struct conf_address *address);

/** rtnl_address_del() - take an address away; 0, also where it is not there */
int rtnl_address_del(struct rtnl *rtnl, uint32_t ifindex, const struct conf_address *address);

/**
 * rtnl_routes() - the routes that this daemon has made out of a device
 * @rtnl: socket
 * @ifindex: device
 * @list: result, for free()
 * @n: how many
 *
 * They bear the daemon's routing protocol number.
 *
 * Return: 0 or -errno.
 */
int rtnl_routes(struct rtnl *rtnl, uint32_t ifindex, struct cpns_prefix **list, size_t *n);

/** rtnl_route_add() - make a route out of a device; 0, also where it is there */
int rtnl_route_add(struct rtnl *rtnl, uint32_t ifindex, const struct cpns_prefix *prefix);

/** rtnl_route_del() - take such a route away; 0, also where it is not there */
int rtnl_route_del(struct rtnl *rtnl, uint32_t ifindex, const struct cpns_prefix *prefix);

/**
 * rtnl_watch() - a socket that tells when devices go
 *
 * Return: a descriptor that does not block, or -errno.
 */
int rtnl_watch(void);

/**
 * rtnl_watch_gone() - has a device been deleted
 * @fd: of rtnl_watch()
 * @ifindex: device
 *
 * Return: true where it is gone from this namespace.
 */
bool rtnl_watch_gone(int fd, uint32_t ifindex);

#endif /* CPNSD_RTNL_H */
