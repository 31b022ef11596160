// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/cpns.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/cpns.h>

/* Integer value ranges */
static const struct netlink_range_validation cpns_a_peer_keepalive_interval_range = {
	.max	= 86400000ULL,
};

static const struct netlink_range_validation cpns_a_peer_passive_keepalive_range = {
	.min	= 100ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation cpns_a_peer_timeout_range = {
	.min	= 100ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation cpns_a_peer_window_range = {
	.min	= 64ULL,
	.max	= 32768ULL,
};

/* Common nested types */
const struct nla_policy cpns_endpoint_nl_policy[CPNS_A_ENDPOINT_IFINDEX + 1] = {
	[CPNS_A_ENDPOINT_ADDR4] = { .type = NLA_U32, },
	[CPNS_A_ENDPOINT_ADDR6] = NLA_POLICY_EXACT_LEN(16),
	[CPNS_A_ENDPOINT_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[CPNS_A_ENDPOINT_SCOPE] = { .type = NLA_U32, },
	[CPNS_A_ENDPOINT_LOCAL4] = { .type = NLA_U32, },
	[CPNS_A_ENDPOINT_LOCAL6] = NLA_POLICY_EXACT_LEN(16),
	[CPNS_A_ENDPOINT_IFINDEX] = { .type = NLA_U32, },
};

const struct nla_policy cpns_interfaces_nl_policy[CPNS_A_INTERFACES_IFINDEX + 1] = {
	[CPNS_A_INTERFACES_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
};

const struct nla_policy cpns_prefix_nl_policy[CPNS_A_PREFIX_LEN + 1] = {
	[CPNS_A_PREFIX_ADDR4] = { .type = NLA_U32, },
	[CPNS_A_PREFIX_ADDR6] = NLA_POLICY_EXACT_LEN(16),
	[CPNS_A_PREFIX_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
};

const struct nla_policy cpns_prefixes_nl_policy[CPNS_A_PREFIXES_PREFIX + 1] = {
	[CPNS_A_PREFIXES_PREFIX] = NLA_POLICY_NESTED(cpns_prefix_nl_policy),
};

/* CPNS_CMD_DEV_GET - do */
const struct nla_policy cpns_dev_get_nl_policy[CPNS_A_DEV_IFINDEX + 1] = {
	[CPNS_A_DEV_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* CPNS_CMD_DEV_SET - do */
const struct nla_policy cpns_dev_set_nl_policy[CPNS_A_DEV_RELAY_PAN + 1] = {
	[CPNS_A_DEV_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_DEV_EID] = { .type = NLA_U64, },
	[CPNS_A_DEV_OVERLAY_PREFIX] = NLA_POLICY_EXACT_LEN(8),
	[CPNS_A_DEV_LISTEN_PORT] = { .type = NLA_U16, },
	[CPNS_A_DEV_LOCAL_ADDR4] = { .type = NLA_U32, },
	[CPNS_A_DEV_LOCAL_ADDR6] = NLA_POLICY_EXACT_LEN(16),
	[CPNS_A_DEV_FWMARK] = { .type = NLA_U32, },
	[CPNS_A_DEV_BIND_IFINDEX] = { .type = NLA_U32, },
	[CPNS_A_DEV_RELAY_PAN] = NLA_POLICY_NESTED(cpns_interfaces_nl_policy),
};

/* CPNS_CMD_PEER_GET - do */
const struct nla_policy cpns_peer_get_nl_policy[CPNS_A_PEER_EID + 1] = {
	[CPNS_A_PEER_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_PEER_EID] = { .type = NLA_U64, },
};

/* CPNS_CMD_PEER_NEW - do */
const struct nla_policy cpns_peer_new_nl_policy[CPNS_A_PEER_PAN_ADDR + 1] = {
	[CPNS_A_PEER_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_PEER_EID] = { .type = NLA_U64, },
	[CPNS_A_PEER_ENDPOINT] = NLA_POLICY_NESTED(cpns_endpoint_nl_policy),
	[CPNS_A_PEER_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x1),
	[CPNS_A_PEER_KEEPALIVE_INTERVAL] = NLA_POLICY_FULL_RANGE(NLA_U32, &cpns_a_peer_keepalive_interval_range),
	[CPNS_A_PEER_PASSIVE_KEEPALIVE] = NLA_POLICY_FULL_RANGE(NLA_U32, &cpns_a_peer_passive_keepalive_range),
	[CPNS_A_PEER_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &cpns_a_peer_timeout_range),
	[CPNS_A_PEER_WINDOW] = NLA_POLICY_FULL_RANGE(NLA_U32, &cpns_a_peer_window_range),
	[CPNS_A_PEER_MIN_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
	[CPNS_A_PEER_MAX_CLEAR] = { .type = NLA_U8, },
	[CPNS_A_PEER_INNER_SRC] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_INNER_SRC_ADD] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_INNER_SRC_DEL] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_ALLOWED_DST] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_ALLOWED_DST_ADD] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_ALLOWED_DST_DEL] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_RELAY_TO] = { .type = NLA_U64, },
	[CPNS_A_PEER_PAN_IFINDEX] = { .type = NLA_U32, },
	[CPNS_A_PEER_PAN_ADDR] = NLA_POLICY_NESTED(cpns_endpoint_nl_policy),
};

/* CPNS_CMD_PEER_SET - do */
const struct nla_policy cpns_peer_set_nl_policy[CPNS_A_PEER_PAN_ADDR + 1] = {
	[CPNS_A_PEER_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_PEER_EID] = { .type = NLA_U64, },
	[CPNS_A_PEER_ENDPOINT] = NLA_POLICY_NESTED(cpns_endpoint_nl_policy),
	[CPNS_A_PEER_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x1),
	[CPNS_A_PEER_KEEPALIVE_INTERVAL] = NLA_POLICY_FULL_RANGE(NLA_U32, &cpns_a_peer_keepalive_interval_range),
	[CPNS_A_PEER_PASSIVE_KEEPALIVE] = NLA_POLICY_FULL_RANGE(NLA_U32, &cpns_a_peer_passive_keepalive_range),
	[CPNS_A_PEER_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &cpns_a_peer_timeout_range),
	[CPNS_A_PEER_WINDOW] = NLA_POLICY_FULL_RANGE(NLA_U32, &cpns_a_peer_window_range),
	[CPNS_A_PEER_MIN_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
	[CPNS_A_PEER_MAX_CLEAR] = { .type = NLA_U8, },
	[CPNS_A_PEER_INNER_SRC] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_INNER_SRC_ADD] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_INNER_SRC_DEL] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_ALLOWED_DST] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_ALLOWED_DST_ADD] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_ALLOWED_DST_DEL] = NLA_POLICY_NESTED(cpns_prefixes_nl_policy),
	[CPNS_A_PEER_RELAY_TO] = { .type = NLA_U64, },
	[CPNS_A_PEER_PAN_IFINDEX] = { .type = NLA_U32, },
	[CPNS_A_PEER_PAN_ADDR] = NLA_POLICY_NESTED(cpns_endpoint_nl_policy),
};

