// SPDX-License-Identifier: GPL-2.0
/*
 * Wire codec: every message of CPNS-SS1, parsed with exact rules and built.
 *
 * A parser reads through a cursor that checks room before each field and
 * copies the field out; it never lays a structure over the datagram. Reading
 * past the end marks the cursor as failed, and one check at the end of a
 * message finds it.
 */
#include "codec.h"

#include <errno.h>
#include <string.h>

#include "util.h"

uint32_t cpns_get_u32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

uint64_t cpns_get_u64(const void *p)
{
	const uint8_t *b = p;

	return (uint64_t)cpns_get_u32(b) << 32 | cpns_get_u32(b + 4);
}

void cpns_put_u32(void *p, uint32_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}

void cpns_put_u64(void *p, uint64_t v)
{
	uint8_t *b = p;

	cpns_put_u32(b, (uint32_t)(v >> 32));
	cpns_put_u32(b + 4, (uint32_t)v);
}

/* ---- reading ---- */

struct reader {
	const uint8_t *start;
	const uint8_t *p;
	size_t left;
	bool failed;
};

static const uint8_t *take(struct reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->failed || len > r->left) {
		r->failed = true;
		return NULL;
	}
	r->p += len;
	r->left -= len;
	return p;
}

static void take_bytes(struct reader *r, void *out, size_t len)
{
	const uint8_t *p = take(r, len);

	if (p)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

static uint8_t take_u8(struct reader *r)
{
	const uint8_t *p = take(r, 1);

	return p ? *p : 0;
}

static uint16_t take_u16(struct reader *r)
{
	const uint8_t *p = take(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static uint32_t take_u32(struct reader *r)
{
	const uint8_t *p = take(r, 4);

	return p ? cpns_get_u32(p) : 0;
}

static uint64_t take_u64(struct reader *r)
{
	const uint8_t *p = take(r, 8);

	return p ? cpns_get_u64(p) : 0;
}

static void take_ext(struct reader *r, struct cpns_span *ext)
{
	ext->len = take_u16(r);
	ext->data = take(r, ext->len);
}

/* A public key that is there or not: any other length fails the reader. */
static bool take_x25519(struct reader *r, uint8_t *key)
{
	uint8_t len = take_u8(r);

	if (len && len != CPNS_X25519_LEN)
		r->failed = true;
	if (!len)
		return false;
	take_bytes(r, key, CPNS_X25519_LEN);
	return true;
}

static size_t taken(const struct reader *r)
{
	return (size_t)(r->p - r->start);
}

bool cpns_ext_next(struct cpns_span *list, uint8_t *type, struct cpns_span *value)
{
	struct reader r = { list->data, list->data, list->len, false };

	if (!list->len)
		return false;
	*type = take_u8(&r);
	value->len = take_u16(&r);
	value->data = take(&r, value->len);
	if (r.failed)
		return false;
	list->data = r.p;
	list->len = r.left;
	return true;
}

/* Do whole extensions fill the list exactly. */
static bool ext_fills(struct cpns_span list)
{
	struct cpns_span value;
	uint8_t type;

	while (cpns_ext_next(&list, &type, &value))
		;
	return !list.len;
}

static bool role_known(uint8_t role)
{
	return role >= CPNS_ROLE_SERVER && role <= CPNS_ROLE_PNE;
}

static bool lifetime_allowed(uint32_t lifetime)
{
	return lifetime >= CPNS_LIFETIME_MIN && lifetime <= CPNS_LIFETIME_MAX;
}

bool cpns_suite_known(uint16_t suite)
{
	return cpns_suite_protection(suite);
}

bool cpns_suite_has_x25519(uint16_t suite)
{
	return !(suite >> 8);
}

bool cpns_suite_has_mac_key(uint16_t suite)
{
	return suite == CPNS_SUITE_X25519_CTR_HMAC || suite == CPNS_SUITE_PSK_CTR_HMAC;
}

/*
 * e_i is there if and only if an X25519 suite is offered; a code that nobody
 * knows beside pure-PSK suites only leaves it open.
 */
static bool e_i_presence_right(const struct cpns_msg_init *init)
{
	bool unknown = false;
	unsigned int i;

	for (i = 0; i < init->n_suites; i++) {
		if (!cpns_suite_known(init->suites[i]))
			unknown = true;
		else if (cpns_suite_has_x25519(init->suites[i]))
			return init->has_e;
	}
	return unknown || !init->has_e;
}

/* What a value alone can be wrong in, apart from where it stands. */
static enum cpns_malformed check_init(const struct cpns_msg_init *init)
{
	if (!init->sid_i)
		return CPNS_BAD_SID;
	if (!role_known(init->role_i) || !role_known(init->role_r))
		return CPNS_BAD_ROLE;
	if (!lifetime_allowed(init->lifetime))
		return CPNS_BAD_LIFETIME;
	if (!init->n_suites || init->n_suites > CPNS_SUITES_MAX)
		return CPNS_BAD_SUITES;
	if (!e_i_presence_right(init))
		return CPNS_BAD_E_PRESENCE;
	if (!ext_fills(init->ext))
		return CPNS_BAD_EXT;
	return CPNS_WELL_FORMED;
}

static enum cpns_malformed check_resp(const struct cpns_msg_resp *resp)
{
	if (!resp->sid_r)
		return CPNS_BAD_SID;
	if (!cpns_suite_known(resp->suite))
		return CPNS_BAD_SUITES;
	if (resp->has_e != cpns_suite_has_x25519(resp->suite))
		return CPNS_BAD_E_PRESENCE;
	if (!lifetime_allowed(resp->lifetime))
		return CPNS_BAD_LIFETIME;
	if (!ext_fills(resp->ext))
		return CPNS_BAD_EXT;
	return CPNS_WELL_FORMED;
}

static enum cpns_malformed check_hint(const struct cpns_msg_hint *hint)
{
	if (hint->code < CPNS_HINT_KEY_UNKNOWN || hint->code > CPNS_HINT_SESSION_UNKNOWN)
		return CPNS_BAD_HINT_CODE;
	return CPNS_WELL_FORMED;
}

/* Flags, clear and sid against the type; EIDs. */
static enum cpns_malformed check_header(const struct cpns_msg_header *h)
{
	bool sid_due = true, sid_allowed = true;

	if (h->type == CPNS_MSG_DATA) {
		bool encrypted = h->flags & CPNS_F_ENCRYPTED;
		bool unprotected = h->flags & CPNS_F_UNPROTECTED;

		if (h->flags & ~CPNS_F_MASK || (encrypted && unprotected) ||
		    (h->clear && !encrypted))
			return CPNS_BAD_RESERVED;
		sid_due = !unprotected;
		sid_allowed = !unprotected;
	} else {
		if (h->flags || h->clear)
			return CPNS_BAD_RESERVED;
		if (h->type == CPNS_MSG_INIT)
			sid_allowed = false;
		if (h->type == CPNS_MSG_INIT || h->type == CPNS_MSG_HINT)
			sid_due = false;
	}
	if (h->dst == CPNS_EID_NONE || h->dst == CPNS_EID_ALL ||
	    h->src == CPNS_EID_NONE || h->src == CPNS_EID_ALL)
		return CPNS_BAD_EID;
	if ((sid_due && !h->sid) || (!sid_allowed && h->sid))
		return CPNS_BAD_SID;
	return CPNS_WELL_FORMED;
}

static enum cpns_malformed parse_init(struct reader *r, struct cpns_msg_init *init)
{
	uint8_t cookie_len;
	unsigned int i;

	if (r->left + CPNS_HEADER_LEN > CPNS_INIT_MAX)
		return CPNS_BAD_LENGTH;
	init->sid_i = take_u32(r);
	take_bytes(r, init->nonce_i, sizeof(init->nonce_i));
	take_bytes(r, init->key_id, sizeof(init->key_id));
	init->role_i = take_u8(r);
	init->role_r = take_u8(r);
	init->lifetime = take_u32(r);
	init->n_suites = take_u8(r);
	if (!r->failed && (!init->n_suites || init->n_suites > CPNS_SUITES_MAX))
		return CPNS_BAD_SUITES;
	for (i = 0; i < init->n_suites; i++)
		init->suites[i] = take_u16(r);
	init->has_e = take_x25519(r, init->e_i);
	take_ext(r, &init->ext);
	init->core_len = taken(r);
	take_bytes(r, init->mac1, sizeof(init->mac1));
	cookie_len = take_u8(r);
	init->has_cookie = cookie_len;
	if (cookie_len && cookie_len != CPNS_COOKIE_LEN)
		return CPNS_BAD_LENGTH;
	if (cookie_len)
		take_bytes(r, init->cookie, sizeof(init->cookie));
	if (r->failed || r->left)
		return CPNS_BAD_LENGTH;
	return check_init(init);
}

static enum cpns_malformed parse_resp(struct reader *r, struct cpns_msg_resp *resp)
{
	resp->sid_r = take_u32(r);
	take_bytes(r, resp->nonce_r, sizeof(resp->nonce_r));
	resp->suite = take_u16(r);
	resp->has_e = take_x25519(r, resp->e_r);
	resp->lifetime = take_u32(r);
	take_ext(r, &resp->ext);
	resp->core_len = taken(r);
	take_bytes(r, resp->auth_r, sizeof(resp->auth_r));
	if (r->failed || r->left)
		return CPNS_BAD_LENGTH;
	return check_resp(resp);
}

static enum cpns_malformed parse_confirm(struct reader *r, struct cpns_msg_confirm *confirm)
{
	take_ext(r, &confirm->ext);
	confirm->core_len = taken(r);
	take_bytes(r, confirm->auth_i, sizeof(confirm->auth_i));
	if (r->failed || r->left)
		return CPNS_BAD_LENGTH;
	return ext_fills(confirm->ext) ? CPNS_WELL_FORMED : CPNS_BAD_EXT;
}

static enum cpns_malformed parse_cookie(struct reader *r, struct cpns_msg_cookie *cookie)
{
	take_bytes(r, cookie->mac1, sizeof(cookie->mac1));
	take_bytes(r, cookie->cookie, sizeof(cookie->cookie));
	return r->failed || r->left ? CPNS_BAD_LENGTH : CPNS_WELL_FORMED;
}

static enum cpns_malformed parse_hint(struct reader *r, struct cpns_msg_hint *hint)
{
	hint->code = take_u16(r);
	take_bytes(r, hint->mac1, sizeof(hint->mac1));
	return r->failed || r->left ? CPNS_BAD_LENGTH : check_hint(hint);
}

static enum cpns_malformed parse_data(struct reader *r, const struct cpns_msg_header *h,
				      struct cpns_msg_data *data)
{
	bool unprotected = h->flags & CPNS_F_UNPROTECTED;
	size_t tag_len = unprotected ? 0 : CPNS_TAG_LEN;

	data->seq = take_u64(r);
	if (r->failed || r->left < tag_len)
		return CPNS_BAD_LENGTH;
	data->payload.len = r->left - tag_len;
	data->payload.data = take(r, data->payload.len);
	data->tag = unprotected ? NULL : take(r, tag_len);
	if ((size_t)h->clear * CPNS_CLEAR_UNIT > data->payload.len)
		return CPNS_BAD_LENGTH;
	if (unprotected && data->seq)
		return CPNS_BAD_SEQ;
	return CPNS_WELL_FORMED;
}

enum cpns_malformed cpns_msg_parse(const void *datagram, size_t len, struct cpns_msg *msg)
{
	struct reader r = { datagram, datagram, len, false };
	enum cpns_malformed bad;
	uint8_t version_type;

	memset(msg, 0, sizeof(*msg));
	if (len < CPNS_HEADER_LEN)
		return CPNS_BAD_SHORT;
	version_type = take_u8(&r);
	msg->h.type = version_type & 15;
	msg->h.flags = take_u8(&r);
	msg->h.hop_limit = take_u8(&r);
	msg->h.clear = take_u8(&r);
	msg->h.sid = take_u32(&r);
	msg->h.dst = take_u64(&r);
	msg->h.src = take_u64(&r);
	if (version_type >> 4 != CPNS_VERSION)
		return CPNS_BAD_VERSION;
	if (!cpns_msg_type_name(msg->h.type))
		return CPNS_BAD_TYPE;
	bad = check_header(&msg->h);
	if (bad)
		return bad;
	switch (msg->h.type) {
	case CPNS_MSG_INIT:
		return parse_init(&r, &msg->init);
	case CPNS_MSG_RESP:
		return parse_resp(&r, &msg->resp);
	case CPNS_MSG_CONFIRM:
		return parse_confirm(&r, &msg->confirm);
	case CPNS_MSG_COOKIE:
		return parse_cookie(&r, &msg->cookie);
	case CPNS_MSG_HINT:
		return parse_hint(&r, &msg->hint);
	default:
		return parse_data(&r, &msg->h, &msg->data);
	}
}

/* ---- writing ---- */

struct writer {
	uint8_t *start;
	uint8_t *p;
	size_t left;
	bool failed;
};

static void put(struct writer *w, const void *data, size_t len)
{
	if (w->failed || len > w->left) {
		w->failed = true;
		return;
	}
	if (len)
		memcpy(w->p, data, len);
	w->p += len;
	w->left -= len;
}

static void put_u8(struct writer *w, uint8_t v)
{
	put(w, &v, 1);
}

static void put_u16(struct writer *w, uint16_t v)
{
	const uint8_t b[] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(w, b, sizeof(b));
}

static void put_u32(struct writer *w, uint32_t v)
{
	uint8_t b[4];

	cpns_put_u32(b, v);
	put(w, b, sizeof(b));
}

static void put_u64(struct writer *w, uint64_t v)
{
	uint8_t b[8];

	cpns_put_u64(b, v);
	put(w, b, sizeof(b));
}

static void put_ext(struct writer *w, const struct cpns_span *ext)
{
	put_u16(w, (uint16_t)ext->len);
	put(w, ext->data, ext->len);
}

static void put_x25519(struct writer *w, bool has, const uint8_t *key)
{
	put_u8(w, has ? CPNS_X25519_LEN : 0);
	if (has)
		put(w, key, CPNS_X25519_LEN);
}

static void build_init(struct writer *w, const struct cpns_msg_init *init)
{
	unsigned int i;

	put_u32(w, init->sid_i);
	put(w, init->nonce_i, sizeof(init->nonce_i));
	put(w, init->key_id, sizeof(init->key_id));
	put_u8(w, init->role_i);
	put_u8(w, init->role_r);
	put_u32(w, init->lifetime);
	put_u8(w, init->n_suites);
	for (i = 0; i < init->n_suites; i++)
		put_u16(w, init->suites[i]);
	put_x25519(w, init->has_e, init->e_i);
	put_ext(w, &init->ext);
	put(w, init->mac1, sizeof(init->mac1));
	put_u8(w, init->has_cookie ? CPNS_COOKIE_LEN : 0);
	if (init->has_cookie)
		put(w, init->cookie, sizeof(init->cookie));
}

static void build_resp(struct writer *w, const struct cpns_msg_resp *resp)
{
	put_u32(w, resp->sid_r);
	put(w, resp->nonce_r, sizeof(resp->nonce_r));
	put_u16(w, resp->suite);
	put_x25519(w, resp->has_e, resp->e_r);
	put_u32(w, resp->lifetime);
	put_ext(w, &resp->ext);
	put(w, resp->auth_r, sizeof(resp->auth_r));
}

static enum cpns_malformed check_body(const struct cpns_msg *msg)
{
	switch (msg->h.type) {
	case CPNS_MSG_INIT:
		return msg->init.ext.len > UINT16_MAX ? CPNS_BAD_EXT : check_init(&msg->init);
	case CPNS_MSG_RESP:
		return msg->resp.ext.len > UINT16_MAX ? CPNS_BAD_EXT : check_resp(&msg->resp);
	case CPNS_MSG_CONFIRM:
		if (msg->confirm.ext.len > UINT16_MAX || !ext_fills(msg->confirm.ext))
			return CPNS_BAD_EXT;
		return CPNS_WELL_FORMED;
	case CPNS_MSG_COOKIE:
		return CPNS_WELL_FORMED;
	case CPNS_MSG_HINT:
		return check_hint(&msg->hint);
	default:
		return CPNS_BAD_TYPE;
	}
}

ssize_t cpns_msg_build(const struct cpns_msg *msg, void *buf, size_t size)
{
	struct writer w = { buf, buf, size, false };
	size_t len;

	if (check_header(&msg->h) || check_body(msg))
		return -EINVAL;
	put_u8(&w, (uint8_t)(CPNS_VERSION << 4 | msg->h.type));
	put_u8(&w, 0);
	put_u8(&w, msg->h.hop_limit);
	put_u8(&w, 0);
	put_u32(&w, msg->h.sid);
	put_u64(&w, msg->h.dst);
	put_u64(&w, msg->h.src);
	switch (msg->h.type) {
	case CPNS_MSG_INIT:
		build_init(&w, &msg->init);
		break;
	case CPNS_MSG_RESP:
		build_resp(&w, &msg->resp);
		break;
	case CPNS_MSG_CONFIRM:
		put_ext(&w, &msg->confirm.ext);
		put(&w, msg->confirm.auth_i, sizeof(msg->confirm.auth_i));
		break;
	case CPNS_MSG_COOKIE:
		put(&w, msg->cookie.mac1, sizeof(msg->cookie.mac1));
		put(&w, msg->cookie.cookie, sizeof(msg->cookie.cookie));
		break;
	case CPNS_MSG_HINT:
		put_u16(&w, msg->hint.code);
		put(&w, msg->hint.mac1, sizeof(msg->hint.mac1));
		break;
	}
	len = (size_t)(w.p - w.start);
	if (w.failed || (msg->h.type == CPNS_MSG_INIT && len > CPNS_INIT_MAX))
		return -EMSGSIZE;
	return (ssize_t)len;
}

size_t cpns_msg_core_len(const struct cpns_msg *msg)
{
	switch (msg->h.type) {
	case CPNS_MSG_INIT:
		return CPNS_HEADER_LEN + 4 + CPNS_NONCE_LEN + CPNS_KEY_ID_LEN + 1 + 1 + 4 + 1 +
		       2 * (size_t)msg->init.n_suites + 1 +
		       (msg->init.has_e ? CPNS_X25519_LEN : 0) + 2 + msg->init.ext.len;
	case CPNS_MSG_RESP:
		return CPNS_HEADER_LEN + 4 + CPNS_NONCE_LEN + 2 + 1 +
		       (msg->resp.has_e ? CPNS_X25519_LEN : 0) + 4 + 2 + msg->resp.ext.len;
	default:
		return CPNS_HEADER_LEN + 2 + msg->confirm.ext.len;
	}
}

/* ---- names ---- */

const char *cpns_malformed_name(enum cpns_malformed what)
{
	static const char *const name[CPNS_MALFORMED_COUNT] = {
		[CPNS_WELL_FORMED] = "well_formed",
		[CPNS_BAD_SHORT] = "short",
		[CPNS_BAD_VERSION] = "version",
		[CPNS_BAD_TYPE] = "type",
		[CPNS_BAD_RESERVED] = "reserved",
		[CPNS_BAD_EID] = "eid",
		[CPNS_BAD_SID] = "sid",
		[CPNS_BAD_LENGTH] = "length",
		[CPNS_BAD_ROLE] = "role",
		[CPNS_BAD_LIFETIME] = "lifetime",
		[CPNS_BAD_SUITES] = "suites",
		[CPNS_BAD_E_PRESENCE] = "e_presence",
		[CPNS_BAD_EXT] = "ext",
		[CPNS_BAD_HINT_CODE] = "hint_code",
		[CPNS_BAD_SEQ] = "seq",
	};

	return what < CPNS_MALFORMED_COUNT ? name[what] : NULL;
}

const char *cpns_msg_type_name(unsigned int type)
{
	static const char *const name[16] = {
		[CPNS_MSG_INIT] = "INIT",
		[CPNS_MSG_RESP] = "RESP",
		[CPNS_MSG_CONFIRM] = "CONFIRM",
		[CPNS_MSG_COOKIE] = "COOKIE",
		[CPNS_MSG_HINT] = "HINT",
		[CPNS_MSG_DATA] = "DATA",
	};

	return type < 16 ? name[type] : NULL;
}

static const struct {
	uint16_t code;
	const char *name;
	const char *protection;
} suites[] = {
	{ CPNS_SUITE_X25519_GCM, "x25519-aes256gcm", "AES-256-GCM" },
	{ CPNS_SUITE_X25519_CHACHA, "x25519-chacha20poly1305", "ChaCha20-Poly1305" },
	{ CPNS_SUITE_X25519_CTR_HMAC, "x25519-aes256ctr-hmac",
	  "AES-256-CTR+HMAC-SHA-256-128" },
	{ CPNS_SUITE_PSK_GCM, "psk-aes256gcm", "AES-256-GCM" },
	{ CPNS_SUITE_PSK_CHACHA, "psk-chacha20poly1305", "ChaCha20-Poly1305" },
	{ CPNS_SUITE_PSK_CTR_HMAC, "psk-aes256ctr-hmac", "AES-256-CTR+HMAC-SHA-256-128" },
};

const char *cpns_suite_name(uint16_t suite)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].code == suite)
			return suites[i].name;
	return NULL;
}

uint16_t cpns_suite_parse(const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (!strcmp(suites[i].name, text))
			return suites[i].code;
	return 0;
}

const char *cpns_suite_protection(uint16_t suite)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].code == suite)
			return suites[i].protection;
	return NULL;
}
