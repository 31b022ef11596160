// SPDX-License-Identifier: GPL-2.0
/*
 * Typed requests: the attributes that each puts on the wire, and what it makes
 * of the kernel's answers, whole and broken.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>

#include "fake-kernel.h"
#include "genl.h"

static struct cpns_nl *nl;
static struct fake f;

static int setup(void **state)
{
	(void)state;
	fake_on(true);
	if (cpns_genl_open(&nl))
		return -1;
	fake_clear();
	memset(&f, 0, sizeof(f));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cpns_nl_close(nl);
	fake_on(false);
	return 0;
}

/* The next request is acknowledged. */
static void ack(void)
{
	fake_clear();
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
}

/* Attributes of the last request; its command must be this one. */
static void sent(uint8_t cmd, struct nlattr **tb, int max)
{
	const struct nlmsghdr *nlh;
	struct genlmsghdr genl;
	size_t len;

	nlh = fake_sent(&len);
	assert_true(len >= NLMSG_HDRLEN + GENL_HDRLEN);
	memcpy(&genl, NLMSG_DATA(nlh), sizeof(genl));
	assert_int_equal(genl.cmd, cmd);
	assert_int_equal(genl.version, CPNS_GENL_VERSION);
	assert_int_equal(nlh->nlmsg_type, FAKE_FAMILY);
	assert_true(nlh->nlmsg_flags & NLM_F_REQUEST);
	assert_int_equal(nlmsg_parse((struct nlmsghdr *)nlh, GENL_HDRLEN, tb, max, NULL), 0);
}

static void devices(void **state)
{
	struct cpns_dev set = {
		.ifindex = 3, .eid = 0x1122334455667788ULL, .listen_port = 4701, .fwmark = 9,
		.bind_ifindex = 2, .overlay_prefix = { 0xfd, 1 },
	};
	static const uint8_t prefix[8] = { 0xfd, 2 }, any6[16] = { 0 };
	struct nlattr *tb[CPNS_A_DEV_MAX + 1];
	struct cpns_dev dev, *devs;
	size_t n, nest;

	(void)state;
	ack();
	assert_int_equal(cpns_dev_set(nl, &set, 0x7f), 0);
	sent(CPNS_CMD_DEV_SET, tb, CPNS_A_DEV_MAX);
	assert_int_equal(nla_get_u32(tb[CPNS_A_DEV_IFINDEX]), 3);
	assert_true(nla_get_u64(tb[CPNS_A_DEV_EID]) == set.eid);
	assert_memory_equal(nla_data(tb[CPNS_A_DEV_OVERLAY_PREFIX]), set.overlay_prefix, 8);
	assert_int_equal(nla_get_u16(tb[CPNS_A_DEV_LISTEN_PORT]), 4701);
	assert_int_equal(nla_len(tb[CPNS_A_DEV_LOCAL_ADDR4]), 4);
	assert_int_equal(nla_len(tb[CPNS_A_DEV_LOCAL_ADDR6]), 16);
	assert_int_equal(nla_get_u32(tb[CPNS_A_DEV_FWMARK]), 9);
	assert_int_equal(nla_get_u32(tb[CPNS_A_DEV_BIND_IFINDEX]), 2);
	ack();
	assert_int_equal(cpns_dev_set(nl, &set, CPNS_DEV_SET_PORT), 0);
	sent(CPNS_CMD_DEV_SET, tb, CPNS_A_DEV_MAX);
	assert_null(tb[CPNS_A_DEV_EID]);

	fake_clear();
	fake_answer(&f, 0, CPNS_CMD_DEV_GET);
	fake_u32(&f, CPNS_A_DEV_IFINDEX, 3);
	fake_attr(&f, CPNS_A_DEV_IFNAME, "cpns0", 6);
	fake_u64(&f, CPNS_A_DEV_EID, 77);
	fake_attr(&f, CPNS_A_DEV_OVERLAY_PREFIX, prefix, 8);
	fake_u16(&f, CPNS_A_DEV_LISTEN_PORT, 1);
	fake_u32(&f, CPNS_A_DEV_LOCAL_ADDR4, htonl(0x7f000001));
	fake_attr(&f, CPNS_A_DEV_LOCAL_ADDR6, any6, 16);
	fake_u32(&f, CPNS_A_DEV_OWNER, 5);
	fake_u32(&f, CPNS_A_DEV_PEERS, 2);
	nest = fake_nest(&f, CPNS_A_DEV_STATS);
	fake_u64(&f, CPNS_A_STATS_RX_BYTES, 123456789012ULL);
	fake_nest_end(&f, nest);
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
	memset(&dev, 0, sizeof(dev));
	assert_int_equal(cpns_dev_get(nl, 3, &dev), 0);
	assert_string_equal(dev.ifname, "cpns0");
	assert_true(dev.has_eid && dev.eid == 77);
	assert_true(dev.has_prefix && dev.overlay_prefix[1] == 2);
	assert_int_equal(dev.local4.family, AF_INET);
	assert_int_equal(dev.local6.family, AF_INET6);
	assert_true(dev.has_owner && dev.owner == 5);
	assert_int_equal(dev.peers, 2);
	assert_true(dev.stats.value[CPNS_A_STATS_RX_BYTES] == 123456789012ULL);

	/* Two in a dump; one without an EID. */
	fake_clear();
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_DEV_GET);
	fake_u32(&f, CPNS_A_DEV_IFINDEX, 3);
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_DEV_GET);
	fake_u32(&f, CPNS_A_DEV_IFINDEX, 4);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_dev_list(nl, &devs, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(devs[1].ifindex, 4);
	assert_false(devs[1].has_eid);
	free(devs);

	/* No answer where one is due, and one without its index. */
	ack();
	assert_int_equal(cpns_dev_get(nl, 3, &dev), -EPROTO);
	fake_clear();
	fake_answer(&f, 0, CPNS_CMD_DEV_GET);
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_dev_get(nl, 3, &dev), -EPROTO);
	fake_clear();
	fake_error(&f, -ENODEV, "no such device", 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_dev_list(nl, &devs, &n), -ENODEV);
}

