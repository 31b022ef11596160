// SPDX-License-Identifier: GPL-2.0
/* The requests of the control socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "control-ops.h"
#include "daemon.h"
#include "downgrade.h"
#include "enrol-forward.h"
#include "entity.h"
#include "macros.h"
#include "server.h"
#include "whois.h"

static json_t *refuse(const char *code, const char *error)
{
	return json_pack("{s:i, s:b, s:s, s:s}", "v", CONTROL_VERSION, "ok", 0, "code", code,
			 "error", error);
}

static json_t *accepted(void)
{
	return json_pack("{s:i, s:b}", "v", CONTROL_VERSION, "ok", 1);
}

static void set_eid(json_t *object, const char *name, uint64_t eid)
{
	char text[CPNS_EID_TEXT];

	cpns_eid_format(eid, text);
	json_object_set_new(object, name, json_string(text));
}

static json_t *endpoint_json(const struct cpns_endpoint *endpoint)
{
	char text[CPNS_ENDPOINT_TEXT];

	if (!endpoint->family)
		return json_null();
	cpns_endpoint_format(endpoint, text);
	return json_string(text);
}

static json_t *attempt_json(const struct cpns_hs_attempt *a, const struct cpns_now *now)
{
	char key_id[CPNS_KEY_ID_TEXT];
	bool failed = a->reason != CPNS_HS_OK;
	const char *says = cpns_hint_text(a->hint);
	json_t *o;

	cpns_hex_encode(a->key_id, sizeof(a->key_id), key_id);
	o = json_pack("{s:I, s:I, s:I, s:b, s:s, s:s, s:s, s:s*, s:s*, s:i, s:i, s:s*, s:s, s:I}",
		      "started", (json_int_t)a->started.real,
		      "started_s_ago", (json_int_t)((now->ms - a->started.ms) / 1000),
		      "changed_s_ago", (json_int_t)((now->ms - a->changed.ms) / 1000),
		      "initiator", a->initiator,
		      "why", cpns_hs_why_name(a->why),
		      "step", cpns_hs_step_name(a->step),
		      "step_text", cpns_hs_step_text(a->step),
		      "reason", failed ? cpns_hs_reason_name(a->reason) : NULL,
		      "hint", failed ? cpns_hs_reason_hint(a->reason) : NULL,
		      "inits", (int)a->inits,
		      "cookies", (int)a->cookies,
		      "suite", cpns_suite_name(a->suite),
		      "key_id", key_id,
		      "generation", (json_int_t)a->generation);
	if (!o)
		return NULL;
	if (a->hint) {
		json_object_set_new(o, "peer_hint", json_integer(a->hint));
		if (says)
			json_object_set_new(o, "peer_hint_text", json_string(says));
	}
	json_object_set_new(o, "endpoint", endpoint_json(&a->remote));
	return o;
}

static json_t *peer_json(struct daemon *d, const struct conf_peer *peer,
			 const struct cpns_now *now)
{
	const struct cpns_hs *hs = session_machine(daemon_session(d));
	struct cpns_hs_status status = { 0 };
	const struct cpns_endpoint *list;
	struct cpns_hs_attempt last;
	size_t n, i;
	json_t *o, *addresses = json_array();

	cpns_hs_status_get(hs, peer->party.eid, &status, now);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i}",
		      "name", peer->name,
		      "id", peer->party.id.text,
		      "role", cpns_role_name(peer->party.role),
		      "connect", conf_connect_name(peer->connect),
		      "step", cpns_hs_step_name(status.step),
		      "step_text", cpns_hs_step_text(status.step),
		      "sessions", (int)status.sessions,
		      "keys", (int)status.n_records,
		      "valid_keys", (int)status.n_valid);
	if (!o) {
		json_decref(addresses);
		return NULL;
	}
	set_eid(o, "eid", peer->party.eid);
	if (status.next_ms > now->ms)
		json_object_set_new(o, "next_in_s",
				    json_integer((status.next_ms - now->ms + 999) / 1000));
	if (peer->host[0])
		json_object_set_new(o, "endpoint_name", json_string(peer->host));
	n = session_addresses(daemon_session(d), peer->party.eid, &list);
	for (i = 0; i < n; i++)
		json_array_append_new(addresses, endpoint_json(&list[i]));
	json_object_set_new(o, "endpoint_addresses", addresses);
	if (cpns_hs_attempts(hs, peer->party.eid, &last, 1) == 1)
		json_object_set_new(o, "last_attempt", attempt_json(&last, now));
	return o;
}

static json_t *entity_json(const struct conf *conf)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	json_t *o;

	o = json_pack("{s:s, s:s, s:s, s:s}", "id", conf->own.id.text,
		      "role", cpns_role_name(conf->own.role),
		      "server", conf->server.text, "domain", conf->domain.text);
	if (!o)
		return NULL;
	set_eid(o, "eid", conf->own.eid);
	cpns_overlay_address(conf->prefix, conf->own.eid, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	json_object_set_new(o, "overlay_address", json_string(text));
	return o;
}

/* What the machine has dropped or given up, by its reason. */
static json_t *counters_json(const struct cpns_hs *hs)
{
	json_t *o = json_object();
	char name[64];
	unsigned int i;
	uint64_t n;

	for (i = CPNS_HS_OK + 1; i < CPNS_HS_REASON_COUNT; i++) {
		n = cpns_hs_counter(hs, i);
		if (n)
			json_object_set_new(o, cpns_hs_reason_name(i), json_integer(n));
	}
	for (i = CPNS_WELL_FORMED + 1; i < CPNS_MALFORMED_COUNT; i++) {
		n = cpns_hs_malformed_counter(hs, i);
		if (!n)
			continue;
		snprintf(name, sizeof(name), "malformed_%s", cpns_malformed_name(i));
		json_object_set_new(o, name, json_integer(n));
	}
	return o;
}

