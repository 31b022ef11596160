// SPDX-License-Identifier: GPL-2.0
/*
 * Seal and open one DATA packet in userspace, on OpenSSL's ciphers.
 */
#include "data.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "secret.h"

enum {
	CTR_BLOCK_LEN = 16,
	HOP_LIMIT_AT = 2,
	IPV4_HEADER_LEN = 20,
	IPV6_HEADER_LEN = 40,
};

void cpns_data_nonce(const uint8_t *iv, uint64_t seq, uint8_t *nonce)
{
	uint8_t mask[CPNS_IV_LEN] = { 0 };
	unsigned int i;

	cpns_put_u64(mask + 4, seq);
	for (i = 0; i < CPNS_IV_LEN; i++)
		nonce[i] = iv[i] ^ mask[i];
}

/**
 * struct packet - what is to be sealed or opened
 * @seal: seal, else open
 * @nonce: of the packet
 * @aad: header with hop limit 0, seq, and what else is only authenticated
 * @n_aad: pieces of @aad in use
 * @in: what is encrypted or decrypted
 * @out: output of the same length
 * @tag: written when sealing, compared when opening
 */
struct packet {
	bool seal;
	uint8_t nonce[CPNS_IV_LEN];
	struct cpns_piece aad[2];
	size_t n_aad;
	struct cpns_span in;
	uint8_t *out;
	uint8_t *tag;
};

static int aead(const EVP_CIPHER *cipher, const struct cpns_traffic *keys,
		const struct packet *p)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, ret = -EIO;
	size_t i;

	if (!ctx ||
	    EVP_CipherInit_ex(ctx, cipher, NULL, keys->key, p->nonce, p->seal) != 1)
		goto out;
	if (!p->seal &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CPNS_TAG_LEN, p->tag) != 1)
		goto out;
	for (i = 0; i < p->n_aad; i++)
		if (p->aad[i].len && EVP_CipherUpdate(ctx, NULL, &n, p->aad[i].data,
						      (int)p->aad[i].len) != 1)
			goto out;
	if (p->in.len && EVP_CipherUpdate(ctx, p->out, &n, p->in.data, (int)p->in.len) != 1)
		goto out;
	if (EVP_CipherFinal_ex(ctx, p->out + p->in.len, &n) != 1) {
		ret = p->seal ? -EIO : -EBADMSG;
		goto out;
	}
	if (p->seal &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CPNS_TAG_LEN, p->tag) != 1)
		goto out;
	ret = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

/* AES-256-CTR in the form of RFC 3686: nonce, IV, block counter from 1. */
static int ctr(const struct cpns_traffic *keys, const struct packet *p)
{
	uint8_t block[CTR_BLOCK_LEN];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, ret = -EIO;

	memcpy(block, p->nonce, CPNS_IV_LEN);
	cpns_put_u32(block + CPNS_IV_LEN, 1);
	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_ctr(), NULL, keys->key, block, 1) == 1 &&
	    (!p->in.len || EVP_CipherUpdate(ctx, p->out, &n, p->in.data, (int)p->in.len) == 1))
		ret = 0;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

static int ctr_hmac(const struct cpns_traffic *keys, const struct packet *p)
{
	struct cpns_piece piece[3] = { p->aad[0], p->aad[1] };
	uint8_t mac[CPNS_HASH_LEN];
	int ret;

	if (p->seal) {
		ret = ctr(keys, p);
		if (ret)
			return ret;
	}
	piece[2].data = p->seal ? p->out : p->in.data;
	piece[2].len = p->in.len;
	ret = cpns_hmac(keys->mac_key, sizeof(keys->mac_key), piece, 3, mac);
	if (!ret && p->seal)
		memcpy(p->tag, mac, CPNS_TAG_LEN);
	else if (!ret && !cpns_equal(mac, p->tag, CPNS_TAG_LEN))
		ret = -EBADMSG;
	cpns_wipe(mac, sizeof(mac));
	if (!ret && !p->seal)
		ret = ctr(keys, p);
	return ret;
}

static int protect(uint16_t suite, const struct cpns_traffic *keys, const struct packet *p)
{
	if (cpns_suite_has_mac_key(suite))
		return ctr_hmac(keys, p);
	if (suite == CPNS_SUITE_X25519_CHACHA || suite == CPNS_SUITE_PSK_CHACHA)
		return aead(EVP_chacha20_poly1305(), keys, p);
	return aead(EVP_aes_256_gcm(), keys, p);
}

/*
 * Split a payload by its header into what is only authenticated and what is
 * encrypted too. @header: CPNS_DATA_HEADER_LEN bytes, hop limit 0.
 */
