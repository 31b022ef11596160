/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events for all who listen. Each may be lost where a listener is slow; it is
 * told so, and dumps. All may be called in any context but hard interrupts.
 */
#ifndef _CPNS_EVENT_H
#define _CPNS_EVENT_H

#include <linux/types.h>

struct cpns_device;
struct cpns_endpoint;
struct cpns_peer;
struct cpns_session;
struct sk_buff;

/**
 * cpns_event_key() - something happened to a key
 * @s: session
 * @cmd: CPNS_CMD_KEY_SOFT_NTF, _KEY_DEAD_NTF or _KEY_PROMOTED_NTF
 * @cause: enum cpns_cause, or -1 for none
 */
void cpns_event_key(const struct cpns_session *s, u8 cmd, int cause);

/**
 * cpns_event_peer() - something happened to a peer
 * @peer: peer
 * @cmd: CPNS_CMD_PEER_TIMEOUT_NTF or CPNS_CMD_ACQUIRE_NTF
 */
void cpns_event_peer(const struct cpns_peer *peer, u8 cmd);

/**
 * cpns_event_endpoint() - a packet moved a peer's endpoint
 * @peer: peer
 * @ep: the new one
 */
void cpns_event_endpoint(const struct cpns_peer *peer, const struct cpns_endpoint *ep);

/**
 * cpns_event_unknown_sid() - DATA came for a session that does not exist
 * @cdev: device
 * @skb: datagram, its data at the CPNS header, outer headers in place
 */
void cpns_event_unknown_sid(struct cpns_device *cdev, struct sk_buff *skb);

#endif /* _CPNS_EVENT_H */