static json_t *op_status(struct daemon *d, const json_t *request)
{
	const struct conf *conf = session_conf(daemon_session(d));
	const struct cpns_hs *hs = session_machine(daemon_session(d));
	const struct downgrade *g = daemon_downgrade(d);
	json_t *o = accepted(), *peers = json_array(), *files = json_array();
	const char *const *list;
	struct cpns_now now;
	size_t n, i;

	(void)request;
	daemon_now(d, &now);
	n = daemon_files(d, &list);
	for (i = 0; i < n; i++)
		json_array_append_new(files, json_string(list[i]));
	for (i = 0; i < conf->n_peers; i++)
		json_array_append_new(peers, peer_json(d, conf->peers[i], &now));
	json_object_set_new(o, "version", json_string(CPNS_RELEASE));
	json_object_set_new(o, "pid", json_integer(getpid()));
	json_object_set_new(o, "device", json_string(conf->device));
	json_object_set_new(o, "entity", entity_json(conf));
	json_object_set_new(o, "files", files);
	json_object_set_new(o, "from_files", json_boolean(daemon_from_files(d)));
	json_object_set_new(o, "generation", json_integer(daemon_generation(d)));
	json_object_set_new(o, "time", json_integer(now.real));
	json_object_set_new(o, "half_open", json_integer(cpns_hs_half_open(hs)));
	json_object_set_new(o, "counters", counters_json(hs));
	json_object_set_new(o, "peers", peers);
	if (daemon_entity(d))
		json_object_set_new(o, "server", entity_status(daemon_entity(d), &now));
	if (g->packets)
		json_object_set_new(o, "downgrades",
				    json_pack("{s:I, s:I}", "packets",
					      (json_int_t)g->packets, "last",
					      (json_int_t)g->last));
	if (conf->forward.family)
		json_object_set_new(o, "enrol_forward",
				    enrol_forward_status(daemon_forward(d)));
	if (daemon_server(d))
		json_object_set_new(o, "registrar", server_status(daemon_server(d), &now));
	return o;
}

