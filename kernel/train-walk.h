/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The datagrams of a train that came in, one after another, where they lie.
 */
#ifndef _CPNS_TRAIN_WALK_H
#define _CPNS_TRAIN_WALK_H

#include <linux/skbuff.h>

/**
 * struct cpns_train_piece - one datagram of a train
 * @data: where it lies, in the kernel's linear mapping; may be written to
 * @page: page that it lies in, or NULL for the head of a packet
 * @offset: where in the page
 * @len: its length, at least CPNS_DATA_OVERHEAD
 */
struct cpns_train_piece {
	u8 *data;
	struct page *page;
	unsigned int offset;
	unsigned int len;
};

/**
 * typedef cpns_train_fn_t - called for each datagram, in order
 * @arg: as the caller gave it
 * @piece: the datagram
 *
 * Return: whether to go on.
 */
typedef bool (*cpns_train_fn_t)(void *arg, const struct cpns_train_piece *piece);

/**
 * cpns_train_walk() - call a function for each datagram of a train
 * @skb: the train
 * @offset: bytes before the first datagram, in the head
 * @fn: the function
 * @arg: for it
 *
 * Context: any.
 * Return: true where @fn was called for all of them; false where it said no, or
 * where one lies in pieces, in memory that others share, or is too short.
 */
bool cpns_train_walk(struct sk_buff *skb, unsigned int offset, cpns_train_fn_t fn, void *arg);

#endif /* _CPNS_TRAIN_WALK_H */
