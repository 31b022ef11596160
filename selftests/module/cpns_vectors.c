// SPDX-License-Identifier: GPL-2.0
/*
 * For selftests/vectors.py, never installed: seals and opens single datagrams
 * with the code of cpns.ko, whatever their keys and sequence numbers, which the
 * module itself lets nobody choose. A request is written to the file
 * cpns-vectors of debugfs, its answer is then read from the same descriptor.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "../../kernel/crypto.c"

/* What an answer has beside the datagram; see struct answer. */
enum { ROOM = 128, REQUEST_MAX = CPNS_DATAGRAM_MAX + ROOM };

enum { OP_SEAL, OP_OPEN };

/**
 * struct request - what is to be done; numbers in network byte order
 * @op: OP_SEAL or OP_OPEN
 * @flags: flags of the header, of OP_SEAL
 * @clear: clear byte of the header, of OP_SEAL
 * @hop_limit: of the datagram that is sealed
 * @suite: suite
 * @key: key
 * @mac_key: MAC key, for suites that have one
 * @iv: IV
 * @sid: of the header, of OP_SEAL
 * @dst: the same
 * @src: the same
 * @seq: the same
 * @data: payload to seal, or datagram to open
 */
struct request {
	u8	op;
	u8	flags;
	u8	clear;
	u8	hop_limit;
	__be16	suite;
	u8	key[CPNS_KEY_LEN];
	u8	mac_key[CPNS_KEY_LEN];
	u8	iv[CPNS_IV_LEN];
	__be32	sid;
	__be64	dst;
	__be64	src;
	__be64	seq;
	u8	data[];
} __packed;

/**
 * struct answer - what has come of it; numbers in network byte order
 * @err: 0, or the error of the cipher
 * @nonce: nonce that was used
 * @aad_len: bytes of AAD
 * @data: AAD, then the datagram that was sealed or the payload that was opened
 */
struct answer {
	__be32	err;
	u8	nonce[CPNS_IV_LEN];
	__be32	aad_len;
	u8	data[];
} __packed;

/**
 * struct reply - an answer, kept at the open file until it is read
 * @len: its length
 * @answer: the answer
 */
struct reply {
	size_t len;
	struct answer answer;
};

/* Where a cipher that works later leaves its result. */
struct waiter {
	struct completion done;
	int err;
};

static void crypt_done(void *arg, int err)
{
	const struct sk_buff *skb = arg;
	struct waiter *waiter = *(struct waiter **)skb->cb;

	waiter->err = err;
	complete(&waiter->done);
}

static int crypt_wait(struct cpns_aead *aead, struct sk_buff *skb, u64 seq, unsigned int assoc,
		      u8 op)
{
	struct waiter waiter;
	int err;

	init_completion(&waiter.done);
	*(struct waiter **)skb->cb = &waiter;
	local_bh_disable();
	if (op == OP_SEAL)
		err = cpns_crypto_seal(aead, skb, seq, assoc, crypt_done);
	else
		err = cpns_crypto_open(aead, skb, seq, assoc, crypt_done);
	local_bh_enable();
	if (err != -EINPROGRESS)
		return err;
	wait_for_completion(&waiter.done);
	return waiter.err;
}

/* The datagram as the packet path hands it to the cipher: the hop limit is 0. */
static struct sk_buff *make_datagram(const struct request *rq, size_t len)
{
	struct cpns_data_header *dh;
	struct sk_buff *skb;

	skb = alloc_skb(len + CPNS_DATA_OVERHEAD, GFP_KERNEL);
	if (!skb)
		return NULL;
	if (rq->op == OP_OPEN) {
		skb_put_data(skb, rq->data, len);
		((struct cpns_data_header *)skb->data)->h.hop_limit = 0;
		return skb;
	}
	dh = skb_put_zero(skb, sizeof(*dh));
	dh->h.version_type = CPNS_VERSION << 4 | CPNS_MSG_DATA;
	dh->h.flags = rq->flags;
	dh->h.clear = rq->clear;
	dh->h.sid = rq->sid;
	dh->h.dst = rq->dst;
	dh->h.src = rq->src;
	dh->seq = rq->seq;
	skb_put_data(skb, rq->data, len);
	skb_put(skb, CPNS_TAG_LEN);
	return skb;
}

