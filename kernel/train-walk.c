// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>

#include <cpns/wire.h>
#include "train-walk.h"

/**
 * struct walk - how far it went
 * @fn: function for each datagram
 * @arg: for it
 * @size: length of each datagram but the last
 * @left: bytes that are still to come
 */
struct walk {
	cpns_train_fn_t fn;
	void *arg;
	unsigned int size;
	unsigned int left;
};

/* May the data be written to where it lies? */
static bool is_own(const struct sk_buff *skb)
{
	return !skb_cloned(skb) && !skb_shared(skb) && !skb_has_shared_frag(skb);
}

/* The datagrams of a stretch of memory; each must lie in it as a whole. */
static bool walk_stretch(struct walk *w, u8 *data, struct page *page, unsigned int offset,
			 unsigned int len)
{
	struct cpns_train_piece piece = { .data = data, .page = page, .offset = offset };

	for (; len; len -= piece.len) {
		piece.len = min(w->size, w->left);
		if (piece.len > len || piece.len < CPNS_DATA_OVERHEAD || !w->fn(w->arg, &piece))
			return false;
		piece.data += piece.len;
		piece.offset += piece.len;
		w->left -= piece.len;
	}
	return true;
}

/* Those of a packet, from @offset on. */
static bool walk_skb(struct walk *w, struct sk_buff *skb, unsigned int offset)
{
	int i;

	if (skb_headlen(skb) < offset || !is_own(skb) ||
	    !walk_stretch(w, skb->data + offset, NULL, 0, skb_headlen(skb) - offset))
		return false;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		if (PageHighMem(skb_frag_page(frag)) ||
		    !walk_stretch(w, skb_frag_address(frag), skb_frag_page(frag),
				  skb_frag_off(frag), skb_frag_size(frag)))
			return false;
	}
	return true;
}

bool cpns_train_walk(struct sk_buff *skb, unsigned int offset, cpns_train_fn_t fn, void *arg)
{
	struct walk w = {
		.fn = fn,
		.arg = arg,
		.size = skb_shinfo(skb)->gso_size,
		.left = skb->len - offset,
	};
	struct sk_buff *part;

	if (!w.size || !walk_skb(&w, skb, offset))
		return false;
	skb_walk_frags(skb, part)
		if (skb_has_frag_list(part) || !walk_skb(&w, part, 0))
			return false;
	return true;
}
