// SPDX-License-Identifier: GPL-2.0
/* cpnsctl code: one-time codes with which a PNE enrols. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-secret.h>

#include "args.h"
#include "client.h"
#include "print.h"
#include "registrar.h"

/* The code alone on its line, so that a script has it, and how long it is good. */
static int show(struct ctl *ctl, const json_t *answer, const char *field)
{
	const char *code = json_string_value(json_object_get(answer, field));
	const json_t *expires = json_object_get(answer, "expires");
	char age[CPNS_DURATION_TEXT];
	struct cpns_out *out;
	int64_t left;

	if (!code) {
		ctl_error("the answer has no code in it: programs of different releases?");
		return CTL_FAIL;
	}
	if (ctl->form == CPNS_OUT_JSON) {
		out = cpns_out_open(stdout, ctl->form, ctl->colour);
		cpns_out_object_begin(out, NULL, NULL);
		cpns_out_string(out, "code", code);
		print_json(out, "expires", expires);
		cpns_out_object_end(out);
		return cpns_out_close(out) ? CTL_FAIL : CTL_OK;
	}
	puts(code);
	left = json_integer_value(expires) - time(NULL);
	cpns_duration_format(left > 0 ? left : 0, age);
	if (json_is_integer(expires))
		fprintf(stderr, "It enrols one entity within %s: cpnsctl enrol ... --code\n", age);
	return CTL_OK;
}

/* On the Server's host, for any user. */
static int of_registrar(struct ctl *ctl, const char *user, const char *role)
{
	json_t *answer;
	int ret;

	ret = registrar_ask(ctl, json_pack("{s:s, s:s, s:s*}", "op", "code-new", "user", user,
					   "role", role), &answer);
	if (!ret)
		ret = show(ctl, answer, "code");
	json_decref(answer);
	return ret;
}

/* On an enrolled device, for its own user. */
static int of_device(struct ctl *ctl, const char *name, const char *role)
{
	const char *before = ctl->device;
	json_t *request, *answer;
	struct cpns_dev dev;
	int ret;

	if (name)
		ctl->device = name;
	ret = ctl_device(ctl, &dev);
	ctl->device = before;
	if (ret)
		return ret;
	request = json_pack("{s:s, s:s*}", "op", "code-new", "role", role);
	ret = client_require(ctl, dev.ifname, request, &answer);
	if (ret)
		return ret;
	ret = show(ctl, answer, "enrolment_code");
	json_decref(answer);
	return ret;
}

int cmd_code(struct ctl *ctl, int argc, char **argv)
{
	const char *user = NULL, *role = NULL;
	const struct args_option own[] = {
		{ "user", &user, NULL },
		{ "role", &role, NULL },
		{ NULL, NULL, NULL }
	};
	int ret;

	ret = args_parse(ctl, own, &argc, &argv);
	if (ret >= 0)
		return ret;
	cpns_json_wipe_on_free();
	if (argc == 2 && !strcmp(argv[1], "new")) {
		if (user)
			return of_registrar(ctl, user, role);
		ctl_error("name the user with --user; an enrolled device asks with cpnsctl code");
		return CTL_USAGE;
	}
	if (argc > 2 || user)
		return ctl_usage(argv[0]);
	return of_device(ctl, argc > 1 ? argv[1] : NULL, role);
}
