/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM cpns

#if !defined(_CPNS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _CPNS_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>

#include "stats.h"

DECLARE_EVENT_CLASS(cpns_packet,
	TP_PROTO(const struct net_device *dev, u64 eid, u32 sid, u64 seq,
		 unsigned int len, u8 flags, u8 clear, int err),
	TP_ARGS(dev, eid, sid, seq, len, flags, clear, err),
	TP_STRUCT__entry(
		__field(int, ifindex)
		__field(u64, eid)
		__field(u32, sid)
		__field(u64, seq)
		__field(unsigned int, len)
		__field(u8, flags)
		__field(u8, clear)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->ifindex = dev->ifindex;
		__entry->eid = eid;
		__entry->sid = sid;
		__entry->seq = seq;
		__entry->len = len;
		__entry->flags = flags;
		__entry->clear = clear;
		__entry->err = err;
	),
	TP_printk("ifindex=%d eid=%016llx sid=%08x seq=%llu len=%u flags=%#x clear=%u err=%d",
		  __entry->ifindex, __entry->eid, __entry->sid, __entry->seq,
		  __entry->len, __entry->flags, __entry->clear, __entry->err)
);

/* A packet was sealed; len is that of the datagram, sid the peer's. */
DEFINE_EVENT(cpns_packet, cpns_seal,
	TP_PROTO(const struct net_device *dev, u64 eid, u32 sid, u64 seq,
		 unsigned int len, u8 flags, u8 clear, int err),
	TP_ARGS(dev, eid, sid, seq, len, flags, clear, err)
);

/* A packet was opened, or was not; len is that of the datagram, sid our own. */
DEFINE_EVENT(cpns_packet, cpns_open,
	TP_PROTO(const struct net_device *dev, u64 eid, u32 sid, u64 seq,
		 unsigned int len, u8 flags, u8 clear, int err),
	TP_ARGS(dev, eid, sid, seq, len, flags, clear, err)
);

/* A packet was dropped; the reason is the name of the counter. */
TRACE_EVENT(cpns_drop,
	TP_PROTO(const struct net_device *dev, u64 eid, unsigned int stat),
	TP_ARGS(dev, eid, stat),
	TP_STRUCT__entry(
		__field(int, ifindex)
		__field(u64, eid)
		__array(char, reason, 24)
	),
	TP_fast_assign(
		__entry->ifindex = dev->ifindex;
		__entry->eid = eid;
		strscpy(__entry->reason, cpns_stats_name(stat), 24);
	),
	TP_printk("ifindex=%d eid=%016llx reason=%s",
		  __entry->ifindex, __entry->eid, __entry->reason)
);

/* A datagram was relayed, or was not; sid is the header's, or what an INIT chose. */
TRACE_EVENT(cpns_relay,
	TP_PROTO(const struct net_device *dev, u64 dst, u64 src, u32 sid, u8 type,
		 unsigned int len, bool provisional, int err),
	TP_ARGS(dev, dst, src, sid, type, len, provisional, err),
	TP_STRUCT__entry(
		__field(int, ifindex)
		__field(u64, dst)
		__field(u64, src)
		__field(u32, sid)
		__field(u8, type)
		__field(unsigned int, len)
		__field(bool, provisional)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->ifindex = dev->ifindex;
		__entry->dst = dst;
		__entry->src = src;
		__entry->sid = sid;
		__entry->type = type;
		__entry->len = len;
		__entry->provisional = provisional;
		__entry->err = err;
	),
	TP_printk("ifindex=%d dst=%016llx src=%016llx sid=%08x type=%u len=%u provisional=%d err=%d",
		  __entry->ifindex, __entry->dst, __entry->src, __entry->sid,
		  __entry->type, __entry->len, __entry->provisional, __entry->err)
);

#endif /* _CPNS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