static size_t split(struct packet *p, const struct cpns_msg_header *h, const uint8_t *header,
		    const uint8_t *payload, size_t len)
{
	size_t plain = h->flags & CPNS_F_ENCRYPTED ? (size_t)h->clear * CPNS_CLEAR_UNIT : len;

	p->aad[0] = (struct cpns_piece){ header, CPNS_DATA_HEADER_LEN };
	p->aad[1] = (struct cpns_piece){ payload, plain };
	p->n_aad = 2;
	p->in = (struct cpns_span){ payload + plain, len - plain };
	return plain;
}

static void put_header(uint8_t *out, const struct cpns_msg_header *h, uint64_t seq)
{
	out[0] = CPNS_VERSION << 4 | CPNS_MSG_DATA;
	out[1] = h->flags;
	out[HOP_LIMIT_AT] = h->hop_limit;
	out[3] = h->clear;
	cpns_put_u32(out + 4, h->sid);
	cpns_put_u64(out + 8, h->dst);
	cpns_put_u64(out + 16, h->src);
	cpns_put_u64(out + CPNS_HEADER_LEN, seq);
}

ssize_t cpns_data_seal(uint16_t suite, const struct cpns_traffic *keys,
		       const struct cpns_msg_header *h, uint64_t seq, const void *payload,
		       size_t len, void *out, size_t size)
{
	uint8_t header[CPNS_DATA_HEADER_LEN], *o = out;
	const uint8_t *data = payload;
	struct packet p = { .seal = true };
	struct cpns_msg check;
	size_t plain;
	int ret;

	if (len > CPNS_DATAGRAM_MAX - CPNS_DATA_OVERHEAD || size < CPNS_DATA_OVERHEAD + len)
		return -EMSGSIZE;
	if (!data)
		data = header;	/* no bytes: any pointer that may be moved by 0 */
	put_header(o, h, seq);
	memcpy(header, o, sizeof(header));
	header[HOP_LIMIT_AT] = 0;
	if (len)
		memcpy(o + CPNS_DATA_HEADER_LEN, data, len);
	memset(o + CPNS_DATA_HEADER_LEN + len, 0, CPNS_TAG_LEN);
	if (h->flags & CPNS_F_UNPROTECTED ||
	    cpns_msg_parse(o, CPNS_DATA_OVERHEAD + len, &check) != CPNS_WELL_FORMED)
		return -EINVAL;

	cpns_data_nonce(keys->iv, seq, p.nonce);
	plain = split(&p, h, header, data, len);
	p.out = o + CPNS_DATA_HEADER_LEN + plain;
	p.tag = o + CPNS_DATA_HEADER_LEN + len;
	ret = protect(suite, keys, &p);
	return ret ? ret : (ssize_t)(CPNS_DATA_OVERHEAD + len);
}

ssize_t cpns_data_open(uint16_t suite, const struct cpns_traffic *keys, const void *datagram,
		       size_t len, void *payload)
{
	uint8_t header[CPNS_DATA_HEADER_LEN], tag[CPNS_TAG_LEN], *out = payload;
	struct packet p = { .seal = false };
	struct cpns_msg msg;
	size_t plain;
	int ret;

	if (cpns_msg_parse(datagram, len, &msg) != CPNS_WELL_FORMED ||
	    msg.h.type != CPNS_MSG_DATA || msg.h.flags & CPNS_F_UNPROTECTED)
		return -EPROTO;
	put_header(header, &msg.h, msg.data.seq);
	header[HOP_LIMIT_AT] = 0;
	memcpy(tag, msg.data.tag, sizeof(tag));
	cpns_data_nonce(keys->iv, msg.data.seq, p.nonce);
	plain = split(&p, &msg.h, header, msg.data.payload.data, msg.data.payload.len);
	p.out = out + plain;
	p.tag = tag;
	ret = protect(suite, keys, &p);
	if (ret) {
		cpns_wipe(out, msg.data.payload.len);
		return ret;
	}
	memcpy(out, msg.data.payload.data, plain);
	return (ssize_t)msg.data.payload.len;
}

enum cpns_inner cpns_inner_check(const uint8_t *payload, size_t len, const uint8_t **src,
				 size_t *src_len)
{
	size_t total, at, n;

	if (!len)
		return CPNS_INNER_KEEPALIVE;
	if (payload[0] >> 4 == 4 && len >= IPV4_HEADER_LEN) {
		size_t header = 4 * (size_t)(payload[0] & 15);

		if (header < IPV4_HEADER_LEN || header > len)
			return CPNS_INNER_BAD;
		total = (size_t)payload[2] << 8 | payload[3];
		at = 12;
		n = 4;
	} else if (payload[0] >> 4 == 6 && len >= IPV6_HEADER_LEN) {
		total = IPV6_HEADER_LEN + ((size_t)payload[4] << 8 | payload[5]);
		at = 8;
		n = 16;
	} else {
		return CPNS_INNER_BAD;
	}
	if (total != len)
		return CPNS_INNER_BAD;
	if (src)
		*src = payload + at;
	if (src_len)
		*src_len = n;
	return CPNS_INNER_OK;
}
