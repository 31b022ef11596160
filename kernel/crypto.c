// SPDX-License-Identifier: GPL-2.0
#include <crypto/aead.h>
#include <crypto/authenc.h>
#include <crypto/ctr.h>
#include <linux/percpu.h>
#include <linux/rtnetlink.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "compat.h"
#include "crypto.h"

/* A datagram of UDP fits the fragments of one skb, its head and its tail. */
enum { SG_MAX = MAX_SKB_FRAGS + 2 };

/**
 * struct request_block - all that one AEAD request needs
 * @done: whom to tell when it was worked on by somebody else
 * @arg: for @done
 * @size: bytes of the block
 * @iv: IV as the algorithm wants it
 * @sg: where the packet lies
 * @req: request, with the algorithm's own context behind it
 *
 * A CPU keeps one, and uses it again after a request that was done at once.
 */
struct request_block {
	cpns_crypto_done_t done;
	void *arg;
	unsigned int size;
	u8 iv[16];
	struct scatterlist sg[SG_MAX];
	struct aead_request req ____cacheline_aligned;
};

static DEFINE_PER_CPU(struct request_block *, spare_block);

static const struct suite_info {
	u16 suite;
	const char *alg;
	u8 nonce_in_key;
} suites[] = {
	{ CPNS_SUITE_X25519_GCM, "gcm(aes)", 0 },
	{ CPNS_SUITE_X25519_CHACHA, "rfc7539(chacha20,poly1305)", 0 },
	{ CPNS_SUITE_X25519_CTR_HMAC,
	  "authenc(hmac(sha256),rfc3686(ctr(aes)))", CTR_RFC3686_NONCE_SIZE },
	{ CPNS_SUITE_PSK_GCM, "gcm(aes)", 0 },
	{ CPNS_SUITE_PSK_CHACHA, "rfc7539(chacha20,poly1305)", 0 },
	{ CPNS_SUITE_PSK_CTR_HMAC,
	  "authenc(hmac(sha256),rfc3686(ctr(aes)))", CTR_RFC3686_NONCE_SIZE },
};

static const struct suite_info *suite_find(u16 suite)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].suite == suite)
			return &suites[i];
	return NULL;
}

bool cpns_crypto_suite_known(u16 suite)
{
	return suite_find(suite);
}

bool cpns_crypto_suite_has_mac_key(u16 suite)
{
	const struct suite_info *info = suite_find(suite);

	return info && info->nonce_in_key;
}

/* The key blob of authenc(): lengths, MAC key, cipher key and its nonce. */
static int set_authenc_key(struct crypto_aead *tfm, const u8 *key,
			   const u8 *mac_key, const u8 *iv)
{
	struct {
		struct rtattr rta;
		struct crypto_authenc_key_param param;
		u8 mac_key[CPNS_KEY_LEN];
		u8 key[CPNS_KEY_LEN];
		u8 nonce[CTR_RFC3686_NONCE_SIZE];
	} __packed blob = {
		.rta.rta_len = RTA_LENGTH(sizeof(blob.param)),
		.rta.rta_type = CRYPTO_AUTHENC_KEYA_PARAM,
		.param.enckeylen = cpu_to_be32(CPNS_KEY_LEN + CTR_RFC3686_NONCE_SIZE),
	};
	int err;

	memcpy(blob.mac_key, mac_key, sizeof(blob.mac_key));
	memcpy(blob.key, key, sizeof(blob.key));
	memcpy(blob.nonce, iv, sizeof(blob.nonce));
	err = crypto_aead_setkey(tfm, (const u8 *)&blob, sizeof(blob));
	memzero_explicit(&blob, sizeof(blob));
	return err;
}

int cpns_aead_init(struct cpns_aead *aead, u16 suite, const u8 *key,
		   const u8 *mac_key, const u8 *iv)
{
	const struct suite_info *info = suite_find(suite);
	struct crypto_aead *tfm;
	int err;

	/* Asynchronous ones are welcome: gcm(aes) with AES-NI is one. */
	tfm = crypto_alloc_aead(info->alg, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);

	err = crypto_aead_setauthsize(tfm, CPNS_TAG_LEN);
	if (!err && info->nonce_in_key)
		err = set_authenc_key(tfm, key, mac_key, iv);
	else if (!err)
		err = crypto_aead_setkey(tfm, key, CPNS_KEY_LEN);
	if (err) {
		crypto_free_aead(tfm);
		return err;
	}

	aead->tfm = tfm;
	aead->nonce_in_key = info->nonce_in_key;
	memcpy(aead->iv, iv, CPNS_IV_LEN);
	return 0;
}

void cpns_aead_destroy(struct cpns_aead *aead)
{
	if (aead->tfm)
		crypto_free_aead(aead->tfm);
	memzero_explicit(aead, sizeof(*aead));
}

