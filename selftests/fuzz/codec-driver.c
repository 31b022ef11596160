// SPDX-License-Identifier: GPL-2.0
/*
 * Drives a fuzz target without libFuzzer: seeds of our own, changed at random.
 *
 *	cpns-fuzz-codec [-n RUNS] [-s SEED] [FILE ...]
 *
 * A FILE is run once as it is, to look at what was found.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"
#include "fuzz-target.h"
#include "util.h"

enum { INPUT_MAX = 2048, SEEDS_MAX = 32 };

static uint64_t rng;
static struct {
	size_t len;
	uint8_t bytes[INPUT_MAX];
} seeds[SEEDS_MAX];
static unsigned int n_seeds;

static uint64_t draw(uint64_t below)
{
	uint64_t x = rng += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) % below;
}

static void seed(unsigned int decoder, const void *data, size_t len)
{
	if (n_seeds == SEEDS_MAX || len + 1 > INPUT_MAX)
		return;
	seeds[n_seeds].bytes[0] = (uint8_t)decoder;
	memcpy(seeds[n_seeds].bytes + 1, data, len);
	seeds[n_seeds++].len = len + 1;
}

static void seed_text(const char *text)
{
	seed(2, text, strlen(text));
}

/* One of each message, some texts, a netlink error and an event. */
static void make_seeds(void)
{
	static const uint8_t ext[] = { 1, 0, 1, 9, 2, 0, 0 };
	static const uint8_t nl_error[] = {
		60, 0, 0, 0, 2, 0, 0, 3, 1, 0, 0, 0, 1, 0, 0, 0, 0xea, 0xff, 0xff, 0xff,
		16, 0, 0, 0, 16, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0,
		10, 0, 1, 0, 'w', 'o', 'r', 'd', 's', 0, 0, 0, 8, 0, 2, 0, 20, 0, 0, 0,
	};
	static const uint8_t nl_event[] = {
		44, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 22, 1, 0, 0,
		8, 0, 1, 0, 3, 0, 0, 0, 12, 0, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8,
	};
	static const unsigned int types[] = {
		CPNS_MSG_INIT, CPNS_MSG_RESP, CPNS_MSG_CONFIRM, CPNS_MSG_COOKIE, CPNS_MSG_HINT,
	};
	uint8_t buf[512], data[96] = { 0x18, 1, 8, 0, 0, 0, 0, 1, 1, [16] = 1, [32] = 0x45 };
	struct cpns_msg msg;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		memset(&msg, 0, sizeof(msg));
		msg.h = (struct cpns_msg_header){
			.type = (uint8_t)types[i], .hop_limit = 8, .dst = 1, .src = 2,
			.sid = types[i] == CPNS_MSG_INIT ? 0 : 3,
		};
		if (types[i] == CPNS_MSG_INIT) {
			msg.init.sid_i = 1;
			msg.init.role_i = CPNS_ROLE_PNE;
			msg.init.role_r = CPNS_ROLE_SERVER;
			msg.init.lifetime = 3600;
			msg.init.n_suites = 2;
			msg.init.suites[0] = CPNS_SUITE_X25519_GCM;
			msg.init.suites[1] = CPNS_SUITE_PSK_GCM;
			msg.init.has_e = true;
			msg.init.ext = (struct cpns_span){ ext, sizeof(ext) };
			msg.init.has_cookie = true;
		} else if (types[i] == CPNS_MSG_RESP) {
			msg.resp.sid_r = 4;
			msg.resp.suite = CPNS_SUITE_PSK_GCM;
			msg.resp.lifetime = 60;
			msg.resp.ext = (struct cpns_span){ ext, sizeof(ext) };
		} else if (types[i] == CPNS_MSG_CONFIRM) {
			msg.confirm.ext = (struct cpns_span){ ext, sizeof(ext) };
		} else if (types[i] == CPNS_MSG_HINT) {
			msg.hint.code = 1;
		}
		n = cpns_msg_build(&msg, buf, sizeof(buf));
		if (n < 0)
			abort();
		seed(0, buf, (size_t)n);
	}
	seed(0, data, sizeof(data));
	seed(1, data, sizeof(data));
	seed_text("192.0.2.1:4701");
	seed_text("[fe80::1%lo]:4701");
	seed_text("2001:db8::/32");
	seed_text("10.9.0.0/16");
	seed_text("ger\xc3\xa4t@h\xc3\xa4user.example");
	seed_text("d4252abf9c387843");
	seed_text("2026-01-31T12:00:00Z");
	seed_text("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
	seed(3, nl_error, sizeof(nl_error));
	seed(3, nl_event, sizeof(nl_event));
}

static size_t change(uint8_t *bytes, size_t len)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 31, 32, 33 };
	unsigned int times = 1 + (unsigned int)draw(4);

	while (times--) {
		size_t at = draw(len), n;

		switch (draw(6)) {
		case 0:
			bytes[at] ^= (uint8_t)(1 << draw(8));
			break;
		case 1:
			bytes[at] = (uint8_t)draw(256);
			break;
		case 2:
			bytes[at] = edges[draw(sizeof(edges))];
			break;
		case 3:
			len = 1 + draw(len);
			break;
		case 4:
			n = draw(64);
			if (len + n > INPUT_MAX)
				break;
			memmove(bytes + at + n, bytes + at, len - at);
			len += n;
			break;
		default:
			n = draw(len - at) / 2;
			memmove(bytes + at, bytes + at + n, len - at - n);
			len -= n;
			break;
		}
	}
	return len;
}

static int run_file(const char *path)
{
	uint8_t bytes[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f) {
		perror(path);
		return 1;
	}
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	fuzz_one_input(bytes, len);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long runs = 300000, i;
	uint8_t bytes[INPUT_MAX];
	int opt, ret = 0;

	rng = 1;
	while ((opt = getopt(argc, argv, "n:s:")) != -1) {
		if (opt == 'n') {
			runs = strtoul(optarg, NULL, 10);
		} else if (opt == 's') {
			rng = strtoull(optarg, NULL, 10);
		} else {
			fprintf(stderr, "usage: %s [-n RUNS] [-s SEED] [FILE ...]\n", argv[0]);
			return 2;
		}
	}
	if (argv[optind]) {
		for (; argv[optind]; optind++)
			ret |= run_file(argv[optind]);
		return ret;
	}
	make_seeds();
	for (i = 0; i < n_seeds; i++)
		fuzz_one_input(seeds[i].bytes, seeds[i].len);
	for (i = 0; i < runs; i++) {
		unsigned int which = (unsigned int)draw(n_seeds);
		size_t len = seeds[which].len;

		memcpy(bytes, seeds[which].bytes, len);
		fuzz_one_input(bytes, change(bytes, len));
	}
	printf("# %lu inputs\n1 passed, 0 failed, 0 skipped\n", runs);
	return 0;
}
