/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The key schedule of CPNS-SS1. Each value bears the name that the protocol
 * page gives it. Primitives are OpenSSL's.
 *
 * Order of calls: cpns_ks_start(), cpns_ks_mac1(), cpns_ks_resp(),
 * cpns_ks_confirm(), cpns_ks_finish(); cpns_ks_wipe() on every path.
 */
#ifndef _CPNS_KEYSCHED_H
#define _CPNS_KEYSCHED_H

#include <stddef.h>
#include <stdint.h>

#include "identity.h"

enum cpns_ks_sizes {
	/* "CPNS-SS1", two roles, three names with their lengths, key_id */
	CPNS_PROLOGUE_MAX = 8 + 2 + 3 * 256 + CPNS_KEY_ID_LEN,
	CPNS_XL_LABEL_MAX = 246,	/* v8 of the label with its prefix */
	CPNS_XL_CONTEXT_MAX = 255,
};

/**
 * struct cpns_prologue - what both ends know before the first message
 * @role_i: role of the initiator
 * @id_i: Entity ID of the initiator
 * @role_r: role of the responder
 * @id_r: Entity ID of the responder
 * @user_id: of the key record
 * @key_id: CPNS_KEY_ID_LEN bytes
 */
struct cpns_prologue {
	uint8_t role_i;
	const struct cpns_name *id_i;
	uint8_t role_r;
	const struct cpns_name *id_r;
	const struct cpns_name *user_id;
	const uint8_t *key_id;
};

/**
 * struct cpns_traffic - keys of one direction
 * @key: cipher key
 * @mac_key: HMAC key of the CTR suites, else zeros
 * @iv: XORed with the sequence number
 */
struct cpns_traffic {
	uint8_t key[CPNS_KEY_LEN];
	uint8_t mac_key[CPNS_KEY_LEN];
	uint8_t iv[CPNS_IV_LEN];
};

/**
 * struct cpns_keysched - a key schedule under way; secret
 * @h_prologue: H(prologue)
 * @pskx: PSKx
 * @mac1_key: key of mac1
 * @hs: handshake secret
 * @th2: transcript up to RESP
 * @auth_r_key: key of auth_r
 * @auth_r: proves the responder
 * @th3: transcript up to CONFIRM
 * @auth_i_key: key of auth_i
 * @auth_i: proves the initiator
 * @th4: whole transcript
 * @ms: master secret
 * @ts_i: traffic secret of the initiator
 * @ts_r: traffic secret of the responder
 * @exporter: for uses above the session
 * @i: keys of what the initiator sends
 * @r: keys of what the responder sends
 */
struct cpns_keysched {
	uint8_t h_prologue[CPNS_HASH_LEN];
	uint8_t pskx[CPNS_HASH_LEN];
	uint8_t mac1_key[CPNS_HASH_LEN];
	uint8_t hs[CPNS_HASH_LEN];
	uint8_t th2[CPNS_HASH_LEN];
	uint8_t auth_r_key[CPNS_HASH_LEN];
	uint8_t auth_r[CPNS_AUTH_LEN];
	uint8_t th3[CPNS_HASH_LEN];
	uint8_t auth_i_key[CPNS_HASH_LEN];
	uint8_t auth_i[CPNS_AUTH_LEN];
	uint8_t th4[CPNS_HASH_LEN];
	uint8_t ms[CPNS_HASH_LEN];
	uint8_t ts_i[CPNS_HASH_LEN];
	uint8_t ts_r[CPNS_HASH_LEN];
	uint8_t exporter[CPNS_HASH_LEN];
	struct cpns_traffic i;
	struct cpns_traffic r;
};

/**
 * struct cpns_piece - one piece of what is hashed
 * @data: bytes
 * @len: how many
 */
struct cpns_piece {
	const void *data;
	size_t len;
};

/**
 * cpns_sha256() - hash of pieces one after the other
 * @pieces: input
 * @n: number of pieces
 * @out: CPNS_HASH_LEN bytes
 *
 * Return: 0 or -EIO.
 */
int cpns_sha256(const struct cpns_piece *pieces, size_t n, uint8_t *out);

/**
 * cpns_hmac() - HMAC-SHA-256 of pieces one after the other
 * @key: key
 * @key_len: its bytes
 * @pieces: input
 * @n: number of pieces
 * @out: CPNS_HASH_LEN bytes
 *
 * Return: 0 or -EIO.
 */
