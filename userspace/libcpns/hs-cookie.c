// SPDX-License-Identifier: GPL-2.0
/*
 * Cookies: a sender shows that it hears what is sent to its address, and the
 * responder keeps nothing.
 *
 *	cookie = generation u8 || first 16 bytes of
 *		 HMAC(K_gen, address || port u16 || nonce_i || key_id)
 */
#include <string.h>

#include "hs-internal.h"
#include "secret.h"

/* Have a key that is not older than CPNS_HS_COOKIE_KEY_MS. */
static int renew(struct cpns_hs *hs, const struct cpns_now *now)
{
	struct hs_cookies *c = &hs->cookies;
	uint64_t age = now->ms - c->changed;
	uint8_t key[CPNS_KEY_LEN];

	if (c->ready && age < CPNS_HS_COOKIE_KEY_MS)
		return 0;
	if (hs->ops.random(hs->ctx, CPNS_DRAW_COOKIE_KEY, key, sizeof(key)))
		return -1;
	/* A key that should have been the last but one by now is not kept. */
	if (c->ready && age < 2 * CPNS_HS_COOKIE_KEY_MS) {
		memcpy(c->key[1], c->key[0], CPNS_KEY_LEN);
		c->n = 2;
	} else {
		c->n = 1;
	}
	if (c->ready)
		c->generation++;
	memcpy(c->key[0], key, CPNS_KEY_LEN);
	c->changed = now->ms;
	c->ready = true;
	cpns_wipe(key, sizeof(key));
	return 0;
}

static int compute(const uint8_t *key, uint8_t generation, const struct cpns_path *path,
		   const struct cpns_msg_init *init, uint8_t *cookie)
{
	const struct cpns_endpoint *from = &path->remote;
	const uint8_t port[] = { (uint8_t)(from->port >> 8), (uint8_t)from->port };
	const struct cpns_piece piece[] = {
		{ from->addr, from->family == AF_INET ? 4 : 16 },
		{ port, sizeof(port) },
		{ init->nonce_i, sizeof(init->nonce_i) },
		{ init->key_id, sizeof(init->key_id) },
	};
	uint8_t mac[CPNS_HASH_LEN];

	if (cpns_hmac(key, CPNS_KEY_LEN, piece, 4, mac))
		return -1;
	cookie[0] = generation;
	memcpy(cookie + 1, mac, CPNS_COOKIE_LEN - 1);
	return 0;
}

int hs_cookie_make(struct cpns_hs *hs, const struct cpns_path *path,
		   const struct cpns_msg_init *init, const struct cpns_now *now,
		   uint8_t *cookie)
{
	if (renew(hs, now))
		return -1;
	return compute(hs->cookies.key[0], hs->cookies.generation, path, init, cookie);
}

bool hs_cookie_good(struct cpns_hs *hs, const struct cpns_path *path,
		    const struct cpns_msg_init *init, const struct cpns_now *now)
{
	uint8_t cookie[CPNS_COOKIE_LEN], back;

	if (!init->has_cookie || renew(hs, now))
		return false;
	back = (uint8_t)(hs->cookies.generation - init->cookie[0]);
	if (back >= hs->cookies.n ||
	    compute(hs->cookies.key[back], init->cookie[0], path, init, cookie))
		return false;
	return cpns_equal(cookie, init->cookie, sizeof(cookie));
}
