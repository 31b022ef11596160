// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <net/inet_ecn.h>

#include "compat.h"
#include "crypto.h"
#include "device.h"
#include "drop.h"
#include "header.h"
#include "inner.h"
#include "merge.h"
#include "peer.h"
#include "receive-train.h"
#include "session.h"
#include "socket.h"
#include "trace.h"
#include "train-walk.h"

/* UDP puts no more together. */
enum { DATAGRAMS_MAX = 64 };

struct train;

/**
 * struct datagram - one of a train
 * @train: its train
 * @session: its session; the first of several in a row has a reference
 * @data: where it lies
 * @page: page that it lies in, or NULL
 * @offset: where in the page
 * @len: its length
 * @seq: sequence number
 * @err: what the cipher says
 * @stat: counter to drop it with, or 0
 */
struct datagram {
	struct train *train;
	struct cpns_session *session;
	u8 *data;
	struct page *page;
	unsigned int offset;
	unsigned int len;
	u64 seq;
	int err;
	unsigned int stat;
};

/**
 * struct train - datagrams that came together
 * @cdev: device
 * @skb: the train as it came
 * @pending: datagrams that are being worked on, and one for who hands them out
 * @overhead: memory that each stands for beside its bytes
 * @count: datagrams
 * @datagram: they
 *
 * A CPU keeps one to use again.
 */
struct train {
	struct cpns_device *cdev;
	struct sk_buff *skb;
	atomic_t pending;
	unsigned int overhead;
	unsigned int count;
	struct datagram datagram[DATAGRAMS_MAX];
};

static DEFINE_PER_CPU(struct train *, spare_train);

static struct train *train_get(struct cpns_device *cdev, struct sk_buff *skb)
{
	struct train *t = this_cpu_xchg(spare_train, NULL);

	t = t ?: kmalloc(sizeof(*t), GFP_ATOMIC | __GFP_NOWARN);
	if (t) {
		t->cdev = cdev;
		t->skb = skb;
		t->count = 0;
	}
	return t;
}

static void train_put(struct train *t)
{
	kfree(this_cpu_xchg(spare_train, t));
}

static bool collect_one(void *arg, const struct cpns_train_piece *piece)
{
	struct train *t = arg;

	if (t->count == DATAGRAMS_MAX)
		return false;
	t->datagram[t->count++] = (struct datagram){
		.train = t,
		.data = piece->data,
		.page = piece->page,
		.offset = piece->offset,
		.len = piece->len,
	};
	return true;
}

static bool collect(struct train *t, unsigned int offset)
{
	/* UDP cuts off what its header leaves out, which may be all. */
	if (!cpns_train_walk(t->skb, offset, collect_one, t) || !t->count)
		return false;
	/* A mean of the whole would be less than a full one has, where the last is short. */
	t->overhead = (max(t->skb->truesize, t->skb->len) - t->skb->len) / t->count;
	return true;
}

/* The session of a datagram, or NULL where there is more to say about it. */
static struct cpns_session *find_session(struct cpns_device *cdev, const u8 *data)
{
	const struct cpns_header *h = (const struct cpns_header *)data;
	u64 dst = get_unaligned_be64(&h->dst), src = get_unaligned_be64(&h->src);
	struct cpns_session *s;

	if (!cpns_header_is_valid(h, dst, src) || (h->version_type & 0x0f) != CPNS_MSG_DATA ||
	    h->flags & CPNS_F_UNPROTECTED || dst != cdev->eid)
		return NULL;
	s = cpns_session_find(cdev, get_unaligned_be32(&h->sid));
	return s && s->peer->eid == src ? s : NULL;
}

static bool identify(struct train *t)
{
	unsigned int i;

	for (i = 0; i < t->count; i++) {
		struct datagram *d = &t->datagram[i];

		if (i && cpns_header_is_alike(d->data, d[-1].data))
			d->session = d[-1].session;
		else
			d->session = find_session(t->cdev, d->data);
		if (!d->session)
			return false;
	}
	return true;
}

