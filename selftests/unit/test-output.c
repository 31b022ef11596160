// SPDX-License-Identifier: GPL-2.0
/* The writer: the same calls in each form, byte by byte. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "output.h"

static char *text;
static size_t text_len;

static struct cpns_out *begin(FILE **f, enum cpns_out_form form, enum cpns_out_colour colour)
{
	struct cpns_out *out;

	*f = open_memstream(&text, &text_len);
	assert_non_null(*f);
	out = cpns_out_open(*f, form, colour);
	assert_non_null(out);
	return out;
}

static void end(FILE *f, struct cpns_out *out, int code, const char *wanted)
{
	assert_int_equal(cpns_out_close(out), code);
	fclose(f);
	if (wanted)
		assert_string_equal(text, wanted);
	free(text);
	text = NULL;
}

static void tell(struct cpns_out *out)
{
	cpns_out_list_begin(out, NULL, NULL);
	cpns_out_row_begin(out, "peer gw");
	cpns_out_string(out, "name", "gw\t\"1\"\\");
	cpns_out_eid(out, "eid", 0x00db610466f1369eULL);
	cpns_out_state(out, "state", "up", CPNS_MOOD_GOOD);
	cpns_out_age(out, "last", true, 200);
	cpns_out_age(out, "never", false, 0);
	cpns_out_bytes(out, "rx", 1536);
	cpns_out_object_begin(out, "key", NULL);
	cpns_out_hex32(out, "sid", 0xab);
	cpns_out_number(out, "n", UINT64_MAX);
	cpns_out_bool(out, "own", true);
	cpns_out_object_end(out);
	cpns_out_list_begin(out, "src", NULL);
	cpns_out_string(out, NULL, "a");
	cpns_out_string(out, NULL, "b");
	cpns_out_list_end(out);
	cpns_out_list_begin(out, "dst", NULL);
	cpns_out_list_end(out);
	cpns_out_string(out, "missing", NULL);
	cpns_out_duration(out, "lifetime", 0);
	cpns_out_row_end(out);
	cpns_out_row_begin(out, "peer x");
	cpns_out_bool(out, "own", false);
	cpns_out_duration(out, "lifetime", 61);
	cpns_out_age(out, "last", true, 0);
	cpns_out_row_end(out);
	cpns_out_list_end(out);
}

static void as_json(void **state)
{
	static const char wanted[] =
		"[\n"
		"  {\n"
		"    \"name\": \"gw\\u0009\\\"1\\\"\\\\\",\n"
		"    \"eid\": \"00db610466f1369e\",\n"
		"    \"state\": \"up\",\n"
		"    \"last\": 200,\n"
		"    \"never\": null,\n"
		"    \"rx\": 1536,\n"
		"    \"key\": {\n"
		"      \"sid\": \"000000ab\",\n"
		"      \"n\": 18446744073709551615,\n"
		"      \"own\": true\n"
		"    },\n"
		"    \"src\": [\n"
		"      \"a\",\n"
		"      \"b\"\n"
		"    ],\n"
		"    \"dst\": [],\n"
		"    \"missing\": null,\n"
		"    \"lifetime\": 0\n"
		"  },\n"
		"  {\n"
		"    \"own\": false,\n"
		"    \"lifetime\": 61,\n"
		"    \"last\": 0\n"
		"  }\n"
		"]\n";
	struct cpns_out *out;
	FILE *f;

	(void)state;
	out = begin(&f, CPNS_OUT_JSON, CPNS_COLOUR_ALWAYS);
	tell(out);
	end(f, out, 0, wanted);
	out = begin(&f, CPNS_OUT_JSON, CPNS_COLOUR_NEVER);
	end(f, out, 0, "");
}

static void as_text(void **state)
{
	static const char wanted[] =
		"peer gw:\n"
		"  name: gw?\"1\"\\\n"
		"  eid: 00db610466f1369e\n"
		"  state: up\n"
		"  last: 3 min 20 s ago\n"
		"  never: never\n"
		"  rx: 1.50 KiB\n"
		"  key:\n"
		"    sid: 000000ab\n"
		"    n: 18446744073709551615\n"
		"    own: yes\n"
		"  src:\n"
		"    a\n"
		"    b\n"
		"  dst:\n"
		"  lifetime: 0 s\n"
		"\npeer x:\n"
		"  own: no\n"
		"  lifetime: 1 min 1 s\n"
		"  last: now\n";
	struct cpns_out *out;
	FILE *f;

	(void)state;
	out = begin(&f, CPNS_OUT_TEXT, CPNS_COLOUR_AUTO);
	tell(out);
	end(f, out, 0, wanted);
}

static void as_tsv(void **state)
{
	static const char wanted[] =
		"gw?\"1\"\\\t00db610466f1369e\tup\t200\t-\t1536\t"
		"000000ab\t18446744073709551615\tyes\ta,b\t-\t-\t0\n"
		"no\t61\t0\n";
	struct cpns_out *out;
	FILE *f;

	(void)state;
	out = begin(&f, CPNS_OUT_TSV, CPNS_COLOUR_AUTO);
	cpns_out_string(out, "outside", "rows");
	tell(out);
	end(f, out, 0, wanted);
}

static void colours(void **state)
{
	struct cpns_out *out;
	FILE *f;

	(void)state;
	out = begin(&f, CPNS_OUT_TEXT, CPNS_COLOUR_ALWAYS);
	cpns_out_object_begin(out, "dev", "device cpns0");
	cpns_out_state(out, "a", "up", CPNS_MOOD_GOOD);
	cpns_out_state(out, "b", "slow", CPNS_MOOD_WARN);
	cpns_out_state(out, "c", "down", CPNS_MOOD_BAD);
	cpns_out_state(out, "d", "plain", CPNS_MOOD_PLAIN);
	cpns_out_object_end(out);
	cpns_out_object_begin(out, "dev", NULL);
	cpns_out_object_end(out);
	end(f, out, 0,
	    "\033[1mdevice cpns0\033[0m:\n"
	    "  a: \033[32mup\033[0m\n"
	    "  b: \033[33mslow\033[0m\n"
	    "  c: \033[31mdown\033[0m\n"
	    "  d: plain\n"
	    "\n\033[1mdev\033[0m:\n");
}

static void errors(void **state)
{
	struct cpns_out *out;
	unsigned int i;
	FILE *f;

	(void)state;
	/* Begun and not ended; ended as something else; too deep. */
	out = begin(&f, CPNS_OUT_JSON, CPNS_COLOUR_NEVER);
	cpns_out_object_begin(out, NULL, NULL);
	end(f, out, -EINVAL, NULL);
	out = begin(&f, CPNS_OUT_JSON, CPNS_COLOUR_NEVER);
	cpns_out_object_begin(out, NULL, NULL);
	cpns_out_list_end(out);
	end(f, out, -EINVAL, NULL);
	out = begin(&f, CPNS_OUT_JSON, CPNS_COLOUR_NEVER);
	for (i = 0; i < 20; i++)
		cpns_out_list_begin(out, NULL, NULL);
	end(f, out, -EOVERFLOW, NULL);
	f = fopen("/dev/full", "w");
	assert_non_null(f);
	out = cpns_out_open(f, CPNS_OUT_JSON, CPNS_COLOUR_NEVER);
	cpns_out_number(out, NULL, 1);
	assert_int_equal(cpns_out_close(out), -ENOSPC);
	fclose(f);
	assert_int_equal(cpns_out_close(NULL), 0);
}

struct unit_result test_output(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(as_json), cmocka_unit_test(as_text),
		cmocka_unit_test(as_tsv), cmocka_unit_test(colours),
		cmocka_unit_test(errors),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
