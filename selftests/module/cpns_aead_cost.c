// SPDX-License-Identifier: GPL-2.0
/*
 * For selftests/bench, never installed: what the bare AEAD of a suite costs
 * for one datagram of a size. That is the part of a packet's price which no
 * tunnel can avoid. Loading it measures; the results are its parameters.
 */
#include <linux/ktime.h>
#include <linux/module.h>

#include "../../kernel/crypto.c"

enum { RUNS = 2000, WARM_UP = 50 };

static ushort suite = CPNS_SUITE_PSK_GCM;
module_param(suite, ushort, 0444);
MODULE_PARM_DESC(suite, "suite, a code of the protocol");

static uint len = 1424;
module_param(len, uint, 0444);
MODULE_PARM_DESC(len, "bytes of the inner packet; all of the datagram lies in one page");

static bool auth;
module_param(auth, bool, 0444);
MODULE_PARM_DESC(auth, "MAC only");

static uint seal_ns;
module_param(seal_ns, uint, 0444);
MODULE_PARM_DESC(seal_ns, "result: nanoseconds to seal one, all runs' mean");

static uint open_ns;
module_param(open_ns, uint, 0444);
MODULE_PARM_DESC(open_ns, "result: nanoseconds to open one, all runs' mean");

/**
 * struct datagram - one in a page, sealed and opened where it lies
 * @req: request
 * @sg: the page
 * @iv: IV as the algorithm wants it
 * @text: bytes that are encrypted
 */
struct datagram {
	struct aead_request *req;
	struct scatterlist sg;
	u8 iv[16];
	unsigned int text;
};

static int crypt_one(struct datagram *d, u64 seq, bool seal)
{
	unsigned int ivsize = crypto_aead_ivsize(crypto_aead_reqtfm(d->req));

	put_unaligned_be64(seq, d->iv + ivsize - sizeof(seq));
	aead_request_set_crypt(d->req, &d->sg, &d->sg, d->text + (seal ? 0 : CPNS_TAG_LEN), d->iv);
	return seal ? crypto_aead_encrypt(d->req) : crypto_aead_decrypt(d->req);
}

/* Seals, and opens what it sealed, so that the tag is right. */
static int crypt_all(struct datagram *d, bool opened, uint *mean_ns)
{
	u64 begin = 0;
	int i, err;

	for (i = -WARM_UP; i < RUNS; i++) {
		if (!i)
			begin = ktime_get_ns();
		err = crypt_one(d, i, true);
		if (!err && opened)
			err = crypt_one(d, i, false);
		if (err)
			return err;
	}
	*mean_ns = div_u64(ktime_get_ns() - begin, RUNS);
	return 0;
}

static int measure_in(struct aead_request *req, u8 *page)
{
	struct datagram d = { .req = req, .text = auth ? 0 : len };
	uint both_ns;
	int err;

	sg_init_one(&d.sg, page, CPNS_DATA_OVERHEAD + len);
	aead_request_set_callback(req, 0, NULL, NULL);
	aead_request_set_ad(req, CPNS_DATA_HEADER_LEN + len - d.text);
	err = crypt_all(&d, false, &seal_ns);
	if (err)
		return err;
	err = crypt_all(&d, true, &both_ns);
	if (err)
		return err;
	open_ns = both_ns - seal_ns;
	return 0;
}

static int measure(struct crypto_aead *tfm)
{
	struct aead_request *req = aead_request_alloc(tfm, GFP_KERNEL);
	u8 *page = (u8 *)get_zeroed_page(GFP_KERNEL);
	int err = -ENOMEM;

	if (req && page) {
		local_bh_disable();
		err = measure_in(req, page);
		local_bh_enable();
	}
	free_page((unsigned long)page);
	aead_request_free(req);
	return err;
}

static int __init aead_cost_init(void)
{
	static const u8 key[CPNS_KEY_LEN];
	struct cpns_aead aead = {};
	int err;

	if (!cpns_crypto_suite_known(suite) || len > PAGE_SIZE - CPNS_DATA_OVERHEAD)
		return -EINVAL;
	err = cpns_aead_init(&aead, suite, key, key, key);
	if (err)
		return err;
	err = measure(aead.tfm);
	cpns_aead_destroy(&aead);
	return err;
}

static void __exit aead_cost_exit(void)
{
	cpns_crypto_exit();
}

module_init(aead_cost_init);
module_exit(aead_cost_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Cost of the bare AEAD of a suite of CPNS-SS1");
