/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control stream between an entity and its Server, as
 * Documentation/control-stream.md says: what both of its ends share.
 */
#ifndef CPNSD_CONTROL_STREAM_H
#define CPNSD_CONTROL_STREAM_H

#include <jansson.h>
#include <netinet/in.h>
#include <stdint.h>

enum control_stream {
	CPNS_CONTROL_PORT = 4789,
	CONTROL_STREAM_VERSION = 1,
	CONTROL_STREAM_LINE = 16 << 20,	/* bytes in a line to an entity */
	CONTROL_STREAM_HELLO = 4 << 20,	/* bytes in a line to the Server */
	CONTROL_STREAM_PING_S = 10,
	CONTROL_STREAM_SILENT_S = 30,	/* nothing heard: it is over */
};

/**
 * control_stream_address() - link-local address of an entity on a device
 * @addr: result
 * @eid: entity
 * @ifindex: device
 * @port: TCP port, 0 for any
 */
void control_stream_address(struct sockaddr_in6 *addr, uint64_t eid, uint32_t ifindex,
			    uint16_t port);

/**
 * control_stream_eid() - entity of a link-local address
 * @addr: address
 * @ifindex: device that it must be on
 *
 * Return: EID, or 0 where it is no such address.
 */
uint64_t control_stream_eid(const struct sockaddr_in6 *addr, uint32_t ifindex);

/**
 * control_stream_socket() - a TCP socket that can't leave the device
 * @device: its name
 * @addr: own address, bound to
 *
 * Return: a descriptor that does not block, or -errno.
 */
int control_stream_socket(const char *device, const struct sockaddr_in6 *addr);

/** control_stream_message() - {"v":1,"type":...}, or NULL without memory */
json_t *control_stream_message(const char *type);

/** control_stream_type() - type of a message; "" where it or its version is wrong */
const char *control_stream_type(const json_t *message);

#endif /* CPNSD_CONTROL_STREAM_H */
