// SPDX-License-Identifier: GPL-2.0
/*
 * The key schedule of CPNS-SS1, on OpenSSL's primitives.
 */
#include "keysched.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "codec.h"
#include "secret.h"

#define XL_PREFIX "CPNS-SS1 "

enum {
	XL_PREFIX_LEN = sizeof(XL_PREFIX) - 1,
	XL_INFO_MAX = 2 + 1 + 255 + 1 + 255,
	HOP_LIMIT_AT = 2,	/* in the header */
};

static const uint8_t zeros[CPNS_HASH_LEN];

int cpns_sha256(const struct cpns_piece *pieces, size_t n, uint8_t *out)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int ret = -EIO;
	size_t i;

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		goto out;
	for (i = 0; i < n; i++)
		if (pieces[i].len && EVP_DigestUpdate(md, pieces[i].data, pieces[i].len) != 1)
			goto out;
	if (EVP_DigestFinal_ex(md, out, NULL) == 1)
		ret = 0;
out:
	EVP_MD_CTX_free(md);
	return ret;
}

int cpns_hmac(const void *key, size_t key_len, const struct cpns_piece *pieces, size_t n,
	      uint8_t *out)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	int ret = -EIO;
	size_t len, i;

	if (!ctx || EVP_MAC_init(ctx, key, key_len, params) != 1)
		goto out;
	for (i = 0; i < n; i++)
		if (pieces[i].len && EVP_MAC_update(ctx, pieces[i].data, pieces[i].len) != 1)
			goto out;
	if (EVP_MAC_final(ctx, out, &len, CPNS_HASH_LEN) == 1 && len == CPNS_HASH_LEN)
		ret = 0;
out:
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ret;
}

/* One half of HKDF-SHA-256; @mode names which and so what @extra is. */
static int hkdf(int mode, const char *extra_name, const void *extra, size_t extra_len,
		const void *key, size_t key_len, void *out, size_t len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_len),
		OSSL_PARAM_construct_octet_string(extra_name, (void *)extra, extra_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int ret = -EIO;

	if (ctx && EVP_KDF_derive(ctx, out, len, params) == 1)
		ret = 0;
	else
		cpns_wipe(out, len);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ret;
}

static int extract(const uint8_t *salt, const uint8_t *secret, uint8_t *out)
{
	return hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, OSSL_KDF_PARAM_SALT, salt, CPNS_HASH_LEN,
		    secret, CPNS_HASH_LEN, out, CPNS_HASH_LEN);
}

int cpns_xl_info(const char *label, const void *context, size_t context_len, size_t len,
		 uint8_t *info, size_t size)
{
	size_t label_len = strlen(label);
	uint8_t *p = info;

	if (label_len > CPNS_XL_LABEL_MAX || context_len > CPNS_XL_CONTEXT_MAX ||
	    len > UINT16_MAX || 2 + 1 + XL_PREFIX_LEN + label_len + 1 + context_len > size)
		return -EINVAL;
	*p++ = (uint8_t)(len >> 8);
	*p++ = (uint8_t)len;
	*p++ = (uint8_t)(XL_PREFIX_LEN + label_len);
	memcpy(p, XL_PREFIX, XL_PREFIX_LEN);
	p += XL_PREFIX_LEN;
	memcpy(p, label, label_len);
	p += label_len;
	*p++ = (uint8_t)context_len;
	if (context_len)
		memcpy(p, context, context_len);
	return (int)(p - info) + (int)context_len;
}

int cpns_xl(const void *secret, size_t secret_len, const char *label, const void *context,
	    size_t context_len, void *out, size_t len)
{
	uint8_t info[XL_INFO_MAX];
	int info_len, ret;

	info_len = cpns_xl_info(label, context, context_len, len, info, sizeof(info));
	if (info_len < 0) {
		cpns_wipe(out, len);
		return info_len;
	}
	ret = hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, OSSL_KDF_PARAM_INFO, info, (size_t)info_len,
		   secret, secret_len, out, len);
	cpns_wipe(info, sizeof(info));
	return ret;
}

