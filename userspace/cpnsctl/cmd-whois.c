// SPDX-License-Identifier: GPL-2.0
/* cpnsctl whois: whose address is this. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "print.h"

/* The request for an address, an EID or the name of an entity. */
static json_t *request_for(const char *word)
{
	const char *field = "entity";
	struct in6_addr addr;
	uint64_t eid;

	if (inet_pton(AF_INET, word, &addr) == 1 || inet_pton(AF_INET6, word, &addr) == 1)
		field = "address";
	else if (!cpns_eid_parse(word, &eid))
		field = "eid";
	return json_pack("{s:s, s:s}", "op", "whois", field, word);
}

static int show(struct ctl *ctl, const char *device, json_t *answer)
{
	struct cpns_out *out = cpns_out_open(stdout, ctl->form, ctl->colour);
	const char *key;
	json_t *value;

	if (!out) {
		ctl_error("no memory");
		return CTL_FAIL;
	}
	json_object_del(answer, "v");
	json_object_del(answer, "ok");
	cpns_out_object_begin(out, NULL, NULL);
	cpns_out_string(out, "device", device);
	json_object_foreach(answer, key, value) {
		if (!strcmp(key, "since") && json_is_integer(value))
			print_moment(ctl, out, key, json_integer_value(value));
		else
			print_json(out, key, value);
	}
	cpns_out_object_end(out);
	return cpns_out_close(out) ? CTL_FAIL : CTL_OK;
}

int cmd_whois(struct ctl *ctl, int argc, char **argv)
{
	struct cpns_dev *devs;
	json_t *answer = NULL;
	size_t n, i;
	int ret;

	ret = args_parse(ctl, NULL, &argc, &argv);
	if (ret >= 0)
		return ret;
	if (argc != 2)
		return ctl_usage(argv[0]);
	ret = ctl_devices(ctl, NULL, &devs, &n);
	if (ret)
		return ret;
	if (!n) {
		ctl_error("there is no cpns device in this network namespace");
		ret = CTL_NOT_FOUND;
	}
	/* Each device knows its own domain: only the last one's refusal is told. */
	for (i = 0; i < n; i++) {
		ret = i + 1 < n ?
		      client_ask(ctl, devs[i].ifname, request_for(argv[1]), &answer) :
		      client_require(ctl, devs[i].ifname, request_for(argv[1]), &answer);
		if (json_is_true(json_object_get(answer, "ok"))) {
			ret = show(ctl, devs[i].ifname, answer);
			break;
		}
		json_decref(answer);
		answer = NULL;
	}
	json_decref(answer);
	free(devs);
	return ret;
}
