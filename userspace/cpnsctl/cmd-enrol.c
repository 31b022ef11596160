// SPDX-License-Identifier: GPL-2.0
/*
 * cpnsctl enrol: gets an entity its EUKey from the registrar.
 *
 * What could fail on this side is tried before the registrar is asked for the
 * key: the old state is read and room for the new one is taken. The key is on
 * the disk before anything is said of it.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-secret.h>
#include <text.h>

#include "args.h"
#include "client.h"
#include "enrol-files.h"
#include "enrol-state.h"
#include "https.h"
#include "print.h"
#include "secret-input.h"

/**
 * struct enrol - an enrolment
 * @place: the registrar
 * @name: name of this device for people
 * @password_file: where the password or code is, or NULL
 * @code: enrol with a one-time code instead of user and password
 * @force: replace the enrolment of another entity
 * @via: given with --via
 * @who: entity and user
 * @files: where the result goes
 * @state: what is there, or an empty one
 * @server: named by the registrar
 */
struct enrol {
	struct https_place	place;
	const char		*name;
	const char		*password_file;
	bool			code;
	bool			force;
	struct enrol_who	who;
	struct enrol_files	files;
	struct cpns_state	*state;
	struct cpns_party	server;
};

static int set_who(struct enrol *e, const char *id, const char *role, const char *user)
{
	unsigned int number = cpns_role_parse(role);
	const char *why;

	if (number != CPNS_ROLE_PNGW && number != CPNS_ROLE_PNE) {
		ctl_error("--role is pn-gw or pne");
		return CTL_USAGE;
	}
	if (cpns_party_set(&e->who.own, id, strlen(id), number, &why)) {
		ctl_error("--entity %s is no Entity ID: %s", id, why);
		return CTL_USAGE;
	}
	if (user && (cpns_user_id_set(&e->who.user, user, strlen(user), &why) || !*user)) {
		ctl_error("--user %s is no User ID: %s", user, *user ? why : "it is empty");
		return CTL_USAGE;
	}
	return CTL_OK;
}

static int set_device(struct enrol *e, const char *device, const char *state, const char *conf)
{
	if (!*device || strlen(device) >= IFNAMSIZ || strpbrk(device, "/ \t\n:")) {
		ctl_error("%s can't be the name of a net device: take cpns0", device);
		return CTL_USAGE;
	}
	if (enrol_files_choose(&e->files, device, state, conf)) {
		ctl_error("the name of a file is too long");
		return CTL_USAGE;
	}
	return CTL_OK;
}

/* What is there already; a file that can't be used is in the way. */
static int load_state(struct enrol *e)
{
	char error[CPNS_ERROR_TEXT];
	int ret;

	ret = cpns_state_load(e->files.state, &e->state, error);
	if (ret && ret != -ENOENT && !(ret == -EINVAL && e->force)) {
		ctl_error("%s", error);
		return ret == -EACCES || ret == -EPERM ? CTL_PERMISSION : CTL_FAIL;
	}
	if (!e->state)
		e->state = cpns_state_new();
	if (e->state)
		return CTL_OK;
	ctl_error("no memory");
	return CTL_FAIL;
}

/* An enrolment that is replaced is put aside: its keys may still be wanted. */
static int put_aside(const struct enrol *e)
{
	char old[PATH_MAX + 8];

	snprintf(old, sizeof(old), "%s.old", e->files.state);
	if (!rename(e->files.state, old)) {
		fprintf(stderr, "The former enrolment is in %s\n", old);
		return CTL_OK;
	}
	if (errno == ENOENT)
		return CTL_OK;
	ctl_error("%s can't be put aside: %s", e->files.state, strerror(errno));
	return CTL_FAIL;
}