/* XL with a key and an output of 32 bytes; @context a hash or NULL. */
static int xl32(const uint8_t *secret, const char *label, const uint8_t *context, uint8_t *out)
{
	return cpns_xl(secret, CPNS_HASH_LEN, label, context, context ? CPNS_HASH_LEN : 0, out,
		       CPNS_HASH_LEN);
}

int cpns_x25519_public(const uint8_t *priv, uint8_t *pub)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv,
						     CPNS_X25519_LEN);
	size_t len = CPNS_X25519_LEN;
	int ret = -EIO;

	if (key && EVP_PKEY_get_raw_public_key(key, pub, &len) == 1 && len == CPNS_X25519_LEN)
		ret = 0;
	EVP_PKEY_free(key);
	return ret;
}

int cpns_x25519(const uint8_t *priv, const uint8_t *peer, uint8_t *out)
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv,
						     CPNS_X25519_LEN);
	EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer,
						      CPNS_X25519_LEN);
	EVP_PKEY_CTX *ctx = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t len = CPNS_X25519_LEN;
	int ret = -EIO;

	if (!ctx || !other || EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, other) != 1)
		goto out;
	/*
	 * OpenSSL refuses a zero result itself, which it tells as any other
	 * failure; nothing else can fail here but for want of memory.
	 */
	if (EVP_PKEY_derive(ctx, out, &len) != 1 || len != CPNS_X25519_LEN ||
	    cpns_equal(out, zeros, CPNS_X25519_LEN))
		ret = -EKEYREJECTED;
	else
		ret = 0;
out:
	if (ret)
		cpns_wipe(out, CPNS_X25519_LEN);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	EVP_PKEY_free(own);
	return ret;
}

