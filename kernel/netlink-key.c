// SPDX-License-Identifier: GPL-2.0
#include <crypto/algapi.h>
#include <linux/mm.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include <cpns/wire.h>
#include "compat.h"
#include "crypto.h"
#include "device.h"
#include "netlink.h"
#include "netlink-common.h"
#include "netlink-gen.h"
#include "peer.h"
#include "session.h"

enum {
	/* Fingerprints of keys: the room at first, and the most. */
	USED_KEYS_FIRST = 64,
	USED_KEYS_MAX = 65536,
};

/* Attributes that belong together follow each other. */
static_assert(CPNS_A_KEY_HARD_PACKETS - CPNS_A_KEY_SOFT_PACKETS == 1);
static_assert(CPNS_A_KEY_HARD_FAILED - CPNS_A_KEY_SOFT_FAILED == 1);
static_assert(CPNS_A_KEY_HARD_TIME - CPNS_A_KEY_SOFT_TIME == 1);

/* Sessions of a peer at one moment, each with a reference, or NULL. */
static void hold_sessions(struct cpns_peer *peer, struct cpns_session *held[CPNS_SESSION_SLOTS])
{
	int i;

	spin_lock_bh(&peer->slot_lock);
	for (i = 0; i < CPNS_SESSION_SLOTS; i++) {
		struct cpns_session *s =
			rcu_dereference_protected(peer->slot[i],
						  lockdep_is_held(&peer->slot_lock));

		held[i] = s && cpns_session_hold(s) ? s : NULL;
	}
	spin_unlock_bh(&peer->slot_lock);
}

static void put_sessions(struct cpns_session *held[CPNS_SESSION_SLOTS])
{
	int i;

	for (i = 0; i < CPNS_SESSION_SLOTS; i++)
		if (held[i])
			cpns_session_put(held[i]);
}

static int put_limits(struct sk_buff *skb, const struct cpns_session_limits *limits)
{
	if (nla_put_u64_64bit(skb, CPNS_A_KEY_SOFT_PACKETS, limits->soft_packets,
			      CPNS_A_KEY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_KEY_HARD_PACKETS, limits->hard_packets,
			      CPNS_A_KEY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_KEY_SOFT_FAILED, limits->soft_failed, CPNS_A_KEY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_KEY_HARD_FAILED, limits->hard_failed, CPNS_A_KEY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_KEY_SOFT_TIME, limits->soft_ms, CPNS_A_KEY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_KEY_HARD_TIME, limits->hard_ms, CPNS_A_KEY_PAD))
		return -EMSGSIZE;
	return 0;
}

static int put_use(struct sk_buff *skb, struct cpns_session *s)
{
	u64 next;

	spin_lock_bh(&s->rx_lock);
	next = s->window.next;
	spin_unlock_bh(&s->rx_lock);

	if (nla_put_u64_64bit(skb, CPNS_A_KEY_AGE, cpns_session_age_ms(s), CPNS_A_KEY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_KEY_TX_PACKETS, atomic64_read(&s->tx_seq),
			      CPNS_A_KEY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_KEY_FAILED, atomic64_read(&s->failed), CPNS_A_KEY_PAD))
		return -EMSGSIZE;
	if (next && nla_put_u64_64bit(skb, CPNS_A_KEY_RX_HIGHEST, next - 1, CPNS_A_KEY_PAD))
		return -EMSGSIZE;
	if (test_bit(CPNS_SESSION_CONFIRMED, &s->state) &&
	    nla_put_flag(skb, CPNS_A_KEY_CONFIRMED))
		return -EMSGSIZE;
	if (test_bit(CPNS_SESSION_SOFT, &s->state) && nla_put_flag(skb, CPNS_A_KEY_SOFT))
		return -EMSGSIZE;
	return 0;
}

/* A session without its secrets, which nothing here can reach. */
static int fill_key(struct sk_buff *skb, struct cpns_session *s, enum cpns_session_slot slot)
{
	if (nla_put_u32(skb, CPNS_A_KEY_IFINDEX, s->peer->cdev->dev->ifindex) ||
	    nla_put_u64_64bit(skb, CPNS_A_KEY_EID, s->peer->eid, CPNS_A_KEY_PAD) ||
	    nla_put_u8(skb, CPNS_A_KEY_SLOT, cpns_session_uapi_slot(slot)) ||
	    nla_put_u32(skb, CPNS_A_KEY_LOCAL_SID, s->local_sid) ||
	    nla_put_u32(skb, CPNS_A_KEY_REMOTE_SID, s->remote_sid) ||
	    nla_put_u16(skb, CPNS_A_KEY_SUITE, s->suite) ||
	    (s->initiator && nla_put_flag(skb, CPNS_A_KEY_INITIATOR)) ||
	    nla_put(skb, CPNS_A_KEY_KEY_ID, CPNS_KEY_ID_LEN, s->key_id))
		return -EMSGSIZE;
	if (put_limits(skb, &s->limits))
		return -EMSGSIZE;
	return put_use(skb, s);
}

