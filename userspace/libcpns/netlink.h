/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink transport: requests with the kernel's own words in the
 * error, dumps that are repeated when they were interrupted, and a separate
 * socket for events. Nothing here knows CPNS.
 *
 * extack is read by hand: libnl gives neither the message nor the kernel's own
 * error number.
 */
#ifndef _CPNS_NETLINK_H
#define _CPNS_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nlmsghdr;
struct cpns_nl;

/**
 * struct cpns_nl_error - what the kernel said about a refused request
 * @code: -errno as the kernel gave it, 0 = none
 * @message: its words, or ""
 * @bad_offset: where in the request it pointed, 0 = nowhere
 * @bad_attr: attribute type that it pointed at, 0 = none
 * @missing_attr: attribute type that was missing, 0 = none
 */
struct cpns_nl_error {
	int code;
	char message[128];
	uint32_t bad_offset;
	uint16_t bad_attr;
	uint16_t missing_attr;
};

/** cpns_nl_handler - called for each message; 0 or -errno to stop */
typedef int (*cpns_nl_handler)(void *ctx, const struct nlmsghdr *nlh);

/**
 * cpns_nl_open() - open a socket for requests and resolve a family
 * @family: name; resolving loads the module where there is one
 * @nl: result
 *
 * Return: 0, -ENOENT (no such family, module not there) or -errno.
 */
int cpns_nl_open(const char *family, struct cpns_nl **nl);

/**
 * cpns_nl_open_events() - open a socket for events and join a group
 * @family: name
 * @group: multicast group; NULL = none (a socket that is to receive messages
 *	sent to its port)
 * @nl: result; its descriptor does not block
 *
 * Return: 0, -EPERM (the group needs CAP_NET_ADMIN), -ENOENT or -errno.
 */
int cpns_nl_open_events(const char *family, const char *group, struct cpns_nl **nl);

/** cpns_nl_close() - close and free; NULL is allowed */
void cpns_nl_close(struct cpns_nl *nl);

/** cpns_nl_fd() - descriptor, to poll */
int cpns_nl_fd(const struct cpns_nl *nl);

/** cpns_nl_port() - netlink port id of the socket */
uint32_t cpns_nl_port(const struct cpns_nl *nl);

/** cpns_nl_error() - what the kernel said about the last request */
const struct cpns_nl_error *cpns_nl_error(const struct cpns_nl *nl);

/**
 * cpns_nl_message() - begin a request
 * @nl: socket
 * @cmd: command of the family
 * @dump: is it a dump
 *
 * Return: a message to put attributes in, freed by the function that sends it,
 * or NULL without memory.
 */
struct nl_msg *cpns_nl_message(struct cpns_nl *nl, uint8_t cmd, bool dump);

/** cpns_nl_discard() - erase and free a message that is not to be sent */
void cpns_nl_discard(struct nl_msg *msg);

/**
 * cpns_nl_request() - send a request and wait for its end
 * @nl: socket of cpns_nl_open()
 * @msg: request; erased and freed on every path
 * @handler: called for each answer; may be NULL
 * @ctx: given to @handler
 *
 * A dump that was interrupted is sent again, up to 16 times: @handler then
 * sees everything anew, after one call with a NULL message. Events that come in
 * between are kept for cpns_nl_receive().
 *
 * Return: 0, the kernel's -errno (see cpns_nl_error()), -EINTR (the dump never
 * came through whole) or what @handler returned.
 */
int cpns_nl_request(struct cpns_nl *nl, struct nl_msg *msg, cpns_nl_handler handler, void *ctx);

/**
 * cpns_nl_send() - send a request without waiting for its end
 * @nl: socket
 * @msg: request; erased and freed on every path
 *
 * A refusal comes to cpns_nl_receive(), which keeps it for cpns_nl_error().
 *
 * Return: 0, -EAGAIN (the socket is full) or -errno.
 */
int cpns_nl_send(struct cpns_nl *nl, struct nl_msg *msg);

/**
 * cpns_nl_receive() - take what waits on a socket for events
 * @nl: socket of cpns_nl_open_events()
 * @handler: called for each message of each datagram
 * @ctx: given to @handler
 *
 * To be called once after cpns_nl_request() on the same socket, too: that may
 * have kept events.
 *
 * Return: 0 when nothing is left, -ENOBUFS when events were lost (dump, then go
 * on), what @handler returned, or -errno.
 */
int cpns_nl_receive(struct cpns_nl *nl, cpns_nl_handler handler, void *ctx);

/**
 * cpns_nl_parse_error() - read an NLMSG_ERROR or NLMSG_DONE with its extack
 * @nlh: message
 * @error: result
 *
 * Return: error->code, or -EPROTO when it is too short.
 */
int cpns_nl_parse_error(const struct nlmsghdr *nlh, struct cpns_nl_error *error);

#endif /* _CPNS_NETLINK_H */
