// SPDX-License-Identifier: GPL-2.0
/* Writes what several subcommands show. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "print.h"

int view_get(struct ctl *ctl, const struct cpns_dev *dev, struct view *view)
{
	int ret;

	memset(view, 0, sizeof(*view));
	view->dev = *dev;
	names_get(ctl, dev, &view->names);
	ret = cpns_peer_list(ctl->nl, dev->ifindex, &view->peers, &view->n_peers);
	if (ret)
		return ctl_refused(ctl, ret, "the peers can't be read");
	ret = cpns_key_list(ctl->nl, dev->ifindex, 0, &view->keys, &view->n_keys);
	if (ret)
		return ctl_refused(ctl, ret, "the keys can't be read");
	return CTL_OK;
}

void view_free(struct view *view)
{
	names_free(&view->names);
	cpns_peer_list_free(view->peers, view->n_peers);
	free(view->keys);
}

const struct cpns_key *view_current(const struct view *view, uint64_t eid)
{
	size_t i;

	for (i = 0; i < view->n_keys; i++)
		if (view->keys[i].eid == eid && view->keys[i].slot == CPNS_SLOT_CURRENT)
			return &view->keys[i];
	return NULL;
}

int print_each(struct ctl *ctl, const char *name,
	       int (*show)(struct ctl *ctl, struct cpns_out *out, const struct view *view,
			   void *arg),
	       void *arg)
{
	struct cpns_dev *devs;
	struct cpns_out *out;
	struct view view;
	size_t n, i;
	int ret, err;

	ret = ctl_devices(ctl, name, &devs, &n);
	if (ret)
		return ret;
	if (!n && ctl->form == CPNS_OUT_TEXT)
		ctl_error("there is no cpns device in this network namespace");
	out = cpns_out_open(stdout, ctl->form, ctl->colour);
	if (!out) {
		free(devs);
		ctl_error("no memory");
		return CTL_FAIL;
	}
	if (ctl->form == CPNS_OUT_JSON) {
		cpns_out_object_begin(out, NULL, NULL);
		cpns_out_list_begin(out, "devices", NULL);
	}
	for (i = 0; i < n && !ret; i++) {
		ret = view_get(ctl, &devs[i], &view);
		if (!ret)
			ret = show(ctl, out, &view, arg);
		view_free(&view);
	}
	if (ctl->form == CPNS_OUT_JSON) {
		cpns_out_list_end(out);
		cpns_out_object_end(out);
	}
	err = cpns_out_close(out);
	free(devs);
	if (err && !ret) {
		ctl_error("the output can't be written: %s", strerror(-err));
		ret = CTL_FAIL;
	}
	return ret;
}

const char *print_state(const struct view *view, const struct cpns_peer *peer,
			enum cpns_out_mood *mood)
{
	const json_t *known = names_peer(&view->names, peer->eid);
	const char *step = json_string_value(json_object_get(known, "step"));

	/* Whatever sessions there are: what is sent goes unprotected. */
	*mood = CPNS_MOOD_WARN;
	if (peer->pan_ifindex)
		return "secure-pan";
	*mood = CPNS_MOOD_GOOD;
	if (peer->up)
		return "up";
	/* Set up, and nothing has been received on it yet. */
	if (view_current(view, peer->eid))
		return "ready";
	*mood = CPNS_MOOD_WARN;
	if (step && (!strcmp(step, cpns_hs_step_name(CPNS_STEP_INIT_SENT)) ||
		     !strcmp(step, cpns_hs_step_name(CPNS_STEP_COOKIE)) ||
		     !strcmp(step, cpns_hs_step_name(CPNS_STEP_RESP_SENT)) ||
		     !strcmp(step, cpns_hs_step_name(CPNS_STEP_CONFIRM_SENT))))
		return "connecting";
	*mood = CPNS_MOOD_BAD;
	return "down";
}

static uint64_t sum(const struct cpns_stats *stats, unsigned int first, unsigned int last)
{
	uint64_t total = 0;

	while (first <= last)
		total += stats->value[first++];
	return total;
}

uint64_t print_rx_drops(const struct cpns_stats *stats)
{
	return sum(stats, CPNS_A_STATS_RX_MALFORMED, CPNS_A_STATS_RX_CONTROL_DROPPED) +
	       sum(stats, CPNS_A_STATS_RX_PAN_INTERFACE, CPNS_A_STATS_RX_PAN_FRAGMENT) +
	       sum(stats, CPNS_A_STATS_RELAY_HOP_LIMIT, CPNS_A_STATS_RELAY_NO_MEMORY);
}

uint64_t print_tx_drops(const struct cpns_stats *stats)
{
	return sum(stats, CPNS_A_STATS_TX_MALFORMED, CPNS_A_STATS_TX_CRYPTO);
}

void print_stats(struct ctl *ctl, struct cpns_out *out, const char *name,
		 const struct cpns_stats *stats)
{
	bool all = ctl->verbose || ctl->form != CPNS_OUT_TEXT;
	unsigned int i;

	cpns_out_object_begin(out, name, NULL);
	for (i = 1; i <= CPNS_A_STATS_MAX; i++) {
		if (!cpns_stats_name(i) || (!stats->value[i] && !all))
			continue;
		if (i == CPNS_A_STATS_RX_BYTES || i == CPNS_A_STATS_TX_BYTES ||
		    i == CPNS_A_STATS_RELAY_BYTES)
			cpns_out_bytes(out, cpns_stats_name(i), stats->value[i]);
		else
			cpns_out_number(out, cpns_stats_name(i), stats->value[i]);
	}
	cpns_out_object_end(out);
}

void print_endpoint(struct cpns_out *out, const char *name, const struct cpns_endpoint *endpoint)
{
	char text[CPNS_ENDPOINT_TEXT];

	cpns_endpoint_format(endpoint, text);
	cpns_out_string(out, name, endpoint->family ? text : NULL);
}

void print_prefixes(struct ctl *ctl, struct cpns_out *out, const char *name,
		    const struct cpns_prefix_list *list)
{
	char text[CPNS_PREFIX_TEXT];
	size_t i;

	if (!list->n && ctl->form == CPNS_OUT_TEXT)
		return;
	cpns_out_list_begin(out, name, NULL);
	for (i = 0; i < list->n; i++) {
		cpns_prefix_format(&list->prefix[i], text);
		cpns_out_string(out, NULL, text);
	}
	cpns_out_list_end(out);
}

void print_moment(struct ctl *ctl, struct cpns_out *out, const char *name, int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm tm;
	char text[64];

	if (ctl->form == CPNS_OUT_TEXT && gmtime_r(&when, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		cpns_out_string(out, name, text);
	else
		cpns_out_number(out, name, (uint64_t)seconds);
}

void print_json(struct cpns_out *out, const char *name, const json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
		cpns_out_object_begin(out, name, NULL);
		json_object_foreach((json_t *)value, key, item)
			print_json(out, key, item);
		cpns_out_object_end(out);
		break;
	case JSON_ARRAY:
		cpns_out_list_begin(out, name, NULL);
		json_array_foreach(value, i, item)
			print_json(out, NULL, item);
		cpns_out_list_end(out);
		break;
	case JSON_STRING:
		cpns_out_string(out, name, json_string_value(value));
		break;
	case JSON_INTEGER:
		cpns_out_number(out, name, json_integer_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		cpns_out_bool(out, name, json_is_true(value));
		break;
	case JSON_REAL:
	case JSON_NULL:
		cpns_out_string(out, name, NULL);
		break;
	}
}
