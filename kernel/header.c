// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>

#include "compat.h"
#include "device.h"
#include "header.h"
#include "peer.h"
#include "session.h"

static bool eid_is_valid(u64 eid)
{
	return eid != CPNS_EID_NONE && eid != CPNS_EID_ALL;
}

bool cpns_header_is_valid(const struct cpns_header *h, u64 dst, u64 src)
{
	u32 sid = get_unaligned_be32(&h->sid);

	if (h->version_type >> 4 != CPNS_VERSION || !eid_is_valid(dst) || !eid_is_valid(src))
		return false;
	switch (h->version_type & 0x0f) {
	case CPNS_MSG_DATA:
		return true;
	case CPNS_MSG_INIT:
		return !h->flags && !h->clear && !sid;
	case CPNS_MSG_RESP:
	case CPNS_MSG_CONFIRM:
	case CPNS_MSG_COOKIE:
		return !h->flags && !h->clear && sid;
	case CPNS_MSG_HINT:
		return !h->flags && !h->clear;
	default:
		return false;
	}
}

bool cpns_header_data_is_valid(const struct cpns_data_header *dh, unsigned int len)
{
	const struct cpns_header *h = &dh->h;

	if (len < CPNS_DATA_HEADER_LEN || h->flags & ~CPNS_F_MASK)
		return false;
	if (h->flags & CPNS_F_UNPROTECTED)
		return h->flags == CPNS_F_UNPROTECTED && !h->clear && !h->sid && !dh->seq;
	if (len < CPNS_DATA_OVERHEAD || !h->sid)
		return false;
	if (!(h->flags & CPNS_F_ENCRYPTED))
		return !h->clear;
	return h->clear * CPNS_CLEAR_UNIT <= len - CPNS_DATA_OVERHEAD;
}

static u64 word(const u8 *data, unsigned int i)
{
	return get_unaligned((const u64 *)data + i);
}

bool cpns_header_is_alike(const u8 *a, const u8 *b)
{
	u64 but_hop_limit = (__force u64)cpu_to_be64(~(0xffULL << 40));

	BUILD_BUG_ON(offsetof(struct cpns_header, hop_limit) != 2);
	BUILD_BUG_ON(CPNS_HEADER_LEN != 3 * sizeof(u64));
	return !((word(a, 0) ^ word(b, 0)) & but_hop_limit) && word(a, 1) == word(b, 1) &&
	       word(a, 2) == word(b, 2);
}

unsigned int cpns_header_assoc(const struct cpns_header *h, unsigned int len)
{
	if (h->flags & CPNS_F_ENCRYPTED)
		return CPNS_DATA_HEADER_LEN + h->clear * CPNS_CLEAR_UNIT;
	return len - CPNS_TAG_LEN;
}

void cpns_header_make_data(struct cpns_data_header *dh, const struct cpns_session *s, u64 seq,
			   u8 mode, u8 clear, unsigned int len)
{
	bool encrypt = mode == CPNS_MODE_ENCRYPT;

	dh->h.version_type = CPNS_VERSION << 4 | CPNS_MSG_DATA;
	dh->h.flags = encrypt ? CPNS_F_ENCRYPTED : 0;
	dh->h.hop_limit = 0;
	dh->h.clear = encrypt ? min_t(unsigned int, clear, len / CPNS_CLEAR_UNIT) : 0;
	put_unaligned_be32(s->remote_sid, &dh->h.sid);
	put_unaligned_be64(s->peer->eid, &dh->h.dst);
	put_unaligned_be64(s->peer->cdev->eid, &dh->h.src);
	put_unaligned_be64(seq, &dh->seq);
}