static void put_prefix(const struct cpns_prefix *p)
{
	size_t one = fake_nest(&f, CPNS_A_PREFIXES_PREFIX);

	if (p->family == AF_INET)
		fake_attr(&f, CPNS_A_PREFIX_ADDR4, p->addr, 4);
	else
		fake_attr(&f, CPNS_A_PREFIX_ADDR6, p->addr, 16);
	fake_u8(&f, CPNS_A_PREFIX_LEN, p->len);
	fake_nest_end(&f, one);
}

static void put_peer(uint64_t eid, const struct cpns_prefix *p, size_t n)
{
	size_t nest, i;

	fake_u32(&f, CPNS_A_PEER_IFINDEX, 3);
	fake_u64(&f, CPNS_A_PEER_EID, eid);
	nest = fake_nest(&f, CPNS_A_PEER_ENDPOINT);
	fake_u32(&f, CPNS_A_ENDPOINT_ADDR4, htonl(0xc0000201));
	fake_u16(&f, CPNS_A_ENDPOINT_PORT, htons(4701));
	fake_u32(&f, CPNS_A_ENDPOINT_LOCAL4, htonl(0xc0000202));
	fake_u32(&f, CPNS_A_ENDPOINT_IFINDEX, 8);
	fake_nest_end(&f, nest);
	fake_attr(&f, CPNS_A_PEER_UP, NULL, 0);
	fake_u64(&f, CPNS_A_PEER_LAST_RX, 12);
	fake_u32(&f, CPNS_A_PEER_WINDOW, 8192);
	nest = fake_nest(&f, CPNS_A_PEER_INNER_SRC);
	for (i = 0; i < n; i++)
		put_prefix(&p[i]);
	fake_nest_end(&f, nest);
	nest = fake_nest(&f, CPNS_A_PEER_ALLOWED_DST);
	fake_nest_end(&f, nest);
}

