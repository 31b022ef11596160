/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wire codec: every message of CPNS-SS1, parsed with exact rules and built.
 * Checking is apart from acting: nothing here knows keys or states.
 */
#ifndef _CPNS_CODEC_H
#define _CPNS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cpns/wire.h>

/** enum cpns_malformed - why a datagram is malformed */
enum cpns_malformed {
	CPNS_WELL_FORMED,
	CPNS_BAD_SHORT,		/* no whole header */
	CPNS_BAD_VERSION,
	CPNS_BAD_TYPE,
	CPNS_BAD_RESERVED,	/* a reserved bit or byte is set */
	CPNS_BAD_EID,		/* dst or src is 0 or 2^64-1 */
	CPNS_BAD_SID,		/* zero where one is due, or set where none is */
	CPNS_BAD_LENGTH,	/* the fields do not fill the datagram exactly */
	CPNS_BAD_ROLE,
	CPNS_BAD_LIFETIME,
	CPNS_BAD_SUITES,	/* number of suites, or a RESP with an unknown one */
	CPNS_BAD_E_PRESENCE,	/* e_i or e_r there, or not, against the suites */
	CPNS_BAD_EXT,		/* the list of extensions does not fill its length */
	CPNS_BAD_HINT_CODE,
	CPNS_BAD_SEQ,		/* U with a sequence number */
	CPNS_MALFORMED_COUNT
};

/**
 * struct cpns_msg_header - the common header, host byte order
 * @type: enum cpns_msg_type
 * @flags: enum cpns_data_flags
 * @hop_limit: as it arrived
 * @clear: units of 4 bytes
 * @sid: the receiver's session index
 * @dst: EID
 * @src: EID
 */
struct cpns_msg_header {
	uint8_t type;
	uint8_t flags;
	uint8_t hop_limit;
	uint8_t clear;
	uint32_t sid;
	uint64_t dst;
	uint64_t src;
};

/**
 * struct cpns_span - bytes that belong to somebody else
 * @data: first byte; may be NULL when @len is 0
 * @len: bytes
 */
struct cpns_span {
	const uint8_t *data;
	size_t len;
};

/**
 * struct cpns_msg_init - INIT
 * @sid_i: the initiator's session index
 * @nonce_i: random
 * @key_id: names the key record
 * @role_i: enum cpns_role
 * @role_r: enum cpns_role
 * @lifetime: seconds
 * @n_suites: number of @suites in use
 * @suites: as offered, unknown ones too
 * @has_e: is @e_i there
 * @e_i: X25519 public key
 * @ext: list of extensions without its length
 * @mac1: MAC over what precedes it
 * @has_cookie: is @cookie there
 * @cookie: as the responder made it
 * @core_len: bytes before mac1; set by the parser only
 */
struct cpns_msg_init {
	uint32_t sid_i;
	uint8_t nonce_i[CPNS_NONCE_LEN];
	uint8_t key_id[CPNS_KEY_ID_LEN];
	uint8_t role_i;
	uint8_t role_r;
	uint32_t lifetime;
	uint8_t n_suites;
	uint16_t suites[CPNS_SUITES_MAX];
	bool has_e;
	uint8_t e_i[CPNS_X25519_LEN];
	struct cpns_span ext;
	uint8_t mac1[CPNS_MAC1_LEN];
	bool has_cookie;
	uint8_t cookie[CPNS_COOKIE_LEN];
	size_t core_len;
};

/**
 * struct cpns_msg_resp - RESP
 * @sid_r: the responder's session index
 * @nonce_r: random
 * @suite: chosen
 * @has_e: is @e_r there
 * @e_r: X25519 public key
 * @lifetime: seconds
 * @ext: list of extensions without its length
 * @auth_r: proves the responder
 * @core_len: bytes before auth_r; set by the parser only
 */
struct cpns_msg_resp {
	uint32_t sid_r;
	uint8_t nonce_r[CPNS_NONCE_LEN];
	uint16_t suite;
	bool has_e;
	uint8_t e_r[CPNS_X25519_LEN];
	uint32_t lifetime;
	struct cpns_span ext;
	uint8_t auth_r[CPNS_AUTH_LEN];
	size_t core_len;
};

/**
 * struct cpns_msg_confirm - CONFIRM
 * @ext: list of extensions without its length
 * @auth_i: proves the initiator
 * @core_len: bytes before auth_i; set by the parser only
 */
struct cpns_msg_confirm {
	struct cpns_span ext;
	uint8_t auth_i[CPNS_AUTH_LEN];
	size_t core_len;
};

/**
 * struct cpns_msg_cookie - COOKIE
 * @mac1: of the INIT answered
 * @cookie: to be sent back
 */
