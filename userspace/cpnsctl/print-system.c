// SPDX-License-Identifier: GPL-2.0
/* What shows the system around an entity: its Server, what it relays. */
#include <stdio.h>
#include <stdlib.h>

#include "print.h"

static void print_relay(struct cpns_out *out, const struct view *view,
			const struct cpns_relay *relay)
{
	char title[CPNS_ENTITY_ID_MAX + 32], eid[CPNS_EID_TEXT], server[CPNS_EID_TEXT];
	const char *id = names_id(&view->names, relay->eid), *state = "provisional";

	/* A peer whose entry from the time before has not ended yet, or was one. */
	if (!id) {
		id = names_revoked(&view->names, relay->eid);
		state = id ? "revoked" : "stranger";
	}
	cpns_eid_format(relay->eid, eid);
	snprintf(title, sizeof(title), "%s %s", state, id ? id : eid);
	cpns_out_object_begin(out, NULL, title);
	cpns_out_string(out, "state", state);
	cpns_out_string(out, "id", id);
	cpns_out_eid(out, "eid", relay->eid);
	cpns_out_hex32(out, "sid", relay->sid);
	cpns_out_string(out, "server", names_label(&view->names, relay->server_eid, server));
	print_endpoint(out, "endpoint", &relay->path.remote);
	cpns_out_duration(out, "age", relay->age_ms / 1000);
	cpns_out_duration(out, "ends_after", relay->remaining_ms / 1000);
	cpns_out_number(out, "up_packets", relay->up_packets);
	cpns_out_bytes(out, "up", relay->up_bytes);
	cpns_out_number(out, "down_packets", relay->down_packets);
	cpns_out_bytes(out, "down", relay->down_bytes);
	cpns_out_number(out, "dropped", relay->dropped);
	cpns_out_object_end(out);
}

int print_relays(struct ctl *ctl, struct cpns_out *out, const struct view *view)
{
	struct cpns_relay *relays = NULL;
	size_t n = 0, i;
	int ret;

	if (!view->dev.relays && ctl->form == CPNS_OUT_TEXT)
		return CTL_OK;
	if (view->dev.relays) {
		ret = cpns_relay_list(ctl->nl, view->dev.ifindex, &relays, &n);
		if (ret)
			return ctl_refused(ctl, ret, "the relay entries can't be read");
	}
	cpns_out_list_begin(out, "relays", NULL);
	for (i = 0; i < n; i++)
		print_relay(out, view, &relays[i]);
	cpns_out_list_end(out);
	free(relays);
	return CTL_OK;
}

void print_server(struct cpns_out *out, const json_t *daemon)
{
	const json_t *server = json_object_get(daemon, "server");
	uint64_t age = (uint64_t)json_integer_value(json_object_get(server, "since_s_ago"));
	bool away = json_is_true(json_object_get(server, "away"));
	const char *id = json_string_value(json_object_get(server, "id"));

	if (!id)
		return;
	cpns_out_object_begin(out, "server", NULL);
	cpns_out_string(out, "id", id);
	cpns_out_state(out, "state", away ? "away" : "there",
		       away ? CPNS_MOOD_WARN : CPNS_MOOD_GOOD);
	cpns_out_age(out, away ? "away_since" : "there_since", true, age);
	cpns_out_object_end(out);
}