static struct sk_buff *reply_with_key(struct genl_info *info, struct cpns_session *s,
				      enum cpns_session_slot slot)
{
	struct sk_buff *msg;
	void *hdr;

	msg = cpns_nl_reply_new(info, CPNS_NL_REPLY_SIZE, &hdr);
	if (!msg)
		return ERR_PTR(-ENOMEM);
	if (WARN_ON_ONCE(fill_key(msg, s, slot))) {
		nlmsg_free(msg);
		return ERR_PTR(-EMSGSIZE);
	}
	genlmsg_end(msg, hdr);
	return msg;
}

/* Who has a local sid? The device's lock keeps the peer. */
static struct cpns_peer *sid_peer(struct cpns_device *cdev, u32 sid)
{
	struct cpns_session *s;
	struct cpns_peer *peer;

	lockdep_assert_held(&cdev->lock);
	rcu_read_lock();
	s = cpns_session_find(cdev, sid);
	peer = s ? s->peer : NULL;
	rcu_read_unlock();
	return peer;
}

static struct sk_buff *key_reply(struct genl_info *info, struct cpns_device *cdev)
{
	const struct nlattr *eid = info->attrs[CPNS_A_KEY_EID];
	struct cpns_session *held[CPNS_SESSION_SLOTS];
	struct sk_buff *msg = NULL;
	struct cpns_peer *peer;
	u32 sid;
	int i;

	if (GENL_REQ_ATTR_CHECK(info, CPNS_A_KEY_LOCAL_SID))
		return ERR_PTR(refuse(info->extack, NULL, -EINVAL,
				      "give the local-sid of a key, or dump all keys"));
	sid = nla_get_u32(info->attrs[CPNS_A_KEY_LOCAL_SID]);
	peer = sid_peer(cdev, sid);
	if (peer && (!eid || nla_get_u64(eid) == peer->eid)) {
		hold_sessions(peer, held);
		for (i = 0; i < CPNS_SESSION_SLOTS && !msg; i++)
			if (held[i] && held[i]->local_sid == sid)
				msg = reply_with_key(info, held[i], i);
		put_sessions(held);
	}
	return msg ?: ERR_PTR(refuse(info->extack, info->attrs[CPNS_A_KEY_LOCAL_SID], -ENOENT,
				     "there is no key with this local sid"));
}

int cpns_nl_key_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	struct sk_buff *msg;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	msg = key_reply(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return IS_ERR(msg) ? PTR_ERR(msg) : genlmsg_reply(msg, info);
}

/* The keys of one peer, all or none, so that none is missed that moves on. */
static int dump_peer_keys(struct sk_buff *skb, struct netlink_callback *cb,
			  struct cpns_peer *peer)
{
	struct cpns_session *held[CPNS_SESSION_SLOTS];
	void *start = skb_tail_pointer(skb), *hdr;
	int i, err = 0;

	hold_sessions(peer, held);
	for (i = 0; i < CPNS_SESSION_SLOTS && !err; i++) {
		if (!held[i])
			continue;
		hdr = cpns_nl_dump_put(skb, cb);
		err = hdr ? fill_key(skb, held[i], i) : -EMSGSIZE;
		if (!err)
			genlmsg_end(skb, hdr);
	}
	put_sessions(held);
	if (err)
		nlmsg_trim(skb, start);
	return err;
}

static int dump_keys(struct sk_buff *skb, struct netlink_callback *cb,
		     struct cpns_device *cdev, struct cpns_nl_cursor *cursor)
{
	const struct nlattr *sid = cpns_compat_dump_attrs(cb)[CPNS_A_KEY_LOCAL_SID];
	struct cpns_peer *peer;
	int err;