int cpns_hmac(const void *key, size_t key_len, const struct cpns_piece *pieces, size_t n,
	      uint8_t *out);

/**
 * cpns_xl_info() - the info that XL gives to Expand
 * @label: without the prefix
 * @context: bytes
 * @context_len: how many
 * @len: L
 * @info: output
 * @size: room
 *
 * Return: bytes, or -EINVAL when label or context is too long or room lacks.
 */
int cpns_xl_info(const char *label, const void *context, size_t context_len, size_t len,
		 uint8_t *info, size_t size);

/**
 * cpns_xl() - XL(secret, label, context, L)
 * @secret: key of Expand
 * @secret_len: its bytes
 * @label: without the prefix
 * @context: bytes
 * @context_len: how many
 * @out: output
 * @len: L
 *
 * Return: 0, -EINVAL or -EIO; @out is zeros on an error.
 */
int cpns_xl(const void *secret, size_t secret_len, const char *label, const void *context,
	    size_t context_len, void *out, size_t len);

/**
 * cpns_x25519_public() - public key of a private one
 * @priv: CPNS_X25519_LEN bytes before clamping
 * @pub: CPNS_X25519_LEN bytes
 *
 * Return: 0 or -EIO.
 */
int cpns_x25519_public(const uint8_t *priv, uint8_t *pub);

/**
 * cpns_x25519() - shared secret
 * @priv: own private key
 * @peer: the other's public key
 * @out: CPNS_X25519_LEN bytes; zeros on an error
 *
 * Return: 0, -EKEYREJECTED when the result is zero, or -EIO.
 */
int cpns_x25519(const uint8_t *priv, const uint8_t *peer, uint8_t *out);

/**
 * cpns_prologue_build() - the prologue as bytes
 * @prologue: fields
 * @out: CPNS_PROLOGUE_MAX bytes
 *
 * Return: bytes.
 */
size_t cpns_prologue_build(const struct cpns_prologue *prologue, uint8_t *out);

/**
 * cpns_ks_start() - h_prologue, PSKx and the key of mac1
 * @ks: cleared and filled
 * @key: CPNS_KEY_LEN bytes of the key record
 * @prologue: fields
 *
 * Return: 0 or -EIO.
 */
int cpns_ks_start(struct cpns_keysched *ks, const uint8_t *key,
		  const struct cpns_prologue *prologue);

/**
 * cpns_ks_mac1() - mac1 of an INIT
 * @ks: after cpns_ks_start()
 * @init: datagram; its hop limit is taken as 0
 * @core_len: bytes before mac1
 * @mac1: CPNS_MAC1_LEN bytes
 *
 * Return: 0 or -EIO.
 */
int cpns_ks_mac1(const struct cpns_keysched *ks, const uint8_t *init, size_t core_len,
		 uint8_t *mac1);

/**
 * cpns_ks_resp() - hs, th2 and auth_r
 * @ks: after cpns_ks_start()
 * @dh: X25519 result, or NULL in a pure-PSK suite
 * @init: INIT; its hop limit is taken as 0
 * @init_core_len: bytes before mac1; mac1 follows them
 * @resp: RESP; its hop limit is taken as 0
 * @resp_core_len: bytes before auth_r
 *
 * Return: 0 or -EIO.
 */
int cpns_ks_resp(struct cpns_keysched *ks, const uint8_t *dh, const uint8_t *init,
		 size_t init_core_len, const uint8_t *resp, size_t resp_core_len);

/**
 * cpns_ks_confirm() - th3 and auth_i
 * @ks: after cpns_ks_resp()
 * @confirm: CONFIRM; its hop limit is taken as 0
 * @core_len: bytes before auth_i
 *
 * May be called again with another CONFIRM, as long as none was good.
 *
 * Return: 0 or -EIO.
 */
int cpns_ks_confirm(struct cpns_keysched *ks, const uint8_t *confirm, size_t core_len);

/**
 * cpns_ks_finish() - th4, ms, traffic secrets, exporter and traffic keys
 * @ks: after cpns_ks_confirm()
 * @suite: chosen
 *
 * Return: 0 or -EIO.
 */
int cpns_ks_finish(struct cpns_keysched *ks, uint16_t suite);

/** cpns_ks_wipe() - erase a key schedule */
void cpns_ks_wipe(struct cpns_keysched *ks);

#endif /* _CPNS_KEYSCHED_H */