/* 0 where the datagram has no such bytes. */
static unsigned int assoc_len(const struct sk_buff *skb)
{
	const struct cpns_data_header *dh = (const struct cpns_data_header *)skb->data;
	unsigned int assoc = CPNS_DATA_HEADER_LEN + dh->h.clear * CPNS_CLEAR_UNIT;

	if (!(dh->h.flags & CPNS_F_ENCRYPTED))
		assoc = skb->len - CPNS_TAG_LEN;
	return assoc + CPNS_TAG_LEN <= skb->len ? assoc : 0;
}

static void finish(struct answer *answer, size_t *len, struct sk_buff *skb,
		   const struct request *rq, unsigned int assoc)
{
	if (rq->op == OP_SEAL) {
		((struct cpns_data_header *)skb->data)->h.hop_limit = rq->hop_limit;
	} else {
		__skb_pull(skb, CPNS_DATA_HEADER_LEN);
		__skb_trim(skb, skb->len - CPNS_TAG_LEN);
	}
	memcpy(answer->data + assoc, skb->data, skb->len);
	*len = sizeof(*answer) + assoc + skb->len;
}

static int carry_out(const struct request *rq, size_t data_len, struct reply *reply)
{
	struct answer *answer = &reply->answer;
	struct cpns_aead aead = {};
	const struct cpns_data_header *dh;
	unsigned int assoc;
	struct sk_buff *skb;
	int err;

	if (!cpns_crypto_suite_known(be16_to_cpu(rq->suite)) || rq->op > OP_OPEN ||
	    (rq->op == OP_OPEN && data_len < CPNS_DATA_OVERHEAD))
		return -EINVAL;
	err = cpns_aead_init(&aead, be16_to_cpu(rq->suite), rq->key, rq->mac_key, rq->iv);
	if (err)
		return err;
	skb = make_datagram(rq, data_len);
	if (!skb) {
		err = -ENOMEM;
		goto out;
	}
	assoc = assoc_len(skb);
	if (!assoc) {
		err = -EINVAL;
		goto out;
	}
	dh = (const struct cpns_data_header *)skb->data;
	memcpy(answer->nonce, aead.iv, aead.nonce_in_key);
	set_iv(answer->nonce + aead.nonce_in_key, &aead, be64_to_cpu(dh->seq));
	answer->aad_len = cpu_to_be32(assoc);
	memcpy(answer->data, skb->data, assoc);

	err = crypt_wait(&aead, skb, be64_to_cpu(dh->seq), assoc, rq->op);
	answer->err = cpu_to_be32(err);
	reply->len = sizeof(*answer) + assoc;
	if (!err)
		finish(answer, &reply->len, skb, rq, assoc);
	err = 0;
out:
	kfree_skb(skb);
	cpns_aead_destroy(&aead);
	return err;
}

static ssize_t vectors_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct request *rq;
	struct reply *reply;
	int err;

	if (len < sizeof(*rq) || len > REQUEST_MAX)
		return -EMSGSIZE;
	rq = vmemdup_user(buf, len);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	/* The AAD may be all of the datagram, which then comes twice. */
	reply = kvzalloc(sizeof(*reply) + 2 * len + ROOM, GFP_KERNEL);
	if (!reply) {
		kvfree_sensitive(rq, len);
		return -ENOMEM;
	}
	err = carry_out(rq, len - sizeof(*rq), reply);
	kvfree_sensitive(rq, len);
	if (err) {
		kvfree(reply);
		return err;
	}
	kvfree(file->private_data);
	file->private_data = reply;
	*pos = 0;
	return len;
}

static ssize_t vectors_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	const struct reply *reply = file->private_data;
	loff_t start = 0;

	if (!reply)
		return 0;
	return simple_read_from_buffer(buf, len, &start, &reply->answer, reply->len);
}

static int vectors_release(struct inode *inode, struct file *file)
{
	kvfree(file->private_data);
	return 0;
}

static const struct file_operations vectors_ops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = vectors_write,
	.read = vectors_read,
	.release = vectors_release,
};

static struct dentry *vectors_file;

static int __init vectors_init(void)
{
	vectors_file = debugfs_create_file("cpns-vectors", 0600, NULL, NULL, &vectors_ops);
	return PTR_ERR_OR_ZERO(vectors_file);
}

static void __exit vectors_exit(void)
{
	debugfs_remove(vectors_file);
	cpns_crypto_exit();
}

module_init(vectors_init);
module_exit(vectors_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test vectors of CPNS-SS1 through the crypto of cpns");