static const struct conf_peer *wanted_peer(struct daemon *d, const json_t *request,
					   json_t **refusal)
{
	const char *word = json_string_value(json_object_get(request, "peer"));
	const struct conf_peer *peer;

	if (!word) {
		*refusal = refuse("request", "\"peer\" is missing");
		return NULL;
	}
	peer = conf_peer_find(session_conf(daemon_session(d)), word);
	if (!peer)
		*refusal = refuse("no-peer", "no peer has this name, Entity ID or EID");
	return peer;
}

static json_t *op_why(struct daemon *d, const json_t *request)
{
	struct cpns_hs_attempt attempts[CPNS_HS_ATTEMPTS_KEPT];
	const struct conf_peer *peer;
	json_t *o, *list;
	struct cpns_now now;
	int n, i;

	peer = wanted_peer(d, request, &o);
	if (!peer)
		return o;
	daemon_now(d, &now);
	n = cpns_hs_attempts(session_machine(daemon_session(d)), peer->party.eid, attempts,
			     CPNS_HS_ATTEMPTS_KEPT);
	o = accepted();
	list = json_array();
	for (i = 0; i < n; i++)
		json_array_append_new(list, attempt_json(&attempts[i], &now));
	json_object_set_new(o, "peer", peer_json(d, peer, &now));
	json_object_set_new(o, "attempts", list);
	return o;
}

static json_t *op_connect(struct daemon *d, const json_t *request)
{
	const struct conf_peer *peer;
	struct cpns_now now;
	json_t *o;

	peer = wanted_peer(d, request, &o);
	if (!peer)
		return o;
	daemon_now(d, &now);
	session_connect(daemon_session(d), peer->party.eid, &now);
	daemon_arm(d);
	return accepted();
}

static json_t *op_showconf(struct daemon *d, const json_t *request)
{
	json_t *o = accepted();
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	(void)request;
	out = open_memstream(&text, &len);
	if (out) {
		conf_write(session_conf(daemon_session(d)), out);
		fclose(out);
	}
	json_object_set_new(o, "generation", json_integer(daemon_generation(d)));
	json_object_set_new(o, "text", text ? json_stringn(text, len) : NULL);
	free(text);
	return o;
}

static void add_fault(void *arg, const char *fault)
{
	json_array_append_new(arg, json_string(fault));
}

static json_t *outcome(int ret, json_t *faults)
{
	json_t *o;

	if (!ret) {
		json_decref(faults);
		return accepted();
	}
	o = refuse("config", "the configuration was not taken; what runs is as it was");
	json_object_set_new(o, "faults", faults);
	return o;
}

static json_t *op_reload(struct daemon *d, const json_t *request)
{
	json_t *faults = json_array();

	(void)request;
	return outcome(daemon_reload(d, add_fault, faults), faults);
}

/*
 * "text" is the configuration, "name" what the faults call it; with "anew" all
 * sessions end; "generation" refuses where another change came in between.
 */
static json_t *op_apply(struct daemon *d, const json_t *request)
{
	const json_t *text = json_object_get(request, "text");
	const char *name = json_string_value(json_object_get(request, "name"));
	const json_t *generation = json_object_get(request, "generation");
	enum session_apply_mode mode = SESSION_DIFFERENCES;
	json_t *faults;

	if (!json_is_string(text))
		return refuse("request", "\"text\" is missing");
	if (json_is_integer(generation) &&
	    (uint64_t)json_integer_value(generation) != daemon_generation(d))
		return refuse("conflict", "another change came in between; try again");
	if (json_is_true(json_object_get(request, "anew")))
		mode = SESSION_ANEW;
	faults = json_array();
	return outcome(daemon_apply(d, name ? name : "configuration", json_string_value(text),
				    json_string_length(text), mode, add_fault, faults), faults);
}