static struct request_block *block_get(struct crypto_aead *tfm)
{
	unsigned int size = sizeof(struct request_block) + crypto_aead_reqsize(tfm);
	struct request_block *block = this_cpu_xchg(spare_block, NULL);

	if (likely(block && block->size >= size))
		return block;
	kfree_sensitive(block);
	block = kmalloc(size, GFP_ATOMIC);
	if (block)
		block->size = size;
	return block;
}

static void block_put(struct request_block *block)
{
	block = this_cpu_xchg(spare_block, block);
	if (unlikely(block))
		kfree_sensitive(block);
}

static void request_done(cpns_crypto_cb_arg arg, int err)
{
	struct request_block *block = cpns_crypto_cb_data(arg);
	cpns_crypto_done_t done = block->done;
	void *done_arg = block->arg;

	if (err == -EINPROGRESS)
		return;
	local_bh_disable();
	block_put(block);
	done(done_arg, err);
	local_bh_enable();
}

/* IV = iv XOR (0^4 || seq), less what is in the key. */
static void set_iv(u8 *out, const struct cpns_aead *aead, u64 seq)
{
	u8 nonce[CPNS_IV_LEN];

	memcpy(nonce, aead->iv, 4);
	put_unaligned_be64(get_unaligned_be64(aead->iv + 4) ^ seq, nonce + 4);
	memcpy(out, nonce + aead->nonce_in_key, CPNS_IV_LEN - aead->nonce_in_key);
}

static int map_skb(struct request_block *block, struct sk_buff *skb)
{
	int nsg;

	if (likely(!skb_is_nonlinear(skb))) {
		sg_init_one(block->sg, skb->data, skb->len);
		return 0;
	}
	sg_init_table(block->sg, SG_MAX);
	nsg = skb_to_sgvec(skb, block->sg, 0, skb->len);
	return nsg < 0 ? nsg : 0;
}

/* With a block whose scatterlist has the @len bytes of the datagram. */
static int crypt(struct cpns_aead *aead, struct request_block *block, unsigned int len, u64 seq,
		 unsigned int assoc, cpns_crypto_done_t done, void *arg, bool seal)
{
	struct aead_request *req = &block->req;
	int err;

	set_iv(block->iv, aead, seq);
	block->arg = arg;
	block->done = done;

	aead_request_set_tfm(req, aead->tfm);
	aead_request_set_callback(req, 0, request_done, block);
	aead_request_set_ad(req, assoc);
	if (seal) {
		aead_request_set_crypt(req, block->sg, block->sg,
				       len - assoc - CPNS_TAG_LEN, block->iv);
		err = crypto_aead_encrypt(req);
	} else {
		aead_request_set_crypt(req, block->sg, block->sg, len - assoc, block->iv);
		err = crypto_aead_decrypt(req);
	}
	if (err != -EINPROGRESS)
		block_put(block);
	return err;
}

static int crypt_skb(struct cpns_aead *aead, struct sk_buff *skb, u64 seq, unsigned int assoc,
		     cpns_crypto_done_t done, bool seal)
{
	struct request_block *block = block_get(aead->tfm);
	int err;

	if (unlikely(!block))
		return -ENOMEM;
	err = map_skb(block, skb);
	if (unlikely(err)) {
		block_put(block);
		return err;
	}
	return crypt(aead, block, skb->len, seq, assoc, done, skb, seal);
}

static int crypt_piece(struct cpns_aead *aead, u8 *data, unsigned int len, u64 seq,
		       unsigned int assoc, cpns_crypto_done_t done, void *arg, bool seal)
{
	struct request_block *block = block_get(aead->tfm);

	if (unlikely(!block))
		return -ENOMEM;
	sg_init_one(block->sg, data, len);
	return crypt(aead, block, len, seq, assoc, done, arg, seal);
}

int cpns_crypto_seal(struct cpns_aead *aead, struct sk_buff *skb, u64 seq,
		     unsigned int assoc, cpns_crypto_done_t done)
{
	return crypt_skb(aead, skb, seq, assoc, done, true);
}

int cpns_crypto_open(struct cpns_aead *aead, struct sk_buff *skb, u64 seq,
		     unsigned int assoc, cpns_crypto_done_t done)
{
	return crypt_skb(aead, skb, seq, assoc, done, false);
}

int cpns_crypto_seal_piece(struct cpns_aead *aead, u8 *data, unsigned int len, u64 seq,
			   unsigned int assoc, cpns_crypto_done_t done, void *arg)
{
	return crypt_piece(aead, data, len, seq, assoc, done, arg, true);
}

int cpns_crypto_open_piece(struct cpns_aead *aead, u8 *data, unsigned int len, u64 seq,
			   unsigned int assoc, cpns_crypto_done_t done, void *arg)
{
	return crypt_piece(aead, data, len, seq, assoc, done, arg, false);
}

void cpns_crypto_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree_sensitive(per_cpu(spare_block, cpu));
}
