// SPDX-License-Identifier: GPL-2.0
/*
 * Primitives against published examples (RFC 5869, RFC 4231, RFC 7748), limits
 * of XL, the points that X25519 refuses, erasing. The schedule itself is
 * tested by the vectors.
 */
#include "unit.h"

#include <errno.h>

#include "keysched.h"
#include "secret.h"
#include "text.h"

static void unhex(const char *text, uint8_t *out)
{
	assert_int_equal(cpns_hex_decode(text, strlen(text), out, strlen(text) / 2), 0);
}

static void hashes(void **state)
{
	const struct cpns_piece abc[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
	const struct cpns_piece data = { "what do ya want for nothing?", 28 };
	uint8_t out[CPNS_HASH_LEN], wanted[CPNS_HASH_LEN];

	(void)state;
	unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", wanted);
	assert_int_equal(cpns_sha256(abc, 3, out), 0);
	assert_memory_equal(out, wanted, sizeof(out));
	unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", wanted);
	assert_int_equal(cpns_hmac("Jefe", 4, &data, 1, out), 0);
	assert_memory_equal(out, wanted, sizeof(out));
}

static void xl_limits(void **state)
{
	char label[CPNS_XL_LABEL_MAX + 2];
	uint8_t secret[32] = { 1 }, context[256] = { 2 }, out[64], info[600];
	uint8_t zeros[64] = { 0 };

	(void)state;
	memset(label, 'x', sizeof(label));
	label[CPNS_XL_LABEL_MAX] = '\0';
	assert_int_equal(cpns_xl(secret, 32, label, context, 255, out, 32), 0);
	label[CPNS_XL_LABEL_MAX] = 'x';
	label[CPNS_XL_LABEL_MAX + 1] = '\0';
	assert_int_equal(cpns_xl(secret, 32, label, context, 255, out, 32), -EINVAL);
	assert_memory_equal(out, zeros, 32);
	assert_int_equal(cpns_xl(secret, 32, "key", context, 256, out, 32), -EINVAL);
	assert_int_equal(cpns_xl_info("key", NULL, 0, 65536, info, sizeof(info)), -EINVAL);
	assert_int_equal(cpns_xl_info("key", NULL, 0, 32, info, 15), -EINVAL);
	assert_int_equal(cpns_xl_info("key", NULL, 0, 32, info, 16), 16);
	/* Two different contexts, labels and lengths give different bytes. */
	assert_int_equal(cpns_xl(secret, 32, "key", NULL, 0, out, 32), 0);
	assert_int_equal(cpns_xl(secret, 32, "key", context, 1, info, 32), 0);
	assert_memory_not_equal(out, info, 32);
}

static void x25519(void **state)
{
	/* All points of low order, RFC 7748 section 6.1 and their like. */
	static const char *const low[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t a[32], b[32], pa[32], pb[32], k1[32], k2[32], wanted[32], point[32];
	uint8_t zeros[32] = { 0 };
	size_t i;

	(void)state;
	unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", a);
	unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", point);
	unhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", wanted);
	assert_int_equal(cpns_x25519(a, point, k1), 0);
	assert_memory_equal(k1, wanted, 32);
	assert_int_equal(cpns_random(b, sizeof(b)), 0);
	assert_int_equal(cpns_x25519_public(a, pa), 0);
	assert_int_equal(cpns_x25519_public(b, pb), 0);
	assert_int_equal(cpns_x25519(a, pb, k1), 0);
	assert_int_equal(cpns_x25519(b, pa, k2), 0);
	assert_memory_equal(k1, k2, 32);
	for (i = 0; i < ARRAY_SIZE(low); i++) {
		unhex(low[i], point);
		memset(k1, 0xaa, sizeof(k1));
		assert_int_equal(cpns_x25519(a, point, k1), -EKEYREJECTED);
		assert_memory_equal(k1, zeros, 32);
	}
}

static void secrets(void **state)
{
	uint8_t a[32], b[32], zeros[32] = { 0 };
	struct cpns_keysched ks, empty;

	(void)state;
	assert_int_equal(cpns_random(a, sizeof(a)), 0);
	assert_int_equal(cpns_random(b, sizeof(b)), 0);
	assert_false(cpns_equal(a, b, sizeof(a)));
	memcpy(b, a, sizeof(a));
	assert_true(cpns_equal(a, b, sizeof(a)));
	b[31] ^= 1;
	assert_false(cpns_equal(a, b, sizeof(a)));
	cpns_wipe(a, sizeof(a));
	assert_memory_equal(a, zeros, sizeof(a));
	cpns_wipe(NULL, 0);
	cpns_free_secret(NULL, 0);
	memset(&ks, 0x55, sizeof(ks));
	memset(&empty, 0, sizeof(empty));
	cpns_ks_wipe(&ks);
	assert_memory_equal(&ks, &empty, sizeof(ks));
}

struct unit_result test_keysched(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(hashes), cmocka_unit_test(xl_limits),
		cmocka_unit_test(x25519), cmocka_unit_test(secrets),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