static void peers(void **state)
{
	struct cpns_prefix p[2];
	struct cpns_peer peer = { .ifindex = 3, .eid = 5, .keepalive_interval = 25000 };
	struct nlattr *tb[CPNS_A_PEER_MAX + 1], *ep[CPNS_A_ENDPOINT_MAX + 1];
	struct cpns_peer got, *list;
	size_t n;

	(void)state;
	assert_int_equal(cpns_prefix_parse("10.9.0.0/16", &p[0]), 0);
	assert_int_equal(cpns_prefix_parse("2001:db8::/32", &p[1]), 0);
	peer.inner_src = (struct cpns_prefix_list){ 2, p };
	assert_int_equal(cpns_endpoint_parse("[fe80::1%7]:4701", &peer.path.remote), 0);
	peer.path.local.family = AF_INET6;
	peer.path.ifindex = 7;
	ack();
	assert_int_equal(cpns_peer_new(nl, &peer, 0x3fff), 0);
	sent(CPNS_CMD_PEER_NEW, tb, CPNS_A_PEER_MAX);
	assert_true(nla_get_u64(tb[CPNS_A_PEER_EID]) == 5);
	assert_int_equal(nla_get_u32(tb[CPNS_A_PEER_KEEPALIVE_INTERVAL]), 25000);
	assert_int_equal(nla_len(tb[CPNS_A_PEER_ALLOWED_DST]), 0);
	assert_int_equal(nla_len(tb[CPNS_A_PEER_INNER_SRC]), (4 + 8 + 8) + (4 + 20 + 8));
	assert_memory_equal(nla_data(tb[CPNS_A_PEER_INNER_SRC]),
			    nla_data(tb[CPNS_A_PEER_INNER_SRC_DEL]), 52);
	assert_int_equal(nla_parse_nested(ep, CPNS_A_ENDPOINT_MAX, tb[CPNS_A_PEER_ENDPOINT],
					  NULL), 0);
	assert_int_equal(nla_len(ep[CPNS_A_ENDPOINT_ADDR6]), 16);
	assert_int_equal(nla_get_u32(ep[CPNS_A_ENDPOINT_SCOPE]), 7);
	assert_int_equal(ntohs(nla_get_u16(ep[CPNS_A_ENDPOINT_PORT])), 4701);
	assert_int_equal(nla_len(ep[CPNS_A_ENDPOINT_LOCAL6]), 16);
	assert_int_equal(nla_get_u32(ep[CPNS_A_ENDPOINT_IFINDEX]), 7);
	ack();
	assert_int_equal(cpns_peer_set(nl, &peer, 0), 0);
	sent(CPNS_CMD_PEER_SET, tb, CPNS_A_PEER_MAX);
	assert_null(tb[CPNS_A_PEER_ENDPOINT]);
	assert_null(tb[CPNS_A_PEER_INNER_SRC]);
	ack();
	assert_int_equal(cpns_peer_del(nl, 3, 5), 0);
	sent(CPNS_CMD_PEER_DEL, tb, CPNS_A_PEER_MAX);
	ack();
	assert_int_equal(cpns_peer_keepalive(nl, 3, 5, 0), 0);
	sent(CPNS_CMD_PEER_KEEPALIVE, tb, CPNS_A_PEER_MAX);
	assert_null(tb[CPNS_A_PEER_SID]);
	ack();
	assert_int_equal(cpns_peer_keepalive(nl, 3, 5, 6), 0);
	sent(CPNS_CMD_PEER_KEEPALIVE, tb, CPNS_A_PEER_MAX);
	assert_int_equal(nla_get_u32(tb[CPNS_A_PEER_SID]), 6);

	fake_clear();
	fake_answer(&f, 0, CPNS_CMD_PEER_GET);
	put_peer(5, p, 2);
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
	memset(&got, 0, sizeof(got));
	assert_int_equal(cpns_peer_get(nl, 3, 5, &got), 0);
	assert_true(got.up && got.has_last_rx && !got.has_last_tx);
	assert_int_equal(got.path.remote.port, 4701);
	assert_int_equal(got.path.local.family, AF_INET);
	assert_int_equal(got.path.ifindex, 8);
	assert_int_equal(got.inner_src.n, 2);
	assert_memory_equal(&got.inner_src.prefix[0], &p[0], sizeof(p[0]));
	assert_memory_equal(&got.inner_src.prefix[1], &p[1], sizeof(p[1]));
	assert_int_equal(got.allowed_dst.n, 0);
	cpns_peer_clear(&got);

	/* A dump that starts anew frees what it had; so does one that fails. */
	fake_clear();
	fake_answer(&f, NLM_F_MULTI | NLM_F_DUMP_INTR, CPNS_CMD_PEER_GET);
	put_peer(5, p, 2);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_PEER_GET);
	put_peer(6, p, 1);
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_PEER_GET);
	put_peer(7, p, 2);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_peer_list(nl, 3, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(list[1].eid, 7);
	cpns_peer_list_free(list, n);
	fake_clear();
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_PEER_GET);
	put_peer(6, p, 1);
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_PEER_GET);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_peer_list(nl, 3, &list, &n), -EPROTO);

	/* Two answers where one is due. */
	fake_clear();
	fake_answer(&f, 0, CPNS_CMD_PEER_GET);
	put_peer(6, p, 1);
	fake_answer(&f, 0, CPNS_CMD_PEER_GET);
	put_peer(7, p, 1);
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_peer_get(nl, 3, 6, &got), -EPROTO);
}