struct cpns_msg_cookie {
	uint8_t mac1[CPNS_MAC1_LEN];
	uint8_t cookie[CPNS_COOKIE_LEN];
};

/**
 * struct cpns_msg_hint - HINT
 * @code: enum cpns_hint_code
 * @mac1: of the INIT answered, or zeros
 */
struct cpns_msg_hint {
	uint16_t code;
	uint8_t mac1[CPNS_MAC1_LEN];
};

/**
 * struct cpns_msg_data - DATA, not opened
 * @seq: sequence number
 * @payload: protected bytes without the tag; with U the packet itself
 * @tag: the last CPNS_TAG_LEN bytes, NULL with U
 */
struct cpns_msg_data {
	uint64_t seq;
	struct cpns_span payload;
	const uint8_t *tag;
};

/**
 * struct cpns_msg - a parsed message; spans point into the datagram
 * @h: header
 * @init: for CPNS_MSG_INIT
 * @resp: for CPNS_MSG_RESP
 * @confirm: for CPNS_MSG_CONFIRM
 * @cookie: for CPNS_MSG_COOKIE
 * @hint: for CPNS_MSG_HINT
 * @data: for CPNS_MSG_DATA
 */
struct cpns_msg {
	struct cpns_msg_header h;
	union {
		struct cpns_msg_init init;
		struct cpns_msg_resp resp;
		struct cpns_msg_confirm confirm;
		struct cpns_msg_cookie cookie;
		struct cpns_msg_hint hint;
		struct cpns_msg_data data;
	};
};

/**
 * cpns_msg_parse() - parse any datagram
 * @datagram: bytes as received
 * @len: bytes
 * @msg: result, valid as long as @datagram is; undefined when malformed
 *
 * Return: CPNS_WELL_FORMED or what is wrong.
 */
enum cpns_malformed cpns_msg_parse(const void *datagram, size_t len, struct cpns_msg *msg);

/** cpns_malformed_name() - short name: "length", "reserved", ... */
const char *cpns_malformed_name(enum cpns_malformed what);

/** cpns_msg_type_name() - "INIT" ... "DATA", or NULL */
const char *cpns_msg_type_name(unsigned int type);

/**
 * cpns_msg_build() - build INIT, RESP, CONFIRM, COOKIE or HINT
 * @msg: what to send; the version is put in, the type is @msg->h.type
 * @buf: output
 * @size: room in @buf
 *
 * MACs are copied as they are: build first with zeros, then compute them over
 * the first core_len bytes and put them in with cpns_msg_core_len().
 *
 * Return: bytes built, -EMSGSIZE (no room, or an INIT over CPNS_INIT_MAX) or
 * -EINVAL (what would be malformed).
 */
ssize_t cpns_msg_build(const struct cpns_msg *msg, void *buf, size_t size);

/**
 * cpns_msg_core_len() - where the MAC of a built message starts
 * @msg: INIT, RESP or CONFIRM
 *
 * Return: bytes before mac1, auth_r or auth_i.
 */
size_t cpns_msg_core_len(const struct cpns_msg *msg);

/**
 * cpns_ext_next() - step through a list of extensions
 * @list: rest of the list; moved on
 * @type: result
 * @value: result
 *
 * Return: true when there was one, false at the end of the list.
 */
bool cpns_ext_next(struct cpns_span *list, uint8_t *type, struct cpns_span *value);

/** cpns_suite_known() - is it one of enum cpns_suite */
bool cpns_suite_known(uint16_t suite);

/** cpns_suite_has_x25519() - by the code alone: 0x00xx */
bool cpns_suite_has_x25519(uint16_t suite);

/** cpns_suite_has_mac_key() - CTR with HMAC needs a second key */
bool cpns_suite_has_mac_key(uint16_t suite);

/** cpns_suite_name() - "x25519-aes256gcm", "psk-chacha20poly1305", ..., or NULL */
const char *cpns_suite_name(uint16_t suite);

/** cpns_suite_parse() - code of a name that cpns_suite_name() gives, else 0 */
uint16_t cpns_suite_parse(const char *text);

/** cpns_suite_protection() - "AES-256-GCM", ..., or NULL */
const char *cpns_suite_protection(uint16_t suite);

/** cpns_get_u32() - network byte order, any alignment */
uint32_t cpns_get_u32(const void *p);

/** cpns_get_u64() - network byte order, any alignment */
uint64_t cpns_get_u64(const void *p);

/** cpns_put_u32() - network byte order, any alignment */
void cpns_put_u32(void *p, uint32_t v);

/** cpns_put_u64() - network byte order, any alignment */
void cpns_put_u64(void *p, uint64_t v);

#endif /* _CPNS_CODEC_H */
