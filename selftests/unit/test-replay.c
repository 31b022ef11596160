// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's replay window against a model that remembers everything, for
 * several sizes and random walks.
 */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "../../kernel/replay.h"

enum { MODEL = 1 << 17, STEPS = 20000 };

static uint64_t rng;

static uint64_t draw(uint64_t below)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (rng >> 33) % below;
}

static void walk(uint32_t size)
{
	__u64 *bits = malloc(cpns_replay_bytes(size));
	struct cpns_replay window, *r = &window;
	uint8_t *seen = calloc(1, MODEL);
	uint64_t highest = 0, seq;
	bool any = false;
	unsigned int i;

	assert_non_null(bits);
	assert_non_null(seen);
	cpns_replay_init(r, size, bits);
	for (i = 0; i < STEPS; i++) {
		enum cpns_replay_verdict wanted, check, commit;

		switch (draw(8)) {
		case 0:
			seq = highest + draw(3 * (uint64_t)size);
			break;
		case 1:
			seq = draw(highest + 1);
			break;
		case 2:
			seq = highest >= size ? highest - size + draw(3) - 1 : 0;
			break;
		default:
			seq = highest + 2 - draw(highest < 64 ? 2 : 64);
			break;
		}
		if (seq >= MODEL)
			break;
		if (!any || seq > highest)
			wanted = CPNS_REPLAY_NEWEST;
		else if (highest - seq >= size)
			wanted = CPNS_REPLAY_OLD;
		else
			wanted = seen[seq] ? CPNS_REPLAY_DUPLICATE : CPNS_REPLAY_OK;
		check = cpns_replay_check(r, seq);
		commit = cpns_replay_commit(r, seq);
		if (check != wanted || commit != wanted)
			fail_msg("window %u, highest %llu, seq %llu: %d %d, not %d", size,
				 (unsigned long long)highest, (unsigned long long)seq, check,
				 commit, wanted);
		if (wanted == CPNS_REPLAY_NEWEST) {
			highest = seq;
			any = true;
		}
		if (wanted == CPNS_REPLAY_NEWEST || wanted == CPNS_REPLAY_OK)
			seen[seq] = 1;
	}
	free(seen);
	free(bits);
}

static void walks(void **state)
{
	static const uint32_t sizes[] = { 64, 128, 192, 320, 4096, 8192, 32768 };
	unsigned int i, turn;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (turn = 0; turn < 10; turn++) {
			rng = 1000 * i + turn;
			walk(sizes[i]);
		}
	}
}

struct unit_result test_replay(void)
{
	static const unit_case tests[] = { cmocka_unit_test(walks) };

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
