/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The header of a datagram: its rules that hold whatever the state, and that of DATA
 * as it is sent.
 */
#ifndef _CPNS_HEADER_H
#define _CPNS_HEADER_H

#include <linux/types.h>
#include <cpns/wire.h>

struct cpns_session;

/**
 * cpns_header_is_valid() - may a datagram begin like this?
 * @h: header
 * @dst: its destination, in host order
 * @src: its source, in host order
 */
bool cpns_header_is_valid(const struct cpns_header *h, u64 dst, u64 src);

/**
 * cpns_header_data_is_valid() - may DATA begin like this?
 * @dh: header, of which as much is read as there is
 * @len: bytes of the datagram
 */
bool cpns_header_data_is_valid(const struct cpns_data_header *dh, unsigned int len);

/**
 * cpns_header_is_alike() - have two datagrams the same header, but for the hop limit?
 * @a: one
 * @b: the other
 */
bool cpns_header_is_alike(const u8 *a, const u8 *b);

/**
 * cpns_header_assoc() - bytes of DATA that are authenticated only, from its start
 * @h: header, valid or as cpns_header_make_data() has made it
 * @len: bytes of the datagram, with its tag
 */
unsigned int cpns_header_assoc(const struct cpns_header *h, unsigned int len);

/**
 * cpns_header_make_data() - write the header of DATA, with a hop limit of 0
 * @dh: result
 * @s: session that it is sent with
 * @seq: sequence number
 * @mode: enum cpns_mode
 * @clear: clear prefix that is asked for, in units of CPNS_CLEAR_UNIT
 * @len: bytes of the packet inside; no more of it is left clear
 */
void cpns_header_make_data(struct cpns_data_header *dh, const struct cpns_session *s, u64 seq,
			   u8 mode, u8 clear, unsigned int len);

#endif /* _CPNS_HEADER_H */