static void keys(void **state)
{
	struct cpns_traffic tx, rx;
	uint8_t key_id[CPNS_KEY_ID_LEN];
	struct cpns_hs_key key = {
		.eid = 5, .slot = CPNS_SLOT_NEXT, .initiator = true, .sid_local = 1,
		.sid_remote = 2, .suite = CPNS_SUITE_X25519_GCM, .key_id = key_id, .tx = &tx,
		.rx = &rx, .soft_ms = 3, .hard_ms = 4, .soft_packets = 5, .hard_packets = 6,
		.soft_failed = 7, .hard_failed = 8,
	};
	struct nlattr *tb[CPNS_A_KEY_MAX + 1];
	struct cpns_key *list;
	size_t n;

	(void)state;
	memset(&tx, 0x11, sizeof(tx));
	memset(&rx, 0x22, sizeof(rx));
	memset(key_id, 0x33, sizeof(key_id));
	ack();
	assert_int_equal(cpns_key_new(nl, 3, &key), 0);
	sent(CPNS_CMD_KEY_NEW, tb, CPNS_A_KEY_MAX);
	assert_int_equal(nla_get_u8(tb[CPNS_A_KEY_SLOT]), CPNS_SLOT_NEXT);
	assert_int_equal(nla_get_u32(tb[CPNS_A_KEY_LOCAL_SID]), 1);
	assert_int_equal(nla_get_u32(tb[CPNS_A_KEY_REMOTE_SID]), 2);
	assert_int_equal(nla_get_u16(tb[CPNS_A_KEY_SUITE]), 1);
	assert_non_null(tb[CPNS_A_KEY_INITIATOR]);
	assert_null(tb[CPNS_A_KEY_DEMOTE_NEXT]);
	assert_null(tb[CPNS_A_KEY_TX_MAC_KEY]);
	assert_memory_equal(nla_data(tb[CPNS_A_KEY_TX_KEY]), tx.key, 32);
	assert_memory_equal(nla_data(tb[CPNS_A_KEY_RX_IV]), rx.iv, 12);
	assert_memory_equal(nla_data(tb[CPNS_A_KEY_KEY_ID]), key_id, 16);
	assert_true(nla_get_u64(tb[CPNS_A_KEY_SOFT_TIME]) == 3);
	assert_true(nla_get_u64(tb[CPNS_A_KEY_HARD_TIME]) == 4);
	assert_true(nla_get_u64(tb[CPNS_A_KEY_HARD_FAILED]) == 8);
	key.suite = CPNS_SUITE_PSK_CTR_HMAC;
	key.initiator = false;
	key.demote_next = true;
	ack();
	assert_int_equal(cpns_key_new(nl, 3, &key), 0);
	sent(CPNS_CMD_KEY_NEW, tb, CPNS_A_KEY_MAX);
	assert_null(tb[CPNS_A_KEY_INITIATOR]);
	assert_non_null(tb[CPNS_A_KEY_DEMOTE_NEXT]);
	assert_memory_equal(nla_data(tb[CPNS_A_KEY_RX_MAC_KEY]), rx.mac_key, 32);
	ack();
	assert_int_equal(cpns_key_del(nl, 3, 5, 0), 0);
	sent(CPNS_CMD_KEY_DEL, tb, CPNS_A_KEY_MAX);
	assert_null(tb[CPNS_A_KEY_LOCAL_SID]);
	ack();
	assert_int_equal(cpns_key_del(nl, 3, 5, 9), 0);
	sent(CPNS_CMD_KEY_DEL, tb, CPNS_A_KEY_MAX);
	assert_int_equal(nla_get_u32(tb[CPNS_A_KEY_LOCAL_SID]), 9);

	fake_clear();
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_KEY_GET);
	fake_u64(&f, CPNS_A_KEY_EID, 5);
	fake_u32(&f, CPNS_A_KEY_LOCAL_SID, 1);
	fake_u32(&f, CPNS_A_KEY_REMOTE_SID, 2);
	fake_u8(&f, CPNS_A_KEY_SLOT, CPNS_SLOT_PREVIOUS);
	fake_attr(&f, CPNS_A_KEY_SOFT, NULL, 0);
	fake_u64(&f, CPNS_A_KEY_AGE, 99);
	/* Of the wrong size: not there. */
	fake_u32(&f, CPNS_A_KEY_RX_HIGHEST, 1);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_key_list(nl, 3, 5, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_true(list[0].soft && !list[0].confirmed && !list[0].has_rx);
	assert_int_equal(list[0].age_ms, 99);
	assert_int_equal(list[0].slot, CPNS_SLOT_PREVIOUS);
	free(list);
	fake_clear();
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_key_list(nl, 3, 0, &list, &n), 0);
	assert_int_equal(n, 0);
	free(list);
	sent(CPNS_CMD_KEY_GET, tb, CPNS_A_KEY_MAX);
	assert_null(tb[CPNS_A_KEY_EID]);
	fake_clear();
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_KEY_GET);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_key_list(nl, 3, 0, &list, &n), -EPROTO);
}