	if (sid)
		return refuse(cb->extack, sid, -EINVAL,
			      "local-sid is for the get of one key: leave it out of a dump");
	list_for_each_entry(peer, &cdev->peer_list, list) {
		if (cpns_nl_dump_skips(cb, peer, cursor))
			continue;
		err = dump_peer_keys(skb, cb, peer);
		if (err)
			return err;
		cursor->item = peer->id;
	}
	return 0;
}

int cpns_nl_key_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return cpns_nl_dump(skb, cb, dump_keys);
}

/*
 * Keys that were installed: a fingerprint of each, since a key that is used
 * twice repeats its nonces. A device remembers the last USED_KEYS_MAX.
 */
static u64 key_fingerprint(const struct cpns_device *cdev, const struct nlattr *key)
{
	siphash_key_t secret = { { cdev->used_secret[0], cdev->used_secret[1] } };

	return siphash(nla_data(key), CPNS_KEY_LEN, &secret);
}

static bool key_was_used(const struct cpns_device *cdev, u64 fingerprint)
{
	u32 i, count = min(cdev->used_count, cdev->used_size);

	for (i = 0; i < count; i++)
		if (cdev->used_keys[i] == fingerprint)
			return true;
	return false;
}

/* Makes room for the two keys of a session, so that to record them can't fail. */
static int used_keys_reserve(struct cpns_device *cdev)
{
	u64 *keys;
	u32 size;

	if (cdev->used_size >= USED_KEYS_MAX || cdev->used_count + 2 <= cdev->used_size)
		return 0;
	size = cdev->used_size ? cdev->used_size * 2 : USED_KEYS_FIRST;
	keys = kvmalloc_array(size, sizeof(*keys), GFP_KERNEL_ACCOUNT);
	if (!keys)
		return -ENOMEM;
	if (cdev->used_count)
		memcpy(keys, cdev->used_keys, cdev->used_count * sizeof(*keys));
	kvfree(cdev->used_keys);
	cdev->used_keys = keys;
	cdev->used_size = size;
	return 0;
}

static void used_keys_add(struct cpns_device *cdev, u64 fingerprint)
{
	cdev->used_keys[cdev->used_count % USED_KEYS_MAX] = fingerprint;
	/* Counts on past a full ring for its place, and never back to not full. */
	if (++cdev->used_count == 2 * USED_KEYS_MAX)
		cdev->used_count = USED_KEYS_MAX;
}

/* Also what a repeated attribute hid from the policy and from the handler. */
static void wipe_keys(const struct genl_info *info)
{
	struct nlattr *attr;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		switch (nla_type(attr)) {
		case CPNS_A_KEY_TX_KEY:
		case CPNS_A_KEY_TX_MAC_KEY:
		case CPNS_A_KEY_TX_IV:
		case CPNS_A_KEY_RX_KEY:
		case CPNS_A_KEY_RX_MAC_KEY:
		case CPNS_A_KEY_RX_IV:
			memzero_explicit(nla_data(attr), nla_len(attr));
			break;
		}
	}
}

