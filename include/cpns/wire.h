/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPNS-SS1: datagram layout and limits. The one header that the kernel module
 * and userspace share; the normative text is the protocol page.
 *
 * All multi-byte fields are in network byte order and unaligned: handshake
 * messages are read through a cursor, only the fixed header and the DATA
 * header are described by structures.
 */
#ifndef _CPNS_WIRE_H
#define _CPNS_WIRE_H

#include <linux/types.h>

/** enum cpns_version - high nibble of the first byte */
enum { CPNS_VERSION = 1 };

/** enum cpns_msg_type - low nibble of the first byte */
enum cpns_msg_type {
	CPNS_MSG_INIT = 1,
	CPNS_MSG_RESP = 2,
	CPNS_MSG_CONFIRM = 3,
	CPNS_MSG_COOKIE = 4,
	CPNS_MSG_HINT = 5,
	CPNS_MSG_DATA = 8,
};

/** enum cpns_data_flags - flags byte, DATA only */
enum cpns_data_flags {
	CPNS_F_ENCRYPTED = 0x01,	/* E: payload encrypted past the clear prefix */
	CPNS_F_UNPROTECTED = 0x02,	/* U: left to a PAN that is secure itself */
	CPNS_F_MASK = 0x03,
};

/** enum cpns_role - role of an entity in a key record */
enum cpns_role {
	CPNS_ROLE_SERVER = 1,
	CPNS_ROLE_PNGW = 2,
	CPNS_ROLE_PNE = 3,
};

/** enum cpns_hint_code - why an answer is missing */
enum cpns_hint_code {
	CPNS_HINT_KEY_UNKNOWN = 1,
	CPNS_HINT_NO_SUITE = 2,
	CPNS_HINT_KEY_NOT_VALID = 3,
	CPNS_HINT_BUSY = 4,
	CPNS_HINT_SESSION_UNKNOWN = 5,
};

/** enum cpns_suite - key exchange and protection of a session */
enum cpns_suite {
	CPNS_SUITE_X25519_GCM = 0x0001,
	CPNS_SUITE_X25519_CHACHA = 0x0002,
	CPNS_SUITE_X25519_CTR_HMAC = 0x0003,
	CPNS_SUITE_PSK_GCM = 0x0101,
	CPNS_SUITE_PSK_CHACHA = 0x0102,
	CPNS_SUITE_PSK_CTR_HMAC = 0x0103,
};

/** enum cpns_wire_sizes - sizes in bytes, unless said otherwise */
enum cpns_wire_sizes {
	CPNS_HEADER_LEN = 24,
	CPNS_SEQ_LEN = 8,
	CPNS_DATA_HEADER_LEN = CPNS_HEADER_LEN + CPNS_SEQ_LEN,
	CPNS_TAG_LEN = 16,
	CPNS_DATA_OVERHEAD = CPNS_DATA_HEADER_LEN + CPNS_TAG_LEN,
	CPNS_CLEAR_UNIT = 4,		/* bytes a step of the clear field */
	CPNS_HOP_LIMIT = 8,		/* hops, as sent */

	CPNS_ENTITY_ID_MAX = 255,
	CPNS_USER_ID_MAX = 255,
	CPNS_EID_LEN = 8,
	CPNS_KEY_ID_LEN = 16,
	CPNS_KEY_LEN = 32,
	CPNS_IV_LEN = 12,
	CPNS_NONCE_LEN = 32,		/* handshake nonce */
	CPNS_X25519_LEN = 32,
	CPNS_HASH_LEN = 32,
	CPNS_MAC1_LEN = 16,
	CPNS_AUTH_LEN = 32,
	CPNS_COOKIE_LEN = 17,		/* generation and 16 bytes of HMAC */

	CPNS_INIT_MAX = 1232,
	CPNS_SUITES_MAX = 8,		/* suites in an INIT */
	CPNS_DATAGRAM_MAX = 65507,
};

/** enum cpns_time_limits - all in seconds */
enum cpns_time_limits {
	CPNS_LIFETIME_MIN = 60,
	CPNS_LIFETIME_MAX = 604800,
	CPNS_LIFETIME_X25519 = 3600,	/* default where an X25519 suite is offered */
	CPNS_LIFETIME_PSK = 86400,	/* default where none is */
	CPNS_PREVIOUS_KEY_TIME = 60,	/* the old key still receives */
	CPNS_PASSIVE_KEEPALIVE = 10,	/* received, and sent nothing for so long */
	CPNS_PEER_TIMEOUT = 15,		/* sent, and heard nothing for so long */
	CPNS_NAT_KEEPALIVE = 25,
};

/** enum cpns_window_limits - replay window, in sequence numbers */
enum cpns_window_limits {
	CPNS_WINDOW_STEP = 64,
	CPNS_WINDOW_MIN = 64,
	CPNS_WINDOW_MAX = 32768,
	CPNS_WINDOW_DEFAULT = 8192,
};

/** enum cpns_inner_limits - of the packet inside, in bytes */
enum cpns_inner_limits {
	CPNS_INNER_ALWAYS = 1280,	/* always sent, fragmented outside where need be */
};

/* Packets that a key may protect, and failed tags that it may see. */
#define CPNS_SOFT_PACKETS_AES		0x400000000ULL	/* 2^34 */
#define CPNS_HARD_PACKETS_AES		0x1000000000ULL	/* 2^36 */
#define CPNS_SOFT_PACKETS_CHACHA	0x1000000000000ULL	/* 2^48 */
#define CPNS_HARD_PACKETS_CHACHA	0x1000000000000000ULL	/* 2^60 */
#define CPNS_SOFT_FAILED		0x800000000ULL	/* 2^35 */
#define CPNS_HARD_FAILED		0x1000000000ULL	/* 2^36 */

/* An EID that names nobody. */
#define CPNS_EID_NONE			0ULL
#define CPNS_EID_ALL			(~0ULL)

/**
 * struct cpns_header - first 24 bytes of every datagram
 * @version_type: version in the high nibble, enum cpns_msg_type in the low one
 * @flags: enum cpns_data_flags; 0 in all but DATA
 * @hop_limit: taken as 0 in every hash, MAC and AAD
 * @clear: bytes of the payload left readable, in units of CPNS_CLEAR_UNIT
 * @sid: the receiver's session index
 * @dst: EID of the destination
 * @src: EID of the source
 */
struct cpns_header {
	__u8	version_type;
	__u8	flags;
	__u8	hop_limit;
	__u8	clear;
	__be32	sid;
	__be64	dst;
	__be64	src;
} __attribute__((packed));

/**
 * struct cpns_data_header - header of DATA
 * @h: the common header
 * @seq: sequence number of the packet under its key
 *
 * The payload and a tag of CPNS_TAG_LEN bytes follow.
 */
struct cpns_data_header {
	struct cpns_header	h;
	__be64			seq;
} __attribute__((packed));

#endif /* _CPNS_WIRE_H */