static void put_endpoint(int attr)
{
	size_t nest = fake_nest(&f, attr);

	fake_u32(&f, CPNS_A_ENDPOINT_ADDR4, htonl(0xc0000203));
	fake_u16(&f, CPNS_A_ENDPOINT_PORT, htons(4702));
	fake_u32(&f, CPNS_A_ENDPOINT_IFINDEX, 9);
	fake_nest_end(&f, nest);
}

/* What a device and a peer have for relay and for a secure PAN. */
static void relay_attributes(void **state)
{
	struct cpns_dev dev = { .ifindex = 3, .relay_pan = { 2, { 7, 9 } } }, got;
	struct cpns_peer peer = { .ifindex = 3, .eid = 5, .relay_to = 6, .pan_ifindex = 9 }, of;
	struct nlattr *tb[CPNS_A_PEER_MAX + 1];
	uint32_t ifindex;
	size_t nest, i;

	(void)state;
	ack();
	assert_int_equal(cpns_dev_set(nl, &dev, CPNS_DEV_SET_RELAY_PAN), 0);
	sent(CPNS_CMD_DEV_SET, tb, CPNS_A_DEV_MAX);
	assert_int_equal(nla_len(tb[CPNS_A_DEV_RELAY_PAN]), 16);
	memcpy(&ifindex, (uint8_t *)nla_data(tb[CPNS_A_DEV_RELAY_PAN]) + 12, 4);
	assert_int_equal(ifindex, 9);
	dev.relay_pan.n = 0;
	ack();
	assert_int_equal(cpns_dev_set(nl, &dev, CPNS_DEV_SET_RELAY_PAN), 0);
	sent(CPNS_CMD_DEV_SET, tb, CPNS_A_DEV_MAX);
	assert_int_equal(nla_len(tb[CPNS_A_DEV_RELAY_PAN]), 0);

	/* More than there may be are left out. */
	fake_clear();
	fake_answer(&f, 0, CPNS_CMD_DEV_GET);
	fake_u32(&f, CPNS_A_DEV_IFINDEX, 3);
	nest = fake_nest(&f, CPNS_A_DEV_RELAY_PAN);
	for (i = 0; i <= CPNS_RELAY_PAN_MAX; i++)
		fake_u32(&f, CPNS_A_INTERFACES_IFINDEX, 100 + (uint32_t)i);
	fake_nest_end(&f, nest);
	fake_u32(&f, CPNS_A_DEV_RELAYS, 4);
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
	memset(&got, 0, sizeof(got));
	assert_int_equal(cpns_dev_get(nl, 3, &got), 0);
	assert_int_equal(got.relay_pan.n, CPNS_RELAY_PAN_MAX);
	assert_int_equal(got.relay_pan.ifindex[15], 115);
	assert_int_equal(got.relays, 4);

	assert_int_equal(cpns_endpoint_parse("192.0.2.3:4702", &peer.pan.remote), 0);
	ack();
	assert_int_equal(cpns_peer_set(nl, &peer, CPNS_PEER_SET_RELAY_TO | CPNS_PEER_SET_PAN), 0);
	sent(CPNS_CMD_PEER_SET, tb, CPNS_A_PEER_MAX);
	assert_true(nla_get_u64(tb[CPNS_A_PEER_RELAY_TO]) == 6);
	assert_int_equal(nla_get_u32(tb[CPNS_A_PEER_PAN_IFINDEX]), 9);
	assert_non_null(tb[CPNS_A_PEER_PAN_ADDR]);
	peer.pan_ifindex = 0;
	ack();
	assert_int_equal(cpns_peer_set(nl, &peer, CPNS_PEER_SET_PAN), 0);
	sent(CPNS_CMD_PEER_SET, tb, CPNS_A_PEER_MAX);
	assert_null(tb[CPNS_A_PEER_RELAY_TO]);
	assert_int_equal(nla_get_u32(tb[CPNS_A_PEER_PAN_IFINDEX]), 0);
	assert_null(tb[CPNS_A_PEER_PAN_ADDR]);

	fake_clear();
	fake_answer(&f, 0, CPNS_CMD_PEER_GET);
	put_peer(5, NULL, 0);
	fake_u64(&f, CPNS_A_PEER_RELAY_TO, 6);
	fake_u32(&f, CPNS_A_PEER_PAN_IFINDEX, 9);
	put_endpoint(CPNS_A_PEER_PAN_ADDR);
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
	memset(&of, 0, sizeof(of));
	assert_int_equal(cpns_peer_get(nl, 3, 5, &of), 0);
	assert_true(of.relay_to == 6 && of.pan_ifindex == 9);
	assert_int_equal(of.pan.remote.port, 4702);
	assert_int_equal(of.path.remote.port, 4701);
	cpns_peer_clear(&of);
}