static int check_key_present(struct genl_info *info)
{
	static const u8 needed[] = {
		CPNS_A_KEY_SLOT, CPNS_A_KEY_LOCAL_SID, CPNS_A_KEY_REMOTE_SID, CPNS_A_KEY_SUITE,
		CPNS_A_KEY_KEY_ID, CPNS_A_KEY_TX_KEY, CPNS_A_KEY_TX_IV, CPNS_A_KEY_RX_KEY,
		CPNS_A_KEY_RX_IV,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (GENL_REQ_ATTR_CHECK(info, needed[i]))
			return refuse(info->extack, NULL, -EINVAL,
				      "give slot, both sids, suite, key-id, and both keys and IVs");
	return 0;
}

static int check_key_material(struct genl_info *info, u16 suite)
{
	struct nlattr **attrs = info->attrs;
	const struct nlattr *tx_mac = attrs[CPNS_A_KEY_TX_MAC_KEY];
	const struct nlattr *rx_mac = attrs[CPNS_A_KEY_RX_MAC_KEY];

	if (!cpns_crypto_suite_known(suite))
		return refuse(info->extack, attrs[CPNS_A_KEY_SUITE], -EINVAL,
			      "this suite is not known: use 1 to 3 or 0x101 to 0x103");
	if (cpns_crypto_suite_has_mac_key(suite)) {
		if (GENL_REQ_ATTR_CHECK(info, CPNS_A_KEY_TX_MAC_KEY) ||
		    GENL_REQ_ATTR_CHECK(info, CPNS_A_KEY_RX_MAC_KEY))
			return refuse(info->extack, NULL, -EINVAL,
				      "this suite needs tx-mac-key and rx-mac-key");
	} else if (tx_mac || rx_mac) {
		return refuse(info->extack, tx_mac ?: rx_mac, -EINVAL,
			      "this suite has no MAC keys: leave them out");
	}
	if (!crypto_memneq(nla_data(attrs[CPNS_A_KEY_TX_KEY]),
			   nla_data(attrs[CPNS_A_KEY_RX_KEY]), CPNS_KEY_LEN))
		return refuse(info->extack, attrs[CPNS_A_KEY_RX_KEY], -EINVAL,
			      "tx-key and rx-key are the same: each direction needs its own");
	return 0;
}

/* A pair of limits, whose attributes follow each other; *@soft may be 0 for never. */
static int parse_limit(struct genl_info *info, int base, u64 *soft, u64 *hard)
{
	const struct nlattr *soft_attr = info->attrs[base], *hard_attr = info->attrs[base + 1];
	bool may_be_never = !*soft;
	u64 value, most;

	if (hard_attr) {
		value = nla_get_u64(hard_attr);
		if (!value || value > *hard)
			return refuse(info->extack, hard_attr, -EINVAL,
				      "a hard limit is above 0, and the protocol's at most");
		*hard = value;
	}
	most = may_be_never ? *hard : min(*soft, *hard);
	if (soft_attr) {
		value = nla_get_u64(soft_attr);
		if (value > most || (!value && !may_be_never))
			return refuse(info->extack, soft_attr, -EINVAL,
				      "a soft limit is above 0, and the hard one or the protocol's at most");
		*soft = value;
	} else if (!may_be_never) {
		*soft = most;
	}
	return 0;
}

static int parse_limits(struct genl_info *info, u16 suite, struct cpns_session_limits *limits)
{
	int err;

	cpns_session_limits_default(suite, limits);
	err = parse_limit(info, CPNS_A_KEY_SOFT_PACKETS, &limits->soft_packets,
			  &limits->hard_packets);
	if (!err)
		err = parse_limit(info, CPNS_A_KEY_SOFT_FAILED, &limits->soft_failed,
				  &limits->hard_failed);
	if (!err)
		err = parse_limit(info, CPNS_A_KEY_SOFT_TIME, &limits->soft_ms,
				  &limits->hard_ms);
	return err;
}

static enum cpns_session_slot session_slot(u8 slot)
{
	switch (slot) {
	case CPNS_SLOT_CURRENT:
		return CPNS_SESSION_CURRENT;
	case CPNS_SLOT_NEXT:
		return CPNS_SESSION_NEXT;
	default:
		return CPNS_SESSION_PREVIOUS;
	}
}

static const u8 *key_bytes(const struct genl_info *info, int attr)
{
	return info->attrs[attr] ? nla_data(info->attrs[attr]) : NULL;
}

/* The session of a request that has passed all checks, not yet at work. */
static struct cpns_session *make_session(struct genl_info *info, struct cpns_peer *peer,
					 u16 suite)
{
	const u8 *const tx[3] = {
		key_bytes(info, CPNS_A_KEY_TX_KEY),
		key_bytes(info, CPNS_A_KEY_TX_MAC_KEY),
		key_bytes(info, CPNS_A_KEY_TX_IV),
	};
	const u8 *const rx[3] = {
		key_bytes(info, CPNS_A_KEY_RX_KEY),
		key_bytes(info, CPNS_A_KEY_RX_MAC_KEY),
		key_bytes(info, CPNS_A_KEY_RX_IV),
	};
	struct cpns_session *s = cpns_session_create(peer, suite, tx, rx);

	if (IS_ERR(s)) {
		if (PTR_ERR(s) == -ENOENT)
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[CPNS_A_KEY_SUITE],
					    "this kernel lacks the cipher of the suite: use another suite");
		else
			NL_SET_ERR_MSG(info->extack, "the kernel could not set up the keys");
		return s;
	}
	s->local_sid = nla_get_u32(info->attrs[CPNS_A_KEY_LOCAL_SID]);
	s->remote_sid = nla_get_u32(info->attrs[CPNS_A_KEY_REMOTE_SID]);
	s->initiator = nla_get_flag(info->attrs[CPNS_A_KEY_INITIATOR]);
	nla_memcpy(s->key_id, info->attrs[CPNS_A_KEY_KEY_ID], CPNS_KEY_ID_LEN);
	return s;
}