json_t *control_code(const json_t *answer)
{
	const char *text = json_string_value(json_object_get(answer, "text"));
	const char *code = json_string_value(json_object_get(answer, "error"));
	json_t *o;

	if (!answer)
		return refuse("server-away", "the Server does not answer: try again later");
	if (!json_object_get(answer, "code"))
		return refuse(code ? code : "refused", text ? text : "the Server refuses a code");
	o = accepted();
	json_object_set(o, "enrolment_code", json_object_get(answer, "code"));
	json_object_set(o, "expires", json_object_get(answer, "expires"));
	return o;
}

/* "role" is that of the device which is to enrol. NULL where the answer comes later. */
static json_t *op_code_new(struct daemon *d, const json_t *request, uint64_t client)
{
	const char *role = json_string_value(json_object_get(request, "role"));

	if (!role)
		role = "pne";
	if (cpns_role_parse(role) != CPNS_ROLE_PNE && cpns_role_parse(role) != CPNS_ROLE_PNGW)
		return refuse("request", "\"role\" is pne or pn-gw");
	switch (daemon_code(d, role, client)) {
	case 0:
		return NULL;
	case -EOPNOTSUPP:
		return refuse("request", "this entity is not enrolled: ask at one that is");
	case -EBUSY:
		return refuse("busy", "another code is being asked for: try again");
	default:
		return refuse("server-away", "the Server is away, and only it gives codes");
	}
}

static json_t *op_whois(struct daemon *d, const json_t *request)
{
	json_t *found = NULL, *o;

	switch (whois_find(daemon_session(d), request, &found)) {
	case 0:
		break;
	case -EINVAL:
		return refuse("request",
			      "whois takes \"address\", \"eid\" or \"entity\" of an entity");
	default:
		return refuse("unknown", "no entity that is known here has it");
	}
	o = accepted();
	json_object_update(o, found);
	json_decref(found);
	return o;
}

static const struct {
	const char	*name;
	json_t		*(*answer)(struct daemon *d, const json_t *request);
} ops[] = {
	{ "status", op_status },
	{ "why", op_why },
	{ "connect", op_connect },
	{ "showconf", op_showconf },
	{ "apply", op_apply },
	{ "reload", op_reload },
	{ "whois", op_whois },
};

/* A request of the right form, or NULL and the refusal. */
static json_t *read_request(const char *line, size_t len, const char **op, json_t **refusal)
{
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *version = json_object_get(request, "v");

	*op = json_string_value(json_object_get(request, "op"));
	*refusal = NULL;
	if (!json_is_object(request) || !*op || !json_is_integer(version))
		*refusal = refuse("request", "a request is one line {\"v\":1,\"op\":\"...\"}");
	else if (json_integer_value(version) != CONTROL_VERSION)
		*refusal = refuse("version", "cpnsctl and cpnsd are of different releases");
	if (!*refusal)
		return request;
	json_decref(request);
	return NULL;
}

json_t *control_answer(struct daemon *d, const char *line, size_t len, uint64_t client,
		       bool *later)
{
	json_t *answer, *request;
	const char *op;
	size_t i;

	request = read_request(line, len, &op, &answer);
	if (!request)
		return answer;
	if (!strcmp(op, "code-new")) {
		answer = op_code_new(d, request, client);
		*later = !answer;
	} else {
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			if (!strcmp(ops[i].name, op))
				break;
		answer = i < ARRAY_SIZE(ops) ? ops[i].answer(d, request) :
			 refuse("request", "cpnsctl and cpnsd are of different releases");
	}
	json_decref(request);
	return answer;
}

json_t *control_answer_anybody(struct daemon *d, const char *line, size_t len)
{
	json_t *answer, *request;
	const char *op;

	request = read_request(line, len, &op, &answer);
	if (!request)
		return answer;
	answer = strcmp(op, "whois") ? refuse("request", "only whois is answered here") :
				       op_whois(d, request);
	json_decref(request);
	return answer;
}
