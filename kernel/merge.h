/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Puts the segments of a TCP flow that came in a row together again, by the rules
 * of GRO: taken apart, the same segments come out.
 */
#ifndef _CPNS_MERGE_H
#define _CPNS_MERGE_H

#include <linux/skbuff.h>

struct cpns_peer;
struct page;

/**
 * struct cpns_merge - a packet that grows
 * @skb: its first segment and what was put behind, or NULL
 * @tail: where more is put: @skb, or the last of its list
 * @peer: who sent it
 * @l3_len: length of the IP header
 * @header_len: length of the IP and TCP headers
 * @mss: payload of the first segment
 * @count: segments
 * @bytes: of all of them
 * @next_seq: of TCP, for the next segment
 * @next_id: of IPv4, for the next segment
 */
struct cpns_merge {
	struct sk_buff *skb;
	struct sk_buff *tail;
	struct cpns_peer *peer;
	unsigned int l3_len;
	unsigned int header_len;
	unsigned int mss;
	unsigned int count;
	unsigned int bytes;
	u32 next_seq;
	u16 next_id;
};

/**
 * struct cpns_merge_piece - an inner packet in a page
 * @data: packet
 * @len: its length
 * @page: where it lies, or NULL where it can only be copied
 * @offset: where in the page
 * @truesize: memory that it stands for
 */
struct cpns_merge_piece {
	const u8 *data;
	unsigned int len;
	struct page *page;
	unsigned int offset;
	unsigned int truesize;
};

/**
 * cpns_merge_make_skb() - packet for a piece, that refers to its page
 * @piece: piece
 *
 * Context: BH disabled.
 * Return: the packet, or NULL without memory.
 */
struct sk_buff *cpns_merge_make_skb(const struct cpns_merge_piece *piece);

/**
 * cpns_merge_append() - put a segment behind the others
 * @m: merge
 * @peer: who sent it
 * @piece: the segment, not looked at yet
 *
 * It has the addresses of the others, so what was allowed to them is to it.
 *
 * Context: BH disabled.
 * Return: false where it does not belong there; nothing has changed then.
 */
bool cpns_merge_append(struct cpns_merge *m, struct cpns_peer *peer,
		       const struct cpns_merge_piece *piece);

/**
 * cpns_merge_start() - begin with a packet
 * @m: merge that has none
 * @peer: who sent it
 * @skb: packet of cpns_merge_make_skb() that passed cpns_inner_check(); the
 *	 merge's from here, where it is taken
 *
 * Context: BH disabled.
 * Return: false where nothing can come behind it.
 */
bool cpns_merge_start(struct cpns_merge *m, struct cpns_peer *peer, struct sk_buff *skb);

/**
 * cpns_merge_flush() - deliver what there is
 * @m: merge
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_merge_flush(struct cpns_merge *m);

#endif /* _CPNS_MERGE_H */