/* Is it the first of its session, or the first after one of another? */
static bool begins_run(const struct train *t, unsigned int i)
{
	return !i || t->datagram[i].session != t->datagram[i - 1].session;
}

/* Drops the references of the first @count datagrams. */
static void put_sessions(struct train *t, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (begins_run(t, i))
			cpns_session_put(t->datagram[i].session);
}

/* They were found in this RCU section, but may have ended. */
static bool hold_sessions(struct train *t)
{
	unsigned int i;

	for (i = 0; i < t->count; i++) {
		if (!begins_run(t, i) || likely(cpns_session_hold(t->datagram[i].session)))
			continue;
		put_sessions(t, i);
		return false;
	}
	return true;
}

/* Whether there is a reason to drop it before the cipher has seen it. */
static unsigned int check(struct datagram *d)
{
	const struct cpns_data_header *dh = (const struct cpns_data_header *)d->data;

	if (unlikely(!cpns_header_data_is_valid(dh, d->len)))
		return CPNS_A_STATS_RX_MALFORMED;
	d->seq = get_unaligned_be64(&dh->seq);
	return cpns_session_check_seq(d->session, d->seq);
}

static void trace_open(const struct datagram *d)
{
	const struct cpns_header *h = (const struct cpns_header *)d->data;
	const struct cpns_session *s = d->session;

	trace_cpns_open(s->peer->cdev->dev, s->peer->eid, s->local_sid, d->seq, d->len, h->flags,
			h->clear, d->err);
}

static void drop(struct datagram *d, unsigned int stat)
{
	struct cpns_peer *peer = d->session->peer;

	/* The peer of what is malformed is not known for certain. */
	cpns_drop(peer->cdev, stat == CPNS_A_STATS_RX_MALFORMED ? NULL : peer, stat, 1);
}

/* Sets @stat of what failed; tells of the session what was learnt of it. */
static void judge(struct train *t, struct datagram *d, unsigned int count)
{
	struct cpns_session *s = d->session;
	enum cpns_replay_verdict verdict;
	bool newest = false, any = false, empty = true;
	unsigned int i;
	u64 last = 0;

	spin_lock_bh(&s->rx_lock);
	for (i = 0; i < count; i++) {
		if (unlikely(d[i].stat || d[i].err))
			continue;
		verdict = cpns_replay_commit(&s->window, d[i].seq);
		if (unlikely(verdict > CPNS_REPLAY_NEWEST)) {
			d[i].stat = cpns_stats_of_verdict(verdict);
			continue;
		}
		newest |= verdict == CPNS_REPLAY_NEWEST;
		empty &= d[i].len == CPNS_DATA_OVERHEAD;
		last = max(last, d[i].seq);
		any = true;
	}
	spin_unlock_bh(&s->rx_lock);

	for (i = 0; i < count; i++)
		if (unlikely(d[i].err))
			d[i].stat = cpns_session_note_failed(s, d[i].err);
	if (!any)
		return;
	if (newest)
		cpns_peer_heard_from(s->peer, t->skb);
	cpns_session_note_rx(s, last);
	cpns_peer_note_rx(s->peer, empty);
}