static void relays(void **state)
{
	struct cpns_relay relay = { .ifindex = 3, .eid = 5, .sid = 6, .server_eid = 7 }, *list;
	struct nlattr *tb[CPNS_A_RELAY_MAX + 1], *ep[CPNS_A_ENDPOINT_MAX + 1];
	size_t n;

	(void)state;
	assert_int_equal(cpns_endpoint_parse("192.0.2.3:4702", &relay.path.remote), 0);
	relay.path.ifindex = 9;
	ack();
	assert_int_equal(cpns_relay_new(nl, &relay), 0);
	sent(CPNS_CMD_RELAY_NEW, tb, CPNS_A_RELAY_MAX);
	assert_int_equal(nla_get_u32(tb[CPNS_A_RELAY_IFINDEX]), 3);
	assert_true(nla_get_u64(tb[CPNS_A_RELAY_EID]) == 5);
	assert_int_equal(nla_get_u32(tb[CPNS_A_RELAY_SID]), 6);
	assert_true(nla_get_u64(tb[CPNS_A_RELAY_SERVER_EID]) == 7);
	assert_int_equal(nla_parse_nested(ep, CPNS_A_ENDPOINT_MAX, tb[CPNS_A_RELAY_ENDPOINT],
					  NULL), 0);
	assert_int_equal(nla_get_u32(ep[CPNS_A_ENDPOINT_IFINDEX]), 9);
	fake_clear();
	fake_error(&f, -ENOSPC, "too many", 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_relay_new(nl, &relay), -ENOSPC);

	ack();
	assert_int_equal(cpns_relay_del(nl, 3, 5, 6), 0);
	sent(CPNS_CMD_RELAY_DEL, tb, CPNS_A_RELAY_MAX);
	assert_int_equal(nla_get_u32(tb[CPNS_A_RELAY_SID]), 6);
	ack();
	assert_int_equal(cpns_relay_del(nl, 3, 5, 0), 0);
	sent(CPNS_CMD_RELAY_DEL, tb, CPNS_A_RELAY_MAX);
	assert_null(tb[CPNS_A_RELAY_SID]);

	fake_clear();
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_RELAY_GET);
	fake_u32(&f, CPNS_A_RELAY_IFINDEX, 3);
	fake_u64(&f, CPNS_A_RELAY_EID, 5);
	fake_u32(&f, CPNS_A_RELAY_SID, 6);
	fake_u64(&f, CPNS_A_RELAY_SERVER_EID, 7);
	put_endpoint(CPNS_A_RELAY_ENDPOINT);
	fake_u64(&f, CPNS_A_RELAY_AGE, 11);
	fake_u64(&f, CPNS_A_RELAY_REMAINING, 12);
	fake_u64(&f, CPNS_A_RELAY_UP_PACKETS, 13);
	fake_u64(&f, CPNS_A_RELAY_UP_BYTES, 14);
	fake_u64(&f, CPNS_A_RELAY_DOWN_PACKETS, 15);
	fake_u64(&f, CPNS_A_RELAY_DOWN_BYTES, 16);
	fake_u64(&f, CPNS_A_RELAY_DROPPED, 17);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_relay_list(nl, 3, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_true(list->eid == 5 && list->sid == 6 && list->server_eid == 7);
	assert_int_equal(list->path.remote.port, 4702);
	assert_int_equal(list->path.ifindex, 9);
	assert_true(list->age_ms == 11 && list->remaining_ms == 12);
	assert_true(list->up_packets == 13 && list->up_bytes == 14);
	assert_true(list->down_packets == 15 && list->down_bytes == 16);
	assert_true(list->dropped == 17);
	free(list);

	/* One without its sid. */
	fake_clear();
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_RELAY_GET);
	fake_u64(&f, CPNS_A_RELAY_EID, 5);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_relay_list(nl, 3, &list, &n), -EPROTO);
}

