/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Seals and opens one datagram with the AEADs of the kernel's crypto API. No
 * other file knows that API.
 */
#ifndef _CPNS_CRYPTO_H
#define _CPNS_CRYPTO_H

#include <linux/skbuff.h>
#include <linux/types.h>
#include <cpns/wire.h>

struct crypto_aead;

/**
 * struct cpns_aead - keyed transform of one direction of a session
 * @tfm: transform with its key
 * @iv: IV of the direction, XORed with the sequence number for the nonce
 * @nonce_in_key: bytes of the nonce that are part of the key: 4 for AES-CTR
 */
struct cpns_aead {
	struct crypto_aead *tfm;
	u8 iv[CPNS_IV_LEN];
	u8 nonce_in_key;
};

/**
 * typedef cpns_crypto_done_t - called when a datagram has been worked on later
 * @arg: as the caller gave it
 * @err: 0, or why it failed
 *
 * Context: BH disabled.
 */
typedef void (*cpns_crypto_done_t)(void *arg, int err);

/**
 * cpns_crypto_suite_known() - is this a suite of the protocol?
 * @suite: code
 */
bool cpns_crypto_suite_known(u16 suite);

/**
 * cpns_crypto_suite_has_mac_key() - does the suite want a MAC key of its own?
 * @suite: code
 */
bool cpns_crypto_suite_has_mac_key(u16 suite);

/**
 * cpns_aead_init() - make the transform of one direction
 * @aead: to be filled
 * @suite: code, known
 * @key: CPNS_KEY_LEN bytes
 * @mac_key: CPNS_KEY_LEN bytes where the suite has one, else ignored
 * @iv: CPNS_IV_LEN bytes
 *
 * Context: process; may load a crypto module.
 * Return: 0, -ENOENT where the kernel lacks the algorithm, -ENOMEM, other
 * errors of the crypto API.
 */
int cpns_aead_init(struct cpns_aead *aead, u16 suite, const u8 *key,
		   const u8 *mac_key, const u8 *iv);

/**
 * cpns_aead_destroy() - free a transform and wipe what it held
 * @aead: as filled by cpns_aead_init(), or all zero
 *
 * Context: process.
 */
void cpns_aead_destroy(struct cpns_aead *aead);

/**
 * cpns_crypto_seal() - protect one datagram in place
 * @aead: transform of the sending direction
 * @skb: header, payload and room for the tag; linear, not shared; the hop
 *	 limit is 0
 * @seq: sequence number, that of the header
 * @assoc: bytes from the header on that are authenticated only
 * @done: called with @skb where the answer is -EINPROGRESS
 *
 * Context: BH disabled.
 * Return: 0; -EINPROGRESS, and the packet is @done's; another error, and it
 * is still the caller's.
 */
int cpns_crypto_seal(struct cpns_aead *aead, struct sk_buff *skb, u64 seq,
		     unsigned int assoc, cpns_crypto_done_t done);

/**
 * cpns_crypto_open() - verify and decrypt one datagram in place
 * @aead: transform of the receiving direction
 * @skb: header, payload and tag; may be in fragments; data not shared; the hop
 *	 limit is 0
 * @seq: sequence number, that of the header
 * @assoc: bytes from the header on that are authenticated only
 * @done: called with @skb where the answer is -EINPROGRESS
 *
 * Context: BH disabled.
 * Return: 0; -EINPROGRESS, and the packet is @done's; -EBADMSG where the tag
 * is wrong; another error; with both it is still the caller's.
 */
int cpns_crypto_open(struct cpns_aead *aead, struct sk_buff *skb, u64 seq,
		     unsigned int assoc, cpns_crypto_done_t done);

/**
 * cpns_crypto_seal_piece() - cpns_crypto_seal() for a datagram in plain memory
 * @aead: transform of the sending direction
 * @data: header, payload and room for the tag, in the kernel's linear mapping
 * @len: bytes of all
 * @seq: sequence number, that of the header
 * @assoc: bytes from the header on that are authenticated only
 * @done: called where the answer is -EINPROGRESS
 * @arg: for @done
 *
 * Context: BH disabled.
 * Return: 0; -EINPROGRESS, and @data must stay until @done; another error.
 */
int cpns_crypto_seal_piece(struct cpns_aead *aead, u8 *data, unsigned int len, u64 seq,
			   unsigned int assoc, cpns_crypto_done_t done, void *arg);

/**
 * cpns_crypto_open_piece() - cpns_crypto_open() for a datagram in plain memory
 * @aead: transform of the receiving direction
 * @data: header, payload and tag, in the kernel's linear mapping
 * @len: bytes of all
 * @seq: sequence number, that of the header
 * @assoc: bytes from the header on that are authenticated only
 * @done: called where the answer is -EINPROGRESS
 * @arg: for @done
 *
 * Context: BH disabled.
 * Return: 0; -EINPROGRESS, and @data must stay until @done; -EBADMSG where the
 * tag is wrong; another error.
 */
int cpns_crypto_open_piece(struct cpns_aead *aead, u8 *data, unsigned int len, u64 seq,
			   unsigned int assoc, cpns_crypto_done_t done, void *arg);

/**
 * cpns_crypto_exit() - free the request blocks
 *
 * Context: module unload, after the last packet.
 */
void cpns_crypto_exit(void);

#endif /* _CPNS_CRYPTO_H */