/* Says what the registrar has refused. */
static int tell_refusal(const struct https_answer *answer)
{
	const char *text = json_string_value(json_object_get(answer->body, "text"));
	char wait[CPNS_DURATION_TEXT];

	switch (answer->status) {
	case 401:
		ctl_error("refused: %s", text ? text :
			  "the user, the password or the code is wrong, or the user is disabled");
		return CTL_REFUSED;
	case 429:
		cpns_duration_format(answer->retry_after > 0 ? answer->retry_after : 60, wait);
		ctl_error("the registrar asks to wait: try again in %s", wait);
		return CTL_LATER;
	case 400:
	case 409:
		ctl_error("refused: %s", text ? text : "the registrar does not say why");
		return CTL_REFUSED;
	default:
		if (text)
			ctl_error("the registrar answers %ld: %s", answer->status, text);
		else
			ctl_error("it answers %ld, as no registrar does: is --server right?",
				  answer->status);
		return CTL_FAIL;
	}
}

/* Before any secret is asked for: is it a registrar, and may it issue this key. */
static int ask_server(struct enrol *e, struct https *https)
{
	char error[CPNS_ERROR_TEXT];
	struct https_answer answer;
	const char *why;
	int ret;

	ret = https_ask(https, "/v1/server", NULL, &answer);
	if (ret)
		return ret;
	if (answer.status != 200) {
		ret = tell_refusal(&answer);
	} else if (enrol_server(answer.body, &e->server, error)) {
		ctl_error("it does not answer as a registrar does (%s): is --server right?", error);
		ret = CTL_FAIL;
	} else if (enrol_domain_check(&e->who, &e->server, error)) {
		ctl_error("%s", error);
		ret = CTL_USAGE;
	} else if (e->state->own.eid &&
		   !enrol_may_replace(e->state, &e->who, &e->server, &why) && !e->force) {
		ctl_error("%s holds an enrolment %s, %s",
			  e->files.state, why, e->state->own.id.text);
		ctl_error("choose another device, or give that one up with --force");
		ret = CTL_REFUSED;
	}
	json_decref(answer.body);
	return ret;
}

static int make_request(struct enrol *e, json_t **request)
{
	const char *what = e->code ? "one-time code" : "password";
	struct secret secret;

	if (secret_read(&secret, what, e->password_file, false))
		return CTL_FAIL;
	*request = json_pack("{s:s, s:s, s:s}", "entity", e->who.own.id.text, "role",
			     cpns_role_name(e->who.own.role), "device", e->name);
	if (e->code)
		json_object_set_new(*request, "code", json_stringn(secret.text, secret.len));
	else
		json_object_set_new(*request, "user", json_string(e->who.user.text));
	if (!e->code)
		json_object_set_new(*request, "password", json_stringn(secret.text, secret.len));
	secret_wipe(&secret);
	if (json_object_size(*request) == (e->code ? 4 : 5))
		return CTL_OK;
	json_decref(*request);
	*request = NULL;
	ctl_error("the %s and --name must be UTF-8", what);
	return CTL_FAIL;
}

/*
 * The key that came goes into the state. A daemon may have changed the file
 * meanwhile: what is in it now counts.
 */
static int keep(struct enrol *e, const json_t *body, struct cpns_key_record *key)
{
	const struct cpns_key_record *new;
	char error[CPNS_ERROR_TEXT];
	const char *why;
	int ret;

	cpns_state_free(e->state);
	e->state = NULL;
	ret = load_state(e);
	if (ret)
		return ret;
	if (e->state->own.eid && !enrol_may_replace(e->state, &e->who, &e->server, &why)) {
		ret = put_aside(e);
		cpns_state_free(e->state);
		e->state = cpns_state_new();
	} else if (!e->state->own.eid) {
		ret = put_aside(e);
	}
	if (ret || !e->state)
		return ret ? ret : CTL_FAIL;
	ret = enrol_take(body, &e->who, &e->server, e->state, &new, error);
	if (ret) {
		ctl_error("%s", error);
		return CTL_FAIL;
	}
	*key = *new;
	enrol_room_free(&e->files);
	ret = cpns_state_save(e->files.state, e->state, (uint64_t)time(NULL), error);
	if (!ret)
		return CTL_OK;
	ctl_error("%s", error);
	ctl_error("the new key is lost, former ones stay good: mend this and enrol again%s",
		  e->code ? " with another code" : "");
	return CTL_FAIL;
}