static uint8_t *put(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

static uint8_t *put_name(uint8_t *p, const struct cpns_name *name)
{
	*p++ = name->len;
	return put(p, name->text, name->len);
}

size_t cpns_prologue_build(const struct cpns_prologue *prologue, uint8_t *out)
{
	uint8_t *p = put(out, "CPNS-SS1", 8);

	*p++ = prologue->role_i;
	p = put_name(p, prologue->id_i);
	*p++ = prologue->role_r;
	p = put_name(p, prologue->id_r);
	p = put_name(p, prologue->user_id);
	p = put(p, prologue->key_id, CPNS_KEY_ID_LEN);
	return (size_t)(p - out);
}

int cpns_ks_start(struct cpns_keysched *ks, const uint8_t *key,
		  const struct cpns_prologue *prologue)
{
	uint8_t bytes[CPNS_PROLOGUE_MAX], prk[CPNS_HASH_LEN];
	struct cpns_piece piece = { bytes, cpns_prologue_build(prologue, bytes) };
	int ret;

	memset(ks, 0, sizeof(*ks));
	ret = cpns_sha256(&piece, 1, ks->h_prologue);
	if (!ret)
		ret = extract(zeros, key, prk);
	if (!ret)
		ret = xl32(prk, "import", ks->h_prologue, ks->pskx);
	if (!ret)
		ret = xl32(ks->pskx, "m1 mac", NULL, ks->mac1_key);
	cpns_wipe(prk, sizeof(prk));
	if (ret)
		cpns_ks_wipe(ks);
	return ret;
}

/*
 * Three pieces that are a message with its hop limit taken as 0. @len is at
 * least that of a header.
 */
static void pieces_of_message(struct cpns_piece *piece, const uint8_t *msg, size_t len)
{
	piece[0] = (struct cpns_piece){ msg, HOP_LIMIT_AT };
	piece[1] = (struct cpns_piece){ zeros, 1 };
	piece[2] = (struct cpns_piece){ msg + HOP_LIMIT_AT + 1, len - HOP_LIMIT_AT - 1 };
}

int cpns_ks_mac1(const struct cpns_keysched *ks, const uint8_t *init, size_t core_len,
		 uint8_t *mac1)
{
	struct cpns_piece piece[3];
	uint8_t full[CPNS_HASH_LEN];
	int ret;

	pieces_of_message(piece, init, core_len);
	ret = cpns_hmac(ks->mac1_key, sizeof(ks->mac1_key), piece, 3, full);
	if (!ret)
		memcpy(mac1, full, CPNS_MAC1_LEN);
	cpns_wipe(full, sizeof(full));
	return ret;
}

/* A proof: HMAC(XL(hs, label, th, 32), th). */
static int prove(const uint8_t *hs, const char *label, const uint8_t *th, uint8_t *key,
		 uint8_t *out)
{
	const struct cpns_piece piece = { th, CPNS_HASH_LEN };
	int ret = xl32(hs, label, th, key);

	return ret ? ret : cpns_hmac(key, CPNS_HASH_LEN, &piece, 1, out);
}

int cpns_ks_resp(struct cpns_keysched *ks, const uint8_t *dh, const uint8_t *init,
		 size_t init_core_len, const uint8_t *resp, size_t resp_core_len)
{
	struct cpns_piece piece[8];
	int ret = extract(ks->pskx, dh ? dh : zeros, ks->hs);

	if (ret)
		return ret;
	piece[0] = (struct cpns_piece){ ks->h_prologue, sizeof(ks->h_prologue) };
	pieces_of_message(piece + 1, init, init_core_len);
	piece[4] = (struct cpns_piece){ init + init_core_len, CPNS_MAC1_LEN };
	pieces_of_message(piece + 5, resp, resp_core_len);
	ret = cpns_sha256(piece, 8, ks->th2);
	return ret ? ret : prove(ks->hs, "auth r", ks->th2, ks->auth_r_key, ks->auth_r);
}

int cpns_ks_confirm(struct cpns_keysched *ks, const uint8_t *confirm, size_t core_len)
{
	struct cpns_piece piece[5] = {
		{ ks->th2, sizeof(ks->th2) },
		{ ks->auth_r, sizeof(ks->auth_r) },
	};
	int ret;

	pieces_of_message(piece + 2, confirm, core_len);
	ret = cpns_sha256(piece, 5, ks->th3);
	return ret ? ret : prove(ks->hs, "auth i", ks->th3, ks->auth_i_key, ks->auth_i);
}

static int direction(const uint8_t *ts, uint16_t suite, struct cpns_traffic *keys)
{
	int ret = xl32(ts, "key", NULL, keys->key);

	if (!ret && cpns_suite_has_mac_key(suite))
		ret = xl32(ts, "mac", NULL, keys->mac_key);
	if (!ret)
		ret = cpns_xl(ts, CPNS_HASH_LEN, "iv", NULL, 0, keys->iv, sizeof(keys->iv));
	return ret;
}

int cpns_ks_finish(struct cpns_keysched *ks, uint16_t suite)
{
	const struct cpns_piece piece[] = {
		{ ks->th3, sizeof(ks->th3) },
		{ ks->auth_i, sizeof(ks->auth_i) },
	};
	int ret = cpns_sha256(piece, 2, ks->th4);

	if (!ret)
		ret = xl32(ks->hs, "master", ks->th4, ks->ms);
	if (!ret)
		ret = xl32(ks->ms, "i data", ks->th4, ks->ts_i);
	if (!ret)
		ret = xl32(ks->ms, "r data", ks->th4, ks->ts_r);
	if (!ret)
		ret = xl32(ks->ms, "exporter", ks->th4, ks->exporter);
	if (!ret)
		ret = direction(ks->ts_i, suite, &ks->i);
	if (!ret)
		ret = direction(ks->ts_r, suite, &ks->r);
	return ret;
}

void cpns_ks_wipe(struct cpns_keysched *ks)
{
	cpns_wipe(ks, sizeof(*ks));
}
