/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Key records: what two entities share, and the file that holds its key.
 *
 * A key file holds one key and nothing else: 64 hex digits, with or without
 * one line feed after them. It is refused when it is a symbolic link or no
 * regular file, when it belongs to somebody else, or when group or others can
 * read or write it.
 */
#ifndef _CPNS_RECORD_H
#define _CPNS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"

enum cpns_record_sizes {
	CPNS_KEY_TEXT = 2 * CPNS_KEY_LEN + 2,		/* digits, line feed, NUL */
	CPNS_KEY_ID_TEXT = 2 * CPNS_KEY_ID_LEN + 1,
	CPNS_ERROR_TEXT = 320,				/* a sentence for a person */
};

/** enum cpns_key_kind - who made a key and for whom */
enum cpns_key_kind {
	CPNS_KEY_EUKEY = 1,
	CPNS_KEY_LOCALEUKEY = 2,
	CPNS_KEY_STATIC = 3,
};

/**
 * struct cpns_party - one of the two ends of a key record
 * @id: Entity ID
 * @eid: its EID
 * @role: enum cpns_role
 */
struct cpns_party {
	struct cpns_name id;
	uint64_t eid;
	uint8_t role;
};

/**
 * struct cpns_key_record - a key and all that it is bound to
 * @key_id: names the record on the wire
 * @key: the secret
 * @kind: enum cpns_key_kind
 * @own: this end
 * @peer: the other end
 * @user_id: CPNS User, empty for a static key
 * @generation: an initiator uses the highest that is valid
 * @pure_psk: may suites without X25519 be used
 * @not_before: seconds since 1970, 0 = none
 * @not_after: seconds since 1970, 0 = none
 */
struct cpns_key_record {
	uint8_t key_id[CPNS_KEY_ID_LEN];
	uint8_t key[CPNS_KEY_LEN];
	uint8_t kind;
	struct cpns_party own;
	struct cpns_party peer;
	struct cpns_name user_id;
	uint32_t generation;
	bool pure_psk;
	uint64_t not_before;
	uint64_t not_after;
};

/**
 * cpns_party_set() - check an Entity ID and a role, compute the EID
 * @party: result
 * @id: Entity ID
 * @len: its bytes
 * @role: enum cpns_role
 * @why: set on an error to a sentence; may be NULL
 *
 * Return: 0, -EINVAL, -ENAMETOOLONG, -ENODATA, -ERANGE or -EIO.
 */
int cpns_party_set(struct cpns_party *party, const void *id, size_t len, unsigned int role,
		   const char **why);

/**
 * cpns_record_check() - is a record consistent
 * @record: record
 * @why: set on an error to a sentence that says what to do; may be NULL
 *
 * The two entities must differ, in name and EID; equal roles and an empty User
 * ID go with static keys only; a record that could never be valid is refused.
 *
 * Return: 0 or -EINVAL.
 */
int cpns_record_check(const struct cpns_key_record *record, const char **why);

/** cpns_record_valid() - is @now, in seconds since 1970, within its validity */
bool cpns_record_valid(const struct cpns_key_record *record, uint64_t now);

/** cpns_record_wipe() - erase a record, key and all */
void cpns_record_wipe(struct cpns_key_record *record);

/**
 * cpns_record_set_field() - one line of a configuration
 * @record: changed
 * @name: "key-id" (32 hex digits), "kind" (eukey, localeukey, static),
 *	"user-id", "generation", "pure-psk" (yes, no), "not-before", "not-after"
 *	(seconds since 1970 or YYYY-MM-DD[THH:MM:SS]Z)
 * @value: text
 * @error: CPNS_ERROR_TEXT characters; on an error a sentence that says what to
 *	write instead
 *
 * The key itself is never taken as a value: it comes from cpns_key_file_read().
 *
 * Return: 0, -ENOENT (no such field) or -EINVAL.
 */
int cpns_record_set_field(struct cpns_key_record *record, const char *name, const char *value,
			  char *error);

/**
 * cpns_key_parse() - the contents of a key file
 * @text: bytes
 * @len: how many
 * @key: CPNS_KEY_LEN bytes; zeros on an error
 *
 * Return: 0, or -EINVAL for anything but 64 hex digits and at most one line
 * feed, and for the key of zeros.
 */
int cpns_key_parse(const char *text, size_t len, uint8_t *key);

/**
 * cpns_key_fd_read() - read a key from an open file, pipe or terminal
 * @fd: read to its end
 * @key: CPNS_KEY_LEN bytes; zeros on an error
 * @error: CPNS_ERROR_TEXT characters; a sentence, never with what was read
 *
 * Return: 0, -EBADMSG (what was read is no key) or -errno.
 */
int cpns_key_fd_read(int fd, uint8_t *key, char *error);

/**
 * cpns_key_file_read() - read a key file
 * @path: file, refused as described above
 * @key: CPNS_KEY_LEN bytes; zeros on an error
 * @error: CPNS_ERROR_TEXT characters; a sentence that says what to do
 *
 * Return: 0 or -errno (-EPERM where the mode or owner is refused, -ELOOP for a
 * symbolic link).
 */
int cpns_key_file_read(const char *path, uint8_t *key, char *error);

/**
 * cpns_key_file_write() - make a new key file, mode 0600
 * @path: must not exist
 * @key: CPNS_KEY_LEN bytes
 * @error: CPNS_ERROR_TEXT characters
 *
 * Nothing is left behind when writing fails.
 *
 * Return: 0 or -errno (-EEXIST: the file is there, nothing was changed).
 */
int cpns_key_file_write(const char *path, const uint8_t *key, char *error);

/** cpns_key_kind_name() - "eukey", "localeukey", "static" or NULL */
const char *cpns_key_kind_name(unsigned int kind);

#endif /* _CPNS_RECORD_H */