static void classes(void **state)
{
	struct cpns_class c = { .ifindex = 3, .prio = 1, .mark = 2, .mask = 3, .clear = 10 };
	struct nlattr *tb[CPNS_A_CLASS_MAX + 1];
	struct cpns_class *list;
	size_t n;

	(void)state;
	ack();
	assert_int_equal(cpns_class_new(nl, &c), 0);
	sent(CPNS_CMD_CLASS_NEW, tb, CPNS_A_CLASS_MAX);
	assert_int_equal(nla_get_u8(tb[CPNS_A_CLASS_CLEAR]), 10);
	c.mode = CPNS_MODE_AUTH;
	ack();
	assert_int_equal(cpns_class_new(nl, &c), 0);
	sent(CPNS_CMD_CLASS_NEW, tb, CPNS_A_CLASS_MAX);
	assert_null(tb[CPNS_A_CLASS_CLEAR]);
	ack();
	assert_int_equal(cpns_class_del(nl, 3, 1), 0);
	sent(CPNS_CMD_CLASS_DEL, tb, CPNS_A_CLASS_MAX);
	assert_int_equal(nla_get_u32(tb[CPNS_A_CLASS_PRIO]), 1);
	ack();
	assert_int_equal(cpns_class_del_all(nl, 3), 0);
	sent(CPNS_CMD_CLASS_DEL, tb, CPNS_A_CLASS_MAX);
	assert_null(tb[CPNS_A_CLASS_PRIO]);
	fake_clear();
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_CLASS_GET);
	fake_u32(&f, CPNS_A_CLASS_PRIO, 1);
	fake_u32(&f, CPNS_A_CLASS_MARK, 2);
	fake_u8(&f, CPNS_A_CLASS_MODE, CPNS_MODE_AUTH);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_class_list(nl, 3, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].mark, 2);
	assert_int_equal(list[0].mode, CPNS_MODE_AUTH);
	free(list);
	fake_clear();
	fake_answer(&f, NLM_F_MULTI, CPNS_CMD_CLASS_GET);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_class_list(nl, 3, &list, &n), -EPROTO);
}

static struct cpns_event got_event;
static int got_code;

static int take_event(void *ctx, const struct nlmsghdr *nlh)
{
	(void)ctx;
	got_code = cpns_event_parse(nlh, &got_event);
	return 0;
}

static void messages(void **state)
{
	struct nlattr *tb[CPNS_A_MSG_MAX + 1];
	struct cpns_path path = { .ifindex = 1 };
	struct cpns_nl *messages, *events;
	uint8_t big[66000] = { 0 };
	unsigned int cmd;
	size_t nest;

	(void)state;
	assert_int_equal(cpns_genl_open_messages(&messages), 0);
	assert_int_equal(cpns_genl_open_events(&events), 0);
	ack();
	assert_int_equal(cpns_msg_bind(messages, 3), 0);
	sent(CPNS_CMD_MSG_BIND, tb, CPNS_A_MSG_MAX);
	assert_int_equal(cpns_endpoint_parse("192.0.2.1:1", &path.remote), 0);
	fake_clear();
	assert_int_equal(cpns_msg_send(messages, 3, &path, "datagram", 8), 0);
	sent(CPNS_CMD_MSG_SEND, tb, CPNS_A_MSG_MAX);
	assert_memory_equal(nla_data(tb[CPNS_A_MSG_DATAGRAM]), "datagram", 8);
	assert_int_equal(cpns_msg_send(messages, 3, &path, big, sizeof(big)), -EMSGSIZE);

	fake_clear();
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, CPNS_CMD_MSG_NTF);
	fake_u32(&f, CPNS_A_MSG_IFINDEX, 3);
	nest = fake_nest(&f, CPNS_A_MSG_ENDPOINT);
	fake_u32(&f, CPNS_A_ENDPOINT_ADDR4, htonl(0xc0000201));
	fake_u16(&f, CPNS_A_ENDPOINT_PORT, htons(7));
	fake_nest_end(&f, nest);
	fake_attr(&f, CPNS_A_MSG_DATAGRAM, "hello", 5);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_receive(messages, take_event, NULL), 0);
	assert_int_equal(got_code, 0);
	assert_int_equal(got_event.cmd, CPNS_CMD_MSG_NTF);
	assert_int_equal(got_event.datagram.len, 5);
	assert_memory_equal(got_event.datagram.data, "hello", 5);
	assert_int_equal(got_event.path.remote.port, 7);

	for (cmd = CPNS_CMD_KEY_SOFT_NTF; cmd <= CPNS_CMD_UNKNOWN_SID_NTF; cmd++) {
		assert_non_null(cpns_event_name(cmd));
		fake_clear();
		fake_begin(&f, FAKE_FAMILY, 0, 0, 0, (uint8_t)cmd);
		fake_u32(&f, CPNS_A_EVENT_IFINDEX, 3);
		fake_u64(&f, CPNS_A_EVENT_EID, 5);
		fake_u32(&f, CPNS_A_EVENT_SID, 6);
		fake_u8(&f, CPNS_A_EVENT_CAUSE, CPNS_CAUSE_TIME);
		fake_deliver(&f);
		assert_int_equal(cpns_nl_receive(events, take_event, NULL), 0);
		assert_int_equal(got_code, 0);
		assert_int_equal(got_event.cmd, cmd);
		assert_true(got_event.eid == 5 && got_event.sid == 6);
		assert_true(got_event.has_cause);
		assert_string_equal(cpns_cause_name(got_event.cause), "time");
	}
	/* No device; no datagram; no event. */
	fake_clear();
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, CPNS_CMD_ACQUIRE_NTF);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_receive(events, take_event, NULL), 0);
	assert_int_equal(got_code, -EPROTO);
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, CPNS_CMD_MSG_NTF);
	fake_u32(&f, CPNS_A_MSG_IFINDEX, 3);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_receive(events, take_event, NULL), 0);
	assert_int_equal(got_code, -EPROTO);
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, CPNS_CMD_DEV_GET);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_receive(events, take_event, NULL), 0);
	assert_int_equal(got_code, -EPROTO);
	cpns_nl_close(messages);
	cpns_nl_close(events);
}

