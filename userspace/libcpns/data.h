/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Seal and open one DATA packet in userspace: for test vectors and for peers
 * of tests. Traffic itself is the kernel module's.
 */
#ifndef _CPNS_DATA_H
#define _CPNS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "codec.h"
#include "keysched.h"

/**
 * cpns_data_nonce() - iv XOR (0^4 || seq)
 * @iv: CPNS_IV_LEN bytes
 * @seq: sequence number
 * @nonce: CPNS_IV_LEN bytes
 */
void cpns_data_nonce(const uint8_t *iv, uint64_t seq, uint8_t *nonce);

/**
 * cpns_data_seal() - build one DATA packet
 * @suite: of the session
 * @keys: of the direction
 * @h: header; type, version and nothing else is put in
 * @seq: sequence number
 * @payload: inner packet; may be NULL when @len is 0
 * @len: its bytes
 * @out: CPNS_DATA_OVERHEAD + @len bytes
 * @size: room in @out
 *
 * Return: bytes built, -EMSGSIZE, -EINVAL (what would be malformed) or -EIO.
 */
ssize_t cpns_data_seal(uint16_t suite, const struct cpns_traffic *keys,
		       const struct cpns_msg_header *h, uint64_t seq, const void *payload,
		       size_t len, void *out, size_t size);

/**
 * cpns_data_open() - check the tag of a DATA packet and decrypt it
 * @suite: of the session
 * @keys: of the direction
 * @datagram: as received
 * @len: its bytes
 * @payload: at least @len - CPNS_DATA_OVERHEAD bytes; zeros on an error
 *
 * The replay window, src and dst, the policy and the inner packet are the
 * caller's.
 *
 * Return: bytes of payload, -EPROTO (malformed, or U), -EBADMSG (tag) or -EIO.
 */
ssize_t cpns_data_open(uint16_t suite, const struct cpns_traffic *keys, const void *datagram,
		       size_t len, void *payload);

/** enum cpns_inner - result of cpns_inner_check() */
enum cpns_inner {
	CPNS_INNER_OK,
	CPNS_INNER_KEEPALIVE,	/* empty */
	CPNS_INNER_BAD,		/* no IP packet, or its length is another */
};

/**
 * cpns_inner_check() - is a payload one well-formed IP packet
 * @payload: bytes
 * @len: how many
 * @src: its source address, when CPNS_INNER_OK; may be NULL
 * @src_len: 4 or 16; may be NULL
 *
 * Return: enum cpns_inner.
 */
enum cpns_inner cpns_inner_check(const uint8_t *payload, size_t len, const uint8_t **src,
				 size_t *src_len);

#endif /* _CPNS_DATA_H */
