// SPDX-License-Identifier: GPL-2.0
/* cpnsctl status: the daemon, and what it does for each peer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "print.h"

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void show_peer(struct cpns_out *out, const json_t *peer)
{
	const json_t *last = json_object_get(peer, "last_attempt");
	const json_t *next = json_object_get(peer, "next_in_s");
	const char *reason = text_of(last, "reason"), *step = text_of(peer, "step");
	bool up = json_integer_value(json_object_get(peer, "sessions"));
	char title[128];

	snprintf(title, sizeof(title), "peer %s", text_of(peer, "name"));
	cpns_out_object_begin(out, NULL, title);
	cpns_out_string(out, "id", text_of(peer, "id"));
	cpns_out_string(out, "role", text_of(peer, "role"));
	cpns_out_string(out, "connect", text_of(peer, "connect"));
	cpns_out_number(out, "sessions",
			json_integer_value(json_object_get(peer, "sessions")));
	cpns_out_number(out, "valid_keys",
			json_integer_value(json_object_get(peer, "valid_keys")));
	cpns_out_state(out, "handshake", step ? step : "idle",
		       up ? CPNS_MOOD_GOOD : reason ? CPNS_MOOD_BAD : CPNS_MOOD_WARN);
	if (next)
		cpns_out_duration(out, "next_in", json_integer_value(next));
	if (reason) {
		cpns_out_string(out, "last_failure", reason);
		cpns_out_string(out, "hint", text_of(last, "hint"));
	}
	cpns_out_object_end(out);
}

/* LocalEUKeys and EUKeys, and how long they are good. */
static void show_keys(struct ctl *ctl, struct cpns_out *out, const json_t *status)
{
	const json_t *keys = json_object_get(json_object_get(status, "server"), "keys"), *key;
	uint64_t now = (uint64_t)json_integer_value(json_object_get(status, "time"));
	char title[CPNS_ENTITY_ID_MAX + 64];
	uint64_t end;
	size_t i;

	if (!json_array_size(keys))
		return;
	cpns_out_list_begin(out, "keys", NULL);
	json_array_foreach(keys, i, key) {
		snprintf(title, sizeof(title), "%s with %s", text_of(key, "kind"),
			 text_of(key, "with"));
		end = (uint64_t)json_integer_value(json_object_get(key, "not_after"));
		cpns_out_object_begin(out, NULL, title);
		cpns_out_string(out, "key_id", text_of(key, "key_id"));
		cpns_out_number(out, "generation",
				json_integer_value(json_object_get(key, "generation")));
		if (end)
			print_moment(ctl, out, "not_after", (int64_t)end);
		if (end && end <= now)
			cpns_out_state(out, "validity", "over", CPNS_MOOD_BAD);
		else if (end)
			cpns_out_duration(out, "validity", end - now);
		cpns_out_object_end(out);
	}
	cpns_out_list_end(out);
}

static void show_text(struct ctl *ctl, struct cpns_out *out, const json_t *status)
{
	const json_t *entity = json_object_get(status, "entity");
	json_t *peer;
	size_t i;

	cpns_out_object_begin(out, NULL, text_of(status, "device"));
	cpns_out_string(out, "id", text_of(entity, "id"));
	cpns_out_string(out, "role", text_of(entity, "role"));
	cpns_out_string(out, "eid", text_of(entity, "eid"));
	cpns_out_string(out, "domain", text_of(entity, "domain"));
	cpns_out_string(out, "overlay_address", text_of(entity, "overlay_address"));
	cpns_out_string(out, "version", text_of(status, "version"));
	cpns_out_number(out, "pid", json_integer_value(json_object_get(status, "pid")));
	print_server(out, status);
	print_json(out, "registrar", json_object_get(status, "registrar"));
	print_json(out, "files", json_object_get(status, "files"));
	if (!json_is_true(json_object_get(status, "from_files")))
		cpns_out_state(out, "configuration", "changed since the files were read",
			       CPNS_MOOD_WARN);
	show_keys(ctl, out, status);
	json_array_foreach(json_object_get(status, "peers"), i, peer)
		show_peer(out, peer);
	if (json_object_size(json_object_get(status, "counters")))
		print_json(out, "dropped_or_failed", json_object_get(status, "counters"));
	cpns_out_object_end(out);
}

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	struct cpns_out *out;
	struct cpns_dev *devs;
	json_t *status;
	size_t n, i;
	int ret;

	if (argc > 2)
		return ctl_usage(argv[0]);
	ret = ctl_devices(ctl, argc > 1 ? argv[1] : NULL, &devs, &n);
	if (ret)
		return ret;
	if (!n) {
		ctl_error("there is no cpns device in this network namespace");
		ret = CTL_NOT_FOUND;
	}
	for (i = 0; i < n && !ret; i++) {
		ret = client_require(ctl, devs[i].ifname, json_pack("{s:s}", "op", "status"),
				     &status);
		if (ret)
			break;
		out = cpns_out_open(stdout, ctl->form, ctl->colour);
		if (ctl->form == CPNS_OUT_TEXT)
			show_text(ctl, out, status);
		else
			print_json(out, NULL, status);
		ret = cpns_out_close(out) ? CTL_FAIL : CTL_OK;
		json_decref(status);
	}
	free(devs);
	return ret;
}
