// SPDX-License-Identifier: GPL-2.0
/* Seal and open: all suites, sizes and modes; forgeries; inner packets. */
#include "unit.h"

#include <errno.h>

#include "data.h"
#include "secret.h"

enum { LARGEST = 1500 };

static const uint16_t suites[] = { 1, 2, 3, 0x101, 0x102, 0x103 };

static struct cpns_traffic keys;
static const struct cpns_msg_header standard = {
	.type = CPNS_MSG_DATA, .flags = CPNS_F_ENCRYPTED, .hop_limit = 8, .sid = 5,
	.dst = 1, .src = 2,
};

static void round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 40, 64, 1400, LARGEST };
	uint8_t payload[LARGEST], sealed[LARGEST + 64], opened[LARGEST];
	struct cpns_msg_header h;
	unsigned int s, clear;
	size_t i;

	(void)state;
	assert_int_equal(cpns_random(payload, sizeof(payload)), 0);
	assert_int_equal(cpns_random(&keys, sizeof(keys)), 0);
	for (s = 0; s < 6; s++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			size_t len = sizes[i];

			for (clear = 0; clear <= 12; clear += 3) {
				h = standard;
				h.clear = (uint8_t)clear;
				if (clear * 4 > len)
					break;
				assert_int_equal(cpns_data_seal(suites[s], &keys, &h, 77, payload,
								len, sealed, sizeof(sealed)),
						 len + CPNS_DATA_OVERHEAD);
				/* A relay may change the hop limit. */
				sealed[2] = 1;
				assert_int_equal(cpns_data_open(suites[s], &keys, sealed,
								len + CPNS_DATA_OVERHEAD,
								opened), len);
				assert_memory_equal(opened, payload, len);
				assert_memory_equal(sealed + 32, payload, 4 * clear);
			}
			h = standard;
			h.flags = 0;
			assert_int_equal(cpns_data_seal(suites[s], &keys, &h, 78, payload, len,
							sealed, sizeof(sealed)),
					 len + CPNS_DATA_OVERHEAD);
			assert_memory_equal(sealed + 32, payload, len);
			assert_int_equal(cpns_data_open(suites[s], &keys, sealed,
							len + CPNS_DATA_OVERHEAD, opened), len);
		}
	}
}

/* Any bit of any byte, but for the hop limit. */
static void forged(void **state)
{
	uint8_t payload[40] = { 1 }, sealed[128], opened[64], zeros[64] = { 0 };
	struct cpns_msg_header h = standard;
	unsigned int s, at;
	ssize_t n, m;

	(void)state;
	h.clear = 2;
	for (s = 0; s < 6; s++) {
		n = cpns_data_seal(suites[s], &keys, &h, 9, payload, sizeof(payload), sealed,
				   sizeof(sealed));
		assert_int_equal(n, 88);
		for (at = 0; at < (unsigned int)n; at++) {
			if (at == 2)
				continue;
			sealed[at] ^= 1 << at % 8;
			memset(opened, 0, sizeof(opened));
			m = cpns_data_open(suites[s], &keys, sealed, (size_t)n, opened);
			assert_true(m == -EBADMSG || m == -EPROTO);
			assert_memory_equal(opened, zeros, sizeof(opened));
			sealed[at] ^= 1 << at % 8;
		}
	}
}

static void refused(void **state)
{
	uint8_t buf[256], out[256];
	struct cpns_msg_header h = standard;

	(void)state;
	assert_int_equal(cpns_data_seal(1, &keys, &h, 0, NULL, 0, buf, 47), -EMSGSIZE);
	assert_int_equal(cpns_data_seal(1, &keys, &h, 0, NULL, 0, buf, 48), 48);
	assert_int_equal(cpns_data_seal(1, &keys, &h, 0, buf, 70000, buf, sizeof(buf)), -EMSGSIZE);
	h.clear = 1;
	assert_int_equal(cpns_data_seal(1, &keys, &h, 0, NULL, 0, buf, sizeof(buf)), -EINVAL);
	h = standard;
	h.sid = 0;
	assert_int_equal(cpns_data_seal(1, &keys, &h, 0, NULL, 0, buf, sizeof(buf)), -EINVAL);
	h = standard;
	h.flags = CPNS_F_UNPROTECTED;
	h.sid = 0;
	assert_int_equal(cpns_data_seal(1, &keys, &h, 0, NULL, 0, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(cpns_data_open(1, &keys, buf, 47, out), -EPROTO);
	memset(buf, 0, sizeof(buf));
	buf[0] = 0x18;
	buf[1] = CPNS_F_UNPROTECTED;
	buf[8] = 1;
	buf[16] = 1;
	assert_int_equal(cpns_data_open(1, &keys, buf, 64, out), -EPROTO);
}

static void inner(void **state)
{
	uint8_t v4[64] = { 0x45, 0, 0, 24, [12] = 10, 0, 0, 1 };
	uint8_t v6[64] = { 0x60, [5] = 8, [8] = 0xfd };
	const uint8_t *src;
	size_t len;

	(void)state;
	assert_int_equal(cpns_inner_check(v4, 0, NULL, NULL), CPNS_INNER_KEEPALIVE);
	assert_int_equal(cpns_inner_check(v4, 24, &src, &len), CPNS_INNER_OK);
	assert_int_equal(len, 4);
	assert_ptr_equal(src, v4 + 12);
	assert_int_equal(cpns_inner_check(v4, 25, NULL, NULL), CPNS_INNER_BAD);
	assert_int_equal(cpns_inner_check(v4, 23, NULL, NULL), CPNS_INNER_BAD);
	assert_int_equal(cpns_inner_check(v4, 19, NULL, NULL), CPNS_INNER_BAD);
	v4[0] = 0x44;
	assert_int_equal(cpns_inner_check(v4, 24, NULL, NULL), CPNS_INNER_BAD);
	v4[0] = 0x47;
	assert_int_equal(cpns_inner_check(v4, 24, NULL, NULL), CPNS_INNER_BAD);
	v4[0] = 0x55;
	assert_int_equal(cpns_inner_check(v4, 24, NULL, NULL), CPNS_INNER_BAD);
	assert_int_equal(cpns_inner_check(v6, 48, &src, &len), CPNS_INNER_OK);
	assert_int_equal(len, 16);
	assert_ptr_equal(src, v6 + 8);
	assert_int_equal(cpns_inner_check(v6, 47, NULL, NULL), CPNS_INNER_BAD);
	assert_int_equal(cpns_inner_check(v6, 39, NULL, NULL), CPNS_INNER_BAD);
}

struct unit_result test_data(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(forged),
		cmocka_unit_test(refused), cmocka_unit_test(inner),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
