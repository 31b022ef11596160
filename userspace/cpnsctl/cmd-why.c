// SPDX-License-Identifier: GPL-2.0
/* cpnsctl why: the last handshakes with a peer. */
#include <stdio.h>
#include <string.h>

#include <text.h>

#include "client.h"
#include "print.h"

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void show_attempt(struct cpns_out *out, const json_t *attempt)
{
	const char *reason = text_of(attempt, "reason"), *step = text_of(attempt, "step");
	bool done = step && !strcmp(step, cpns_hs_step_name(CPNS_STEP_DONE));
	uint64_t ago = json_integer_value(json_object_get(attempt, "started_s_ago"));
	char title[CPNS_DURATION_TEXT + 64], age[CPNS_DURATION_TEXT];

	cpns_duration_format(ago, age);
	snprintf(title, sizeof(title), "%s, begun by %s", age,
		 json_is_true(json_object_get(attempt, "initiator")) ? "this end" : "the peer");
	cpns_out_object_begin(out, NULL, title);
	cpns_out_string(out, "cause", text_of(attempt, "why"));
	cpns_out_string(out, "endpoint", text_of(attempt, "endpoint"));
	cpns_out_state(out, "step", step,
		       reason ? CPNS_MOOD_BAD : done ? CPNS_MOOD_GOOD : CPNS_MOOD_WARN);
	cpns_out_string(out, "meaning", text_of(attempt, "step_text"));
	cpns_out_string(out, "suite", text_of(attempt, "suite"));
	cpns_out_number(out, "generation",
			json_integer_value(json_object_get(attempt, "generation")));
	cpns_out_number(out, "inits", json_integer_value(json_object_get(attempt, "inits")));
	cpns_out_string(out, "reason", reason);
	cpns_out_string(out, "hint", text_of(attempt, "hint"));
	cpns_out_string(out, "peer_hint", text_of(attempt, "peer_hint_text"));
	cpns_out_object_end(out);
}

static void show_text(struct cpns_out *out, const json_t *answer)
{
	const json_t *peer = json_object_get(answer, "peer");
	const json_t *attempts = json_object_get(answer, "attempts");
	char title[CPNS_ENTITY_ID_MAX + 128];
	json_t *attempt;
	size_t i;

	snprintf(title, sizeof(title), "peer %s (%s)", text_of(peer, "name"),
		 text_of(peer, "id"));
	cpns_out_object_begin(out, NULL, title);
	cpns_out_string(out, "now", text_of(peer, "step_text"));
	cpns_out_number(out, "sessions",
			json_integer_value(json_object_get(peer, "sessions")));
	cpns_out_number(out, "valid_keys",
			json_integer_value(json_object_get(peer, "valid_keys")));
	if (json_object_get(peer, "next_in_s"))
		cpns_out_duration(out, "next_in",
				  json_integer_value(json_object_get(peer, "next_in_s")));
	if (!json_array_size(attempts))
		cpns_out_string(out, "attempts",
				"none since the daemon was started");
	json_array_foreach(attempts, i, attempt)
		show_attempt(out, attempt);
	cpns_out_object_end(out);
}

int cmd_why(struct ctl *ctl, int argc, char **argv)
{
	struct cpns_out *out;
	struct cpns_dev dev;
	json_t *answer;
	int ret;

	if (argc != 2)
		return ctl_usage(argv[0]);
	ret = ctl_device(ctl, &dev);
	if (ret)
		return ret;
	ret = client_require(ctl, dev.ifname,
			     json_pack("{s:s, s:s}", "op", "why", "peer", argv[1]), &answer);
	if (ret)
		return ret;
	out = cpns_out_open(stdout, ctl->form, ctl->colour);
	if (ctl->form == CPNS_OUT_TEXT)
		show_text(out, answer);
	else
		print_json(out, NULL, answer);
	json_decref(answer);
	return cpns_out_close(out) ? CTL_FAIL : CTL_OK;
}
