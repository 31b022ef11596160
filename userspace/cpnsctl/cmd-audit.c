// SPDX-License-Identifier: GPL-2.0
/* cpnsctl audit: what was enrolled, granted, revoked and refused. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <record.h>
#include <text.h>

#include "args.h"
#include "print.h"
#include "registrar.h"

/* Seconds since 1970, a date in UTC, or "2h", "30min", "7d" before now. */
static int parse_since(const char *text, uint64_t *since)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = {
		{ "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 },
	};
	struct cpns_key_record record = { 0 };
	char number[24], error[CPNS_ERROR_TEXT];
	size_t digits = strspn(text, "0123456789"), i;
	uint64_t n;

	snprintf(number, sizeof(number), "%.*s", (int)digits, text);
	for (i = 0; digits && i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + digits, units[i].unit))
			continue;
		if (cpns_u64_parse(number, 0, UINT32_MAX, &n))
			return -1;
		*since = time(NULL) - n * units[i].seconds;
		return 0;
	}
	/* A date is written as in a configuration. */
	if (cpns_record_set_field(&record, "not-before", text, error))
		return -1;
	*since = record.not_before;
	return 0;
}

/* A line each: when, who, what, and whom it was about. */
static int show_lines(struct ctl *ctl, const json_t *lines)
{
	static const char *const fields[] = { "who", "what", "user", "entity", "detail" };
	struct cpns_out *out = cpns_out_open(stdout, CPNS_OUT_TSV, ctl->colour);
	const json_t *line;
	size_t i, j;

	if (!out) {
		ctl_error("no memory");
		return CTL_FAIL;
	}
	json_array_foreach(lines, i, line) {
		cpns_out_row_begin(out, NULL);
		print_moment(ctl, out, "at", json_integer_value(json_object_get(line, "at")));
		for (j = 0; j < ARRAY_SIZE(fields); j++)
			print_json(out, fields[j], json_object_get(line, fields[j]));
		cpns_out_row_end(out);
	}
	return cpns_out_close(out) ? CTL_FAIL : CTL_OK;
}

int cmd_audit(struct ctl *ctl, int argc, char **argv)
{
	const char *since = NULL, *limit = NULL;
	const struct args_option own[] = {
		{ "since", &since, NULL },
		{ "limit", &limit, NULL },
		{ NULL, NULL, NULL }
	};
	uint64_t from, most;
	json_t *request, *answer;
	int ret;

	ret = args_parse(ctl, own, &argc, &argv);
	if (ret >= 0)
		return ret;
	if (argc != 1)
		return ctl_usage(argv[0]);
	if (since && parse_since(since, &from)) {
		ctl_error("--since is how long ago, as 30min, 2h or 7d, or a date: 2026-01-31");
		return CTL_USAGE;
	}
	if (limit && cpns_u64_parse(limit, 1, INT32_MAX, &most)) {
		ctl_error("--limit is how many lines are shown at most");
		return CTL_USAGE;
	}
	request = json_pack("{s:s}", "op", "audit");
	if (since)
		json_object_set_new(request, "since", json_integer((json_int_t)from));
	if (limit)
		json_object_set_new(request, "limit", json_integer((json_int_t)most));
	if (ctl->form == CPNS_OUT_JSON)
		return registrar_show(ctl, request, "audit", "");
	ret = registrar_ask(ctl, request, &answer);
	if (!ret)
		ret = show_lines(ctl, json_object_get(answer, "audit"));
	json_decref(answer);
	return ret;
}
