// SPDX-License-Identifier: GPL-2.0
/* cpnsctl user: the CPNS Users that the registrar knows. */
#include <string.h>

#include <json-secret.h>

#include "args.h"
#include "registrar.h"
#include "secret-input.h"

/* The two that take a password. */
static int with_password(struct ctl *ctl, const char *op, const char *user, const char *file,
			 const char *done)
{
	struct secret password;
	json_t *request;

	if (secret_read(&password, "password", file, true))
		return CTL_FAIL;
	request = json_pack("{s:s, s:s, s:s#}", "op", op, "user", user, "password",
			    password.text, password.len);
	secret_wipe(&password);
	if (!request) {
		ctl_error("a User ID and a password must be UTF-8");
		return CTL_FAIL;
	}
	return registrar_do(ctl, request, done, user);
}

int cmd_user(struct ctl *ctl, int argc, char **argv)
{
	static const struct {
		const char *word, *op, *done;
		bool password;
	} all[] = {
		{ "add", "user-add", "user %s added; it can enrol its entities", true },
		{ "passwd", "user-passwd", "user %s has a new password; its entities stay enrolled",
		  true },
		{ "disable", "user-disable", "user %s disabled", false },
		{ "enable", "user-enable", "user %s enabled", false },
		{ "del", "user-del", "user %s deleted", false },
	};
	const char *file = NULL;
	const struct args_option own[] = {
		{ "password-file", &file, NULL },
		{ NULL, NULL, NULL }
	};
	size_t i;
	int ret;

	ret = args_parse(ctl, own, &argc, &argv);
	if (ret >= 0)
		return ret;
	cpns_json_wipe_on_free();
	if (argc == 2 && !strcmp(argv[1], "list") && !file)
		return registrar_show(ctl, json_pack("{s:s}", "op", "user-list"), "users",
				      "there are no users: cpnsctl user add USER");
	for (i = 0; argc == 3 && i < ARRAY_SIZE(all); i++) {
		if (strcmp(argv[1], all[i].word))
			continue;
		if (all[i].password)
			return with_password(ctl, all[i].op, argv[2], file, all[i].done);
		if (!file)
			return registrar_do(ctl, json_pack("{s:s, s:s}", "op", all[i].op, "user",
							   argv[2]), all[i].done, argv[2]);
	}
	return ctl_usage(argv[0]);
}