static void deliver(struct train *t, struct datagram *d, struct cpns_merge *m, u8 tos)
{
	struct cpns_peer *peer = d->session->peer;
	struct cpns_merge_piece piece = {
		.data = d->data + CPNS_DATA_HEADER_LEN,
		.len = d->len - CPNS_DATA_OVERHEAD,
		.page = d->page,
		.offset = d->offset + CPNS_DATA_HEADER_LEN,
		.truesize = d->len + t->overhead,
	};
	struct sk_buff *skb;

	if (!piece.len)
		return cpns_stats_inc(t->cdev, peer, CPNS_A_STATS_RX_KEEPALIVES);
	if (unlikely(!cpns_peer_accepts(peer, (const struct cpns_header *)d->data)))
		return drop(d, CPNS_A_STATS_RX_LEVEL);
	if (cpns_merge_append(m, peer, &piece))
		return;
	cpns_merge_flush(m);
	skb = cpns_merge_make_skb(&piece);
	if (unlikely(!skb))
		return drop(d, CPNS_A_STATS_RX_NO_MEMORY);
	if (unlikely(!cpns_inner_check(t->cdev, peer, skb, tos)))
		return;
	/* A congestion mark that was put on the train is on each of its packets. */
	if (unlikely(INET_ECN_is_ce(tos) || netif_elide_gro(t->cdev->dev)) ||
	    !cpns_merge_start(m, peer, skb))
		cpns_inner_deliver(t->cdev, peer, skb, 1, skb->len);
}

/* The cipher is done with all of them. */
static void unload(struct train *t)
{
	u8 tos = cpns_socket_outer_tos(t->skb);
	struct cpns_merge merge = {};
	unsigned int i, n;

	rcu_read_lock();
	if (trace_cpns_open_enabled())
		for (i = 0; i < t->count; i++)
			if (!t->datagram[i].stat)
				trace_open(&t->datagram[i]);
	for (i = 0; i < t->count; i += n) {
		struct datagram *d = &t->datagram[i];

		for (n = 1; i + n < t->count && !begins_run(t, i + n); n++)
			;
		judge(t, d, n);
	}
	cpns_stats_inc(t->cdev, t->datagram[0].session->peer, CPNS_A_STATS_RX_TRAINS);
	for (i = 0; i < t->count; i++) {
		struct datagram *d = &t->datagram[i];

		if (unlikely(d->stat))
			drop(d, d->stat);
		else
			deliver(t, d, &merge, tos);
	}
	cpns_merge_flush(&merge);
	rcu_read_unlock();

	put_sessions(t, t->count);
	consume_skb(t->skb);
	train_put(t);
}

static void opened_later(void *arg, int err)
{
	struct datagram *d = arg;

	d->err = err;
	if (atomic_dec_and_test(&d->train->pending))
		unload(d->train);
}

static int open_datagram(struct datagram *d)
{
	struct cpns_header *h = (struct cpns_header *)d->data;

	h->hop_limit = 0;
	return cpns_crypto_open_piece(&d->session->rx, d->data, d->len, d->seq,
				      cpns_header_assoc(h, d->len), opened_later, d);
}

static void open_all(struct train *t)
{
	unsigned int i, done = 1;

	for (i = 0; i < t->count; i++) {
		struct datagram *d = &t->datagram[i];
		int err;

		d->stat = check(d);
		if (unlikely(d->stat)) {
			done++;
			continue;
		}
		err = open_datagram(d);
		if (err != -EINPROGRESS) {
			d->err = err;
			done++;
		}
	}
	if (atomic_sub_and_test(done, &t->pending))
		unload(t);
}

/* What is relayed is known by its first datagram, before there is much work. */
static bool is_for(struct cpns_device *cdev, const struct sk_buff *skb, unsigned int offset)
{
	const struct cpns_header *h;
	struct cpns_header buffer;

	h = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	return h && get_unaligned_be64(&h->dst) == cdev->eid;
}

bool cpns_receive_train(struct cpns_device *cdev, struct sk_buff *skb, unsigned int offset)
{
	struct train *t;

	if (!is_for(cdev, skb, offset))
		return false;
	t = train_get(cdev, skb);
	if (unlikely(!t))
		return false;
	if (unlikely(!collect(t, offset) || !identify(t) || !hold_sessions(t))) {
		train_put(t);
		return false;
	}
	atomic_set(&t->pending, t->count + 1);
	open_all(t);
	return true;
}

void cpns_receive_train_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu(spare_train, cpu));
}
