/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wrapping key: keys in the store are sealed with it, and it is not in the
 * store. Who has the store alone has no key, and no code.
 */
#ifndef CPNS_REGISTRAR_WRAP_H
#define CPNS_REGISTRAR_WRAP_H

#include "storage.h"

/**
 * struct wrap - what is made from the wrapping key
 * @seal: seals keys
 * @code: hashes codes
 * @name: hashes names that somebody typed
 */
struct wrap {
	uint8_t	seal[32];
	uint8_t	code[32];
	uint8_t	name[32];
};

/**
 * wrap_new() - from the 32 bytes of a wrapping key
 * @wrap: result, in memory that is not swapped out; for wrap_free()
 * @key: 32 bytes
 *
 * Return: 0 or -ENOMEM.
 */
int wrap_new(struct wrap **wrap, const uint8_t *key);

/**
 * wrap_open() - read the wrapping key
 * @wrap: result
 * @path: key file, as cpns_key_file_read() reads it; NULL = the credential
 *	"wrapping-key" that the service manager gives
 * @create: make the file where it is not there
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -errno.
 */
int wrap_open(struct wrap **wrap, const char *path, bool create, char *error);

/** wrap_free() - erase; takes NULL */
void wrap_free(struct wrap *wrap);

/**
 * wrap_seal() - seal a key into its row
 * @wrap: wrapping key
 * @row: all of it but @row->wrapped, which is set
 * @key: CPNS_KEY_LEN bytes
 */
void wrap_seal(const struct wrap *wrap, struct store_key *row, const uint8_t *key);

/**
 * wrap_unseal() - the key of a row
 * @wrap: wrapping key
 * @row: as it was sealed
 * @key: CPNS_KEY_LEN bytes; zeros on an error
 *
 * Return: 0, or -EBADMSG where any column is not what it was, or another
 * wrapping key has sealed it.
 */
int wrap_unseal(const struct wrap *wrap, const struct store_key *row, uint8_t *key);

/**
 * wrap_mark() - a value to recognise the wrapping key of a store by
 * @wrap: wrapping key
 * @mark: 32 bytes
 */
void wrap_mark(const struct wrap *wrap, uint8_t *mark);

/**
 * wrap_code_hash() - hash of a code, of no use without the wrapping key
 * @wrap: wrapping key
 * @code: code
 * @hash: STORE_CODE_LEN bytes
 */
void wrap_code_hash(const struct wrap *wrap, const char *code, uint8_t *hash);

/**
 * wrap_name_hash() - hash of what was typed as a name: it may be a password
 * @wrap: wrapping key
 * @name: text
 * @text: 33 characters: hex digits and the NUL
 */
void wrap_name_hash(const struct wrap *wrap, const char *name, char *text);

#endif /* CPNS_REGISTRAR_WRAP_H */