/* CPNS_CMD_PEER_DEL - do */
const struct nla_policy cpns_peer_del_nl_policy[CPNS_A_PEER_EID + 1] = {
	[CPNS_A_PEER_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_PEER_EID] = { .type = NLA_U64, },
};

/* CPNS_CMD_PEER_KEEPALIVE - do */
const struct nla_policy cpns_peer_keepalive_nl_policy[CPNS_A_PEER_SID + 1] = {
	[CPNS_A_PEER_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_PEER_EID] = { .type = NLA_U64, },
	[CPNS_A_PEER_SID] = { .type = NLA_U32, },
};

/* CPNS_CMD_KEY_GET - do */
const struct nla_policy cpns_key_get_nl_policy[CPNS_A_KEY_LOCAL_SID + 1] = {
	[CPNS_A_KEY_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_KEY_EID] = { .type = NLA_U64, },
	[CPNS_A_KEY_LOCAL_SID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* CPNS_CMD_KEY_NEW - do */
const struct nla_policy cpns_key_new_nl_policy[CPNS_A_KEY_HARD_TIME + 1] = {
	[CPNS_A_KEY_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_KEY_EID] = { .type = NLA_U64, },
	[CPNS_A_KEY_SLOT] = NLA_POLICY_MAX(NLA_U8, 2),
	[CPNS_A_KEY_LOCAL_SID] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_KEY_REMOTE_SID] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_KEY_SUITE] = { .type = NLA_U16, },
	[CPNS_A_KEY_INITIATOR] = { .type = NLA_FLAG, },
	[CPNS_A_KEY_DEMOTE_NEXT] = { .type = NLA_FLAG, },
	[CPNS_A_KEY_KEY_ID] = NLA_POLICY_EXACT_LEN(16),
	[CPNS_A_KEY_TX_KEY] = NLA_POLICY_EXACT_LEN(32),
	[CPNS_A_KEY_TX_MAC_KEY] = NLA_POLICY_EXACT_LEN(32),
	[CPNS_A_KEY_TX_IV] = NLA_POLICY_EXACT_LEN(12),
	[CPNS_A_KEY_RX_KEY] = NLA_POLICY_EXACT_LEN(32),
	[CPNS_A_KEY_RX_MAC_KEY] = NLA_POLICY_EXACT_LEN(32),
	[CPNS_A_KEY_RX_IV] = NLA_POLICY_EXACT_LEN(12),
	[CPNS_A_KEY_SOFT_PACKETS] = { .type = NLA_U64, },
	[CPNS_A_KEY_HARD_PACKETS] = { .type = NLA_U64, },
	[CPNS_A_KEY_SOFT_FAILED] = { .type = NLA_U64, },
	[CPNS_A_KEY_HARD_FAILED] = { .type = NLA_U64, },
	[CPNS_A_KEY_SOFT_TIME] = { .type = NLA_U64, },
	[CPNS_A_KEY_HARD_TIME] = { .type = NLA_U64, },
};

