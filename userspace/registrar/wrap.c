// SPDX-License-Identifier: GPL-2.0
/* The wrapping key. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <codec.h>
#include <secret.h>
#include <text.h>
#include <util.h>

#include "wrap.h"

#define CONTEXT	"cpnsreg1"

enum { SEAL = 1, CODE = 2, NAME = 3 };

enum {
	NONCE_LEN = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_LEN = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	ROW_MAX = CPNS_KEY_ID_LEN + 3 * (8 + STORE_NAME_MAX) + 6 * 8,
};

static_assert(NONCE_LEN + CPNS_KEY_LEN + TAG_LEN == STORE_WRAPPED_LEN, "size of a sealed key");

int wrap_new(struct wrap **wrap, const uint8_t *key)
{
	struct wrap *w = sodium_malloc(sizeof(*w));

	*wrap = w;
	if (!w)
		return -ENOMEM;
	crypto_kdf_derive_from_key(w->seal, sizeof(w->seal), SEAL, CONTEXT, key);
	crypto_kdf_derive_from_key(w->code, sizeof(w->code), CODE, CONTEXT, key);
	crypto_kdf_derive_from_key(w->name, sizeof(w->name), NAME, CONTEXT, key);
	return 0;
}

void wrap_free(struct wrap *wrap)
{
	sodium_free(wrap);
}

/* The manager's directory is its own: owner and mode are what it makes them. */
static int read_credential(uint8_t *key, char *error)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[4096], why[CPNS_ERROR_TEXT];
	int fd, ret;

	if (!dir) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "there is no wrapping key: name a file with wrapping-key, or give the service the credential wrapping-key");
		return -ENOENT;
	}
	snprintf(path, sizeof(path), "%s/wrapping-key", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		ret = -errno;
		snprintf(error, CPNS_ERROR_TEXT, "the credential wrapping-key can't be read: %s",
			 strerror(errno));
		return ret;
	}
	ret = cpns_key_fd_read(fd, key, why);
	close(fd);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "the credential wrapping-key: %.240s", why);
	return ret;
}

static int read_file(const char *path, bool create, uint8_t *key, char *error)
{
	char why[CPNS_ERROR_TEXT];
	int ret;

	if (access(path, F_OK) && errno == ENOENT) {
		if (!create) {
			snprintf(error, CPNS_ERROR_TEXT,
				 "wrapping key %.100s is not there, and the store can't be read without it: put it back from your copy",
				 path);
			return -ENOENT;
		}
		if (cpns_random(key, CPNS_KEY_LEN)) {
			snprintf(error, CPNS_ERROR_TEXT, "the system has no random bytes");
			return -EIO;
		}
		ret = cpns_key_file_write(path, key, why);
	} else {
		ret = cpns_key_file_read(path, key, why);
	}
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "wrapping key: %.300s", why);
	return ret;
}

int wrap_open(struct wrap **wrap, const char *path, bool create, char *error)
{
	uint8_t key[CPNS_KEY_LEN];
	int ret;

	*wrap = NULL;
	ret = path ? read_file(path, create, key, error) : read_credential(key, error);
	if (!ret) {
		ret = wrap_new(wrap, key);
		if (ret)
			snprintf(error, CPNS_ERROR_TEXT, "no memory that can be locked");
	}
	cpns_wipe(key, sizeof(key));
	return ret;
}

static size_t put_text(uint8_t *p, const char *text)
{
	size_t len = strlen(text);

	cpns_put_u64(p, len);
	memcpy(p + 8, text, len);
	return 8 + len;
}

/* All columns but the key's, so that none can be changed or moved. */
static size_t row_bytes(const struct store_key *row, uint8_t *bytes)
{
	const uint64_t numbers[] = {
		row->kind, row->generation, row->state, row->not_before, row->not_after,
		row->created,
	};
	uint8_t *p = bytes;
	size_t i;

	memcpy(p, row->key_id, CPNS_KEY_ID_LEN);
	p += CPNS_KEY_ID_LEN;
	p += put_text(p, row->entity);
	p += put_text(p, row->gateway);
	p += put_text(p, row->user);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		cpns_put_u64(p, numbers[i]);
		p += 8;
	}
	return (size_t)(p - bytes);
}

void wrap_seal(const struct wrap *wrap, struct store_key *row, const uint8_t *key)
{
	uint8_t bytes[ROW_MAX];
	size_t len = row_bytes(row, bytes);

	randombytes_buf(row->wrapped, NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(row->wrapped + NONCE_LEN, NULL, key,
						   CPNS_KEY_LEN, bytes, len, NULL,
						   row->wrapped, wrap->seal);
}

int wrap_unseal(const struct wrap *wrap, const struct store_key *row, uint8_t *key)
{
	uint8_t bytes[ROW_MAX];
	size_t len = row_bytes(row, bytes);

	if (!crypto_aead_xchacha20poly1305_ietf_decrypt(key, NULL, NULL,
							row->wrapped + NONCE_LEN,
							CPNS_KEY_LEN + TAG_LEN, bytes, len,
							row->wrapped, wrap->seal))
		return 0;
	cpns_wipe(key, CPNS_KEY_LEN);
	return -EBADMSG;
}

void wrap_mark(const struct wrap *wrap, uint8_t *mark)
{
	static const uint8_t what[] = "the wrapping key of this store";

	crypto_generichash(mark, 32, what, sizeof(what), wrap->code, sizeof(wrap->code));
}

void wrap_code_hash(const struct wrap *wrap, const char *code, uint8_t *hash)
{
	crypto_generichash(hash, STORE_CODE_LEN, (const uint8_t *)code, strlen(code),
			   wrap->code, sizeof(wrap->code));
}

void wrap_name_hash(const struct wrap *wrap, const char *name, char *text)
{
	uint8_t hash[16];

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)name, strlen(name),
			   wrap->name, sizeof(wrap->name));
	cpns_hex_encode(hash, sizeof(hash), text);
}