static int ask_key(struct enrol *e, struct https *https, struct cpns_key_record *key)
{
	struct https_answer answer;
	json_t *request;
	int ret;

	ret = make_request(e, &request);
	if (ret)
		return ret;
	ret = https_ask(https, "/v1/enrol", request, &answer);
	json_decref(request);
	if (ret)
		return ret;
	if (answer.status == 200 && answer.body) {
		ret = keep(e, answer.body, key);
	} else if (answer.status == 200) {
		ctl_error("what the registrar answers is not JSON; nothing was changed, try again");
		ret = CTL_FAIL;
	} else {
		ret = tell_refusal(&answer);
	}
	json_decref(answer.body);
	return ret;
}

static int run(struct enrol *e, struct cpns_key_record *key)
{
	char error[CPNS_ERROR_TEXT];
	struct https *https;
	int ret;

	ret = load_state(e);
	if (!ret)
		ret = https_open(&https, &e->place);
	if (ret)
		return ret;
	ret = enrol_room_make(&e->files, error);
	if (ret) {
		ctl_error("%s", error);
		ret = ret == -EACCES || ret == -EPERM ? CTL_PERMISSION : CTL_FAIL;
	}
	if (!ret)
		ret = ask_server(e, https);
	if (!ret)
		ret = ask_key(e, https, key);
	enrol_room_free(&e->files);
	https_close(https);
	return ret;
}

/**
 * enum daemon_has - what the daemon of the device knows of the new key
 * @NO_DAEMON: none runs
 * @HAS_NOT: one runs with what was before
 * @HAS: it has taken the key in
 */
enum daemon_has { NO_DAEMON, HAS_NOT, HAS };

/* A daemon that runs is told; whether it has the key then, its status says. */
static enum daemon_has tell_daemon(struct ctl *ctl, const struct enrol *e, const char *key_id)
{
	enum daemon_has has = HAS_NOT;
	json_t *answer, *key;
	const char *id;
	size_t i;

	if (client_ask(ctl, e->files.device, json_pack("{s:s}", "op", "reload"), &answer))
		return NO_DAEMON;
	json_decref(answer);
	if (client_ask(ctl, e->files.device, json_pack("{s:s}", "op", "status"), &answer))
		return HAS_NOT;
	json_array_foreach(json_object_get(json_object_get(answer, "server"), "keys"), i, key) {
		id = json_string_value(json_object_get(key, "key_id"));
		if (id && !strcmp(id, key_id))
			has = HAS;
	}
	json_decref(answer);
	return has;
}

static void say_next(const struct enrol *e, enum enrol_conf conf, enum daemon_has has)
{
	if (conf == ENROL_CONF_LACKS_STATE)
		printf("Put into [entity] of %s, in place of id, role and server:\n"
		       "  device = %s\n  state = %s\n",
		       e->files.conf, e->files.device, e->files.state);
	if (conf == ENROL_CONF_LACKS_STATE && e->place.via)
		printf("  via = %s\n", e->place.via);
	if (has == HAS)
		puts("The daemon has taken it in: cpnsctl status");
	else if (e->files.unit[0])
		printf("Then: systemctl %s %s\n", has == NO_DAEMON ? "enable --now" : "restart",
		       e->files.unit);
	else
		printf("Then: cpnsd -f -c %s%s\n", e->files.conf,
		       has == NO_DAEMON ? "" : ", in place of the one that runs");
}

static int say(struct ctl *ctl, const struct enrol *e, const struct cpns_key_record *key,
	       enum enrol_conf conf)
{
	struct cpns_out *out = cpns_out_open(stdout, ctl->form, ctl->colour);
	char key_id[CPNS_KEY_ID_TEXT];
	enum daemon_has has;
	size_t i;

