/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/cpns.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_CPNS_GEN_H
#define _LINUX_CPNS_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/cpns.h>

/* Common nested types */
extern const struct nla_policy cpns_endpoint_nl_policy[CPNS_A_ENDPOINT_IFINDEX + 1];
extern const struct nla_policy cpns_interfaces_nl_policy[CPNS_A_INTERFACES_IFINDEX + 1];
extern const struct nla_policy cpns_prefix_nl_policy[CPNS_A_PREFIX_LEN + 1];
extern const struct nla_policy cpns_prefixes_nl_policy[CPNS_A_PREFIXES_PREFIX + 1];

extern const struct nla_policy cpns_dev_get_nl_policy[CPNS_A_DEV_IFINDEX + 1];

extern const struct nla_policy cpns_dev_set_nl_policy[CPNS_A_DEV_RELAY_PAN + 1];

extern const struct nla_policy cpns_peer_get_nl_policy[CPNS_A_PEER_EID + 1];

extern const struct nla_policy cpns_peer_new_nl_policy[CPNS_A_PEER_PAN_ADDR + 1];

extern const struct nla_policy cpns_peer_set_nl_policy[CPNS_A_PEER_PAN_ADDR + 1];

extern const struct nla_policy cpns_peer_del_nl_policy[CPNS_A_PEER_EID + 1];

extern const struct nla_policy cpns_peer_keepalive_nl_policy[CPNS_A_PEER_SID + 1];

extern const struct nla_policy cpns_key_get_nl_policy[CPNS_A_KEY_LOCAL_SID + 1];

extern const struct nla_policy cpns_key_new_nl_policy[CPNS_A_KEY_HARD_TIME + 1];

extern const struct nla_policy cpns_key_del_nl_policy[CPNS_A_KEY_LOCAL_SID + 1];

extern const struct nla_policy cpns_class_get_nl_policy[CPNS_A_CLASS_PRIO + 1];

extern const struct nla_policy cpns_class_new_nl_policy[CPNS_A_CLASS_CLEAR + 1];

extern const struct nla_policy cpns_class_del_nl_policy[CPNS_A_CLASS_PRIO + 1];

extern const struct nla_policy cpns_msg_bind_nl_policy[CPNS_A_MSG_IFINDEX + 1];

extern const struct nla_policy cpns_msg_send_nl_policy[CPNS_A_MSG_DATAGRAM + 1];

extern const struct nla_policy cpns_relay_get_nl_policy[CPNS_A_RELAY_SID + 1];

extern const struct nla_policy cpns_relay_new_nl_policy[CPNS_A_RELAY_ENDPOINT + 1];

extern const struct nla_policy cpns_relay_del_nl_policy[CPNS_A_RELAY_SID + 1];

/* Ops table for cpns */
extern const struct genl_ops cpns_nl_ops[18];

int cpns_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int cpns_nl_dev_set_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int cpns_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_peer_set_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_peer_keepalive_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_key_get_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_key_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int cpns_nl_key_new_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_key_del_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_class_get_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_class_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int cpns_nl_class_new_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_class_del_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_msg_bind_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_msg_send_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_relay_get_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_relay_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int cpns_nl_relay_new_doit(struct sk_buff *skb, struct genl_info *info);
int cpns_nl_relay_del_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	CPNS_NLGRP_EVENTS,
};

#endif /* _LINUX_CPNS_GEN_H */