/* CPNS_CMD_KEY_DEL - do */
const struct nla_policy cpns_key_del_nl_policy[CPNS_A_KEY_LOCAL_SID + 1] = {
	[CPNS_A_KEY_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_KEY_EID] = { .type = NLA_U64, },
	[CPNS_A_KEY_LOCAL_SID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* CPNS_CMD_CLASS_GET - do */
const struct nla_policy cpns_class_get_nl_policy[CPNS_A_CLASS_PRIO + 1] = {
	[CPNS_A_CLASS_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_CLASS_PRIO] = { .type = NLA_U32, },
};

/* CPNS_CMD_CLASS_NEW - do */
const struct nla_policy cpns_class_new_nl_policy[CPNS_A_CLASS_CLEAR + 1] = {
	[CPNS_A_CLASS_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_CLASS_PRIO] = { .type = NLA_U32, },
	[CPNS_A_CLASS_MARK] = { .type = NLA_U32, },
	[CPNS_A_CLASS_MASK] = { .type = NLA_U32, },
	[CPNS_A_CLASS_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
	[CPNS_A_CLASS_CLEAR] = { .type = NLA_U8, },
};

/* CPNS_CMD_CLASS_DEL - do */
const struct nla_policy cpns_class_del_nl_policy[CPNS_A_CLASS_PRIO + 1] = {
	[CPNS_A_CLASS_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_CLASS_PRIO] = { .type = NLA_U32, },
};

/* CPNS_CMD_MSG_BIND - do */
const struct nla_policy cpns_msg_bind_nl_policy[CPNS_A_MSG_IFINDEX + 1] = {
	[CPNS_A_MSG_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* CPNS_CMD_MSG_SEND - do */
const struct nla_policy cpns_msg_send_nl_policy[CPNS_A_MSG_DATAGRAM + 1] = {
	[CPNS_A_MSG_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_MSG_ENDPOINT] = NLA_POLICY_NESTED(cpns_endpoint_nl_policy),
	[CPNS_A_MSG_DATAGRAM] = { .type = NLA_BINARY, },
};

/* CPNS_CMD_RELAY_GET - do */
const struct nla_policy cpns_relay_get_nl_policy[CPNS_A_RELAY_SID + 1] = {
	[CPNS_A_RELAY_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_RELAY_EID] = { .type = NLA_U64, },
	[CPNS_A_RELAY_SID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* CPNS_CMD_RELAY_NEW - do */
const struct nla_policy cpns_relay_new_nl_policy[CPNS_A_RELAY_ENDPOINT + 1] = {
	[CPNS_A_RELAY_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_RELAY_EID] = { .type = NLA_U64, },
	[CPNS_A_RELAY_SID] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_RELAY_SERVER_EID] = { .type = NLA_U64, },
	[CPNS_A_RELAY_ENDPOINT] = NLA_POLICY_NESTED(cpns_endpoint_nl_policy),
};

/* CPNS_CMD_RELAY_DEL - do */
const struct nla_policy cpns_relay_del_nl_policy[CPNS_A_RELAY_SID + 1] = {
	[CPNS_A_RELAY_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[CPNS_A_RELAY_EID] = { .type = NLA_U64, },
	[CPNS_A_RELAY_SID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* Ops table for cpns */
const struct genl_ops cpns_nl_ops[18] = {
	{
		.cmd		= CPNS_CMD_DEV_GET,
		.doit		= cpns_nl_dev_get_doit,
		.dumpit		= cpns_nl_dev_get_dumpit,
		.policy		= cpns_dev_get_nl_policy,
		.maxattr	= CPNS_A_DEV_IFINDEX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_DEV_SET,
		.doit		= cpns_nl_dev_set_doit,
		.policy		= cpns_dev_set_nl_policy,
		.maxattr	= CPNS_A_DEV_RELAY_PAN,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_PEER_GET,
		.doit		= cpns_nl_peer_get_doit,
		.dumpit		= cpns_nl_peer_get_dumpit,
		.policy		= cpns_peer_get_nl_policy,
		.maxattr	= CPNS_A_PEER_EID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_PEER_NEW,
		.doit		= cpns_nl_peer_new_doit,
		.policy		= cpns_peer_new_nl_policy,
		.maxattr	= CPNS_A_PEER_PAN_ADDR,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_PEER_SET,
		.doit		= cpns_nl_peer_set_doit,
		.policy		= cpns_peer_set_nl_policy,
		.maxattr	= CPNS_A_PEER_PAN_ADDR,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_PEER_DEL,
		.doit		= cpns_nl_peer_del_doit,
		.policy		= cpns_peer_del_nl_policy,
		.maxattr	= CPNS_A_PEER_EID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_PEER_KEEPALIVE,
		.doit		= cpns_nl_peer_keepalive_doit,
		.policy		= cpns_peer_keepalive_nl_policy,
		.maxattr	= CPNS_A_PEER_SID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_KEY_GET,
		.doit		= cpns_nl_key_get_doit,
		.dumpit		= cpns_nl_key_get_dumpit,
		.policy		= cpns_key_get_nl_policy,
		.maxattr	= CPNS_A_KEY_LOCAL_SID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_KEY_NEW,
		.doit		= cpns_nl_key_new_doit,
		.policy		= cpns_key_new_nl_policy,
		.maxattr	= CPNS_A_KEY_HARD_TIME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_KEY_DEL,
		.doit		= cpns_nl_key_del_doit,
		.policy		= cpns_key_del_nl_policy,
		.maxattr	= CPNS_A_KEY_LOCAL_SID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_CLASS_GET,
		.doit		= cpns_nl_class_get_doit,
		.dumpit		= cpns_nl_class_get_dumpit,
		.policy		= cpns_class_get_nl_policy,
		.maxattr	= CPNS_A_CLASS_PRIO,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_CLASS_NEW,
		.doit		= cpns_nl_class_new_doit,
		.policy		= cpns_class_new_nl_policy,
		.maxattr	= CPNS_A_CLASS_CLEAR,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_CLASS_DEL,
		.doit		= cpns_nl_class_del_doit,
		.policy		= cpns_class_del_nl_policy,
		.maxattr	= CPNS_A_CLASS_PRIO,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_MSG_BIND,
		.doit		= cpns_nl_msg_bind_doit,
		.policy		= cpns_msg_bind_nl_policy,
		.maxattr	= CPNS_A_MSG_IFINDEX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_MSG_SEND,
		.doit		= cpns_nl_msg_send_doit,
		.policy		= cpns_msg_send_nl_policy,
		.maxattr	= CPNS_A_MSG_DATAGRAM,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_RELAY_GET,
		.doit		= cpns_nl_relay_get_doit,
		.dumpit		= cpns_nl_relay_get_dumpit,
		.policy		= cpns_relay_get_nl_policy,
		.maxattr	= CPNS_A_RELAY_SID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_RELAY_NEW,
		.doit		= cpns_nl_relay_new_doit,
		.policy		= cpns_relay_new_nl_policy,
		.maxattr	= CPNS_A_RELAY_ENDPOINT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= CPNS_CMD_RELAY_DEL,
		.doit		= cpns_nl_relay_del_doit,
		.policy		= cpns_relay_del_nl_policy,
		.maxattr	= CPNS_A_RELAY_SID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

static const struct genl_multicast_group cpns_nl_mcgrps[] = {
	[CPNS_NLGRP_EVENTS] = { .name = "events", .flags = GENL_MCAST_CAP_NET_ADMIN, },
};