	if (!out)
		return CTL_FAIL;
	cpns_hex_encode(key->key_id, sizeof(key->key_id), key_id);
	has = tell_daemon(ctl, e, key_id);
	cpns_out_object_begin(out, NULL, "enrolled");
	cpns_out_string(out, "entity", e->state->own.id.text);
	cpns_out_string(out, "role", cpns_role_name(e->state->own.role));
	cpns_out_string(out, "user", e->state->user.text);
	cpns_out_string(out, "server", e->state->server.id.text);
	cpns_out_list_begin(out, "endpoints", NULL);
	for (i = 0; i < e->state->n_endpoints; i++)
		cpns_out_string(out, NULL, e->state->endpoints[i]);
	cpns_out_list_end(out);
	cpns_out_string(out, "key_id", key_id);
	cpns_out_number(out, "generation", key->generation);
	if (key->not_after)
		print_moment(ctl, out, "not_after", (int64_t)key->not_after);
	cpns_out_string(out, "state", e->files.state);
	cpns_out_string(out, "configuration", e->files.conf);
	cpns_out_bool(out, "configuration_ready", conf != ENROL_CONF_LACKS_STATE);
	cpns_out_bool(out, "daemon_has_key", has == HAS);
	cpns_out_object_end(out);
	if (cpns_out_close(out))
		return CTL_FAIL;
	if (ctl->form == CPNS_OUT_TEXT)
		say_next(e, conf, has);
	return CTL_OK;
}

static int finish(struct ctl *ctl, struct enrol *e, const struct cpns_key_record *key)
{
	char error[CPNS_ERROR_TEXT];
	enum enrol_conf conf;
	int ret, err;

	err = enrol_conf_check(&e->files, &conf, error);
	if (!err && conf == ENROL_CONF_WRITTEN)
		err = enrol_conf_write(&e->files, e->who.own.role, e->place.via, error);
	if (err) {
		/* The key is safe; only its use is not prepared. */
		ctl_error("%s", error);
		conf = ENROL_CONF_LACKS_STATE;
	}
	ret = say(ctl, e, key, conf);
	return err ? CTL_FAIL : ret;
}

int cmd_enrol(struct ctl *ctl, int argc, char **argv)
{
	const char *id = NULL, *role = NULL, *user = NULL, *state = NULL, *conf = NULL;
	struct cpns_key_record key = { 0 };
	struct enrol e = { 0 };
	const struct args_option own[] = {
		{ "server", &e.place.url, NULL },
		{ "pin", &e.place.pin, NULL },
		{ "cacert", &e.place.cacert, NULL },
		{ "via", &e.place.via, NULL },
		{ "entity", &id, NULL },
		{ "role", &role, NULL },
		{ "user", &user, NULL },
		{ "code", NULL, &e.code },
		{ "password-file", &e.password_file, NULL },
		{ "name", &e.name, NULL },
		{ "state", &state, NULL },
		{ "conf", &conf, NULL },
		{ "force", NULL, &e.force },
		{ NULL, NULL, NULL }
	};
	char host[65] = "";
	int ret;

	ret = args_parse(ctl, own, &argc, &argv);
	if (ret >= 0)
		return ret;
	if (argc != 2 || !e.place.url || !id || !role)
		return ctl_usage(argv[0]);
	if (!user == !e.code) {
		ctl_error("name the user with --user, or enrol with a one-time code: --code");
		return CTL_USAGE;
	}
	gethostname(host, sizeof(host) - 1);
	if (!e.name)
		e.name = host;
	cpns_json_wipe_on_free();
	ret = set_who(&e, id, role, user);
	if (!ret)
		ret = set_device(&e, argv[1], state, conf);
	if (!ret)
		ret = run(&e, &key);
	if (!ret)
		ret = finish(ctl, &e, &key);
	cpns_state_free(e.state);
	cpns_record_wipe(&key);
	return ret;
}