static int check_key_unused(struct genl_info *info, struct cpns_device *cdev,
			    u64 tx_print, u64 rx_print)
{
	if (sid_peer(cdev, nla_get_u32(info->attrs[CPNS_A_KEY_LOCAL_SID])))
		return refuse(info->extack, info->attrs[CPNS_A_KEY_LOCAL_SID], -EEXIST,
			      "this local sid is in use: choose another one");
	if (key_was_used(cdev, tx_print))
		return refuse(info->extack, info->attrs[CPNS_A_KEY_TX_KEY], -EEXIST,
			      "this key was installed before: make a new handshake");
	if (key_was_used(cdev, rx_print))
		return refuse(info->extack, info->attrs[CPNS_A_KEY_RX_KEY], -EEXIST,
			      "this key was installed before: make a new handshake");
	return 0;
}

static int install_key(struct genl_info *info, struct cpns_device *cdev, struct cpns_peer *peer,
		       u16 suite, const struct cpns_session_limits *limits)
{
	u64 tx_print = key_fingerprint(cdev, info->attrs[CPNS_A_KEY_TX_KEY]);
	u64 rx_print = key_fingerprint(cdev, info->attrs[CPNS_A_KEY_RX_KEY]);
	struct cpns_session *s;
	int err;

	err = check_key_unused(info, cdev, tx_print, rx_print);
	if (!err)
		err = used_keys_reserve(cdev);
	if (err)
		return err;
	s = make_session(info, peer, suite);
	if (IS_ERR(s))
		return PTR_ERR(s);
	s->limits = *limits;
	err = cpns_session_install(s, session_slot(nla_get_u8(info->attrs[CPNS_A_KEY_SLOT])),
				   nla_get_flag(info->attrs[CPNS_A_KEY_DEMOTE_NEXT]));
	if (err) {
		cpns_session_put(s);
		return refuse(info->extack, NULL, err, "the kernel could not install the keys");
	}
	used_keys_add(cdev, tx_print);
	used_keys_add(cdev, rx_print);
	return 0;
}

static int new_key(struct genl_info *info, struct cpns_device *cdev)
{
	struct cpns_peer *peer = cpns_nl_request_peer(info, cdev);
	struct cpns_session_limits limits;
	u16 suite;
	int err;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	err = check_key_present(info);
	if (err)
		return err;
	suite = nla_get_u16(info->attrs[CPNS_A_KEY_SUITE]);
	err = check_key_material(info, suite);
	if (!err)
		err = parse_limits(info, suite, &limits);
	return err ?: install_key(info, cdev, peer, suite, &limits);
}

static int parse_and_install(struct genl_info *info)
{
	struct nlattr *attrs[CPNS_A_KEY_HARD_TIME + 1];
	struct cpns_device *cdev;
	int err;

	err = __nlmsg_parse(info->nlhdr, GENL_HDRLEN, attrs, CPNS_A_KEY_HARD_TIME,
			    cpns_key_new_nl_policy, NL_VALIDATE_STRICT, info->extack);
	if (err)
		return err;
	info->attrs = attrs;
	cdev = cpns_nl_lock_device(info, false);
	if (IS_ERR(cdev)) {
		err = PTR_ERR(cdev);
	} else {
		err = new_key(info, cdev);
		cpns_nl_unlock_device(cdev, false);
	}
	info->attrs = NULL;
	return err;
}

int cpns_nl_key_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = parse_and_install(info);

	wipe_keys(info);
	return err;
}

static int del_key(struct genl_info *info, struct cpns_device *cdev)
{
	struct cpns_peer *peer = cpns_nl_request_peer(info, cdev);
	const struct nlattr *sid = info->attrs[CPNS_A_KEY_LOCAL_SID];
	struct cpns_session *s;
	int err = 0;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	if (!sid) {
		cpns_session_kill_all(peer, CPNS_CAUSE_DELETED);
		return 0;
	}
	rcu_read_lock();
	s = cpns_session_find(cdev, nla_get_u32(sid));
	if (s && s->peer == peer)
		cpns_session_kill(s, CPNS_CAUSE_DELETED);
	else
		err = refuse(info->extack, sid, -ENOENT, "the peer has no key with this local sid");
	rcu_read_unlock();
	return err;
}

int cpns_nl_key_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = del_key(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return err;
}