static void short_events(void **state)
{
	struct nlmsghdr nlh = { .nlmsg_len = NLMSG_HDRLEN };
	struct cpns_event event;

	(void)state;
	assert_int_equal(cpns_event_parse(&nlh, &event), -EPROTO);
}

static void error_texts(void **state)
{
	struct cpns_dev dev = { .ifindex = 3 };
	char text[256];

	(void)state;
	fake_clear();
	fake_error(&f, -EBUSY, "taken", 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_dev_set(nl, &dev, 0), -EBUSY);
	cpns_genl_error_text(nl, -EBUSY, text, sizeof(text));
	assert_string_equal(text, "Device or resource busy: taken");
	/* Words of another error are not taken for this one's. */
	cpns_genl_error_text(nl, -ENOMEM, text, sizeof(text));
	assert_string_equal(text, "Cannot allocate memory");
	fake_clear();
	fake_error(&f, -EINVAL, "needed", 0, 4);
	fake_deliver(&f);
	assert_int_equal(cpns_dev_set(nl, &dev, 0), -EINVAL);
	cpns_genl_error_text(nl, -EINVAL, text, sizeof(text));
	assert_string_equal(text, "Invalid argument: needed (attribute 4 is missing)");
	fake_clear();
	fake_error(&f, -EINVAL, "", 0, 4);
	fake_deliver(&f);
	assert_int_equal(cpns_dev_set(nl, &dev, 0), -EINVAL);
	cpns_genl_error_text(nl, -EINVAL, text, sizeof(text));
	assert_string_equal(text, "Invalid argument (attribute 4 is missing)");
	cpns_genl_error_text(NULL, -ENOENT, text, sizeof(text));
	assert_non_null(strstr(text, "modprobe cpns"));
}

static void names(void **state)
{
	unsigned int i;

	(void)state;
	assert_null(cpns_stats_name(0));
	assert_null(cpns_stats_name(CPNS_A_STATS_PAD));
	for (i = CPNS_A_STATS_PAD + 1; i <= CPNS_A_STATS_MAX; i++)
		assert_non_null(cpns_stats_name(i));
	assert_null(cpns_stats_name(CPNS_A_STATS_MAX + 1));
	assert_null(cpns_event_name(CPNS_CMD_DEV_GET));
	assert_null(cpns_event_name(1000));
	assert_null(cpns_cause_name(1000));
	assert_null(cpns_slot_name(1000));
	assert_string_equal(cpns_slot_name(CPNS_SLOT_NEXT), "next");
}

struct unit_result test_genl(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(devices), cmocka_unit_test(peers), cmocka_unit_test(keys),
		cmocka_unit_test(relay_attributes), cmocka_unit_test(relays),
		cmocka_unit_test(classes), cmocka_unit_test(messages),
		cmocka_unit_test(short_events), cmocka_unit_test(error_texts),
		cmocka_unit_test(names),
	};

	return unit_run(tests, ARRAY_SIZE(tests), setup, teardown);
}
