// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a file of test vectors against libcpns and the replay window:
 *
 *	cpns-vectors [--strict-reasons] FILE
 *
 * Every expected field is compared. Names of reasons are the file's own: one
 * that libcpns does not have is taken, but not one that is off by a letter; with
 * --strict-reasons they must be those that libcpns gives.
 */
#include "vectors.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec.h"
#include "identity.h"
#include "text.h"
#include "util.h"

bool strict_reasons;

static const char *current_section, *current_name;
static bool current_wrong;
static unsigned int passed, failed;

void begin_case(const char *section, const char *name)
{
	current_section = section;
	current_name = name ? name : "?";
	current_wrong = !name;
}

void tell_wrong(const char *format, ...)
{
	va_list args;

	current_wrong = true;
	printf("# %s: %s: ", current_section, current_name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

bool is_wrong(void)
{
	return current_wrong;
}

void end_case(void)
{
	if (current_wrong) {
		failed++;
		printf("not ok - %s: %s\n", current_section, current_name);
	} else {
		passed++;
	}
}

/* ---- members ---- */

const char *get_string(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v))
		return json_string_value(v);
	tell_wrong("%s is missing, or no string", key);
	return "";
}

uint64_t get_number(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	if (json_is_integer(v) && json_integer_value(v) >= 0)
		return (uint64_t)json_integer_value(v);
	tell_wrong("%s is missing, or no number", key);
	return 0;
}

bool get_bool(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_boolean(v))
		tell_wrong("%s is missing, or neither true nor false", key);
	return json_is_true(v);
}

const json_t *get_list(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_array(v))
		tell_wrong("%s is missing, or no list", key);
	return v;
}

const json_t *get_object(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_object(v))
		tell_wrong("%s is missing, or no object", key);
	return v;
}

/* Lower-case hex only: so the file's bytes have one form. */
static bool lower_hex(const char *text)
{
	return strspn(text, "0123456789abcdef") == strlen(text);
}

void bytes_from(const json_t *string, const char *key, struct bytes *bytes)
{
	const char *text = json_string_value(string);

	bytes->len = 0;
	if (!text || !lower_hex(text) || strlen(text) / 2 > BYTES_MAX ||
	    cpns_hex_decode(text, strlen(text), bytes->data, strlen(text) / 2)) {
		tell_wrong("%s is no string of lower-case hex digits", key);
		return;
	}
	bytes->len = strlen(text) / 2;
}

void get_bytes(const json_t *object, const char *key, struct bytes *bytes)
{
	bytes_from(json_object_get(object, key), key, bytes);
}

uint64_t get_hex(const json_t *object, const char *key, size_t len)
{
	struct bytes b;
	uint64_t v = 0;
	size_t i;

	get_bytes(object, key, &b);
	if (b.len != len)
		tell_wrong("%s has not %zu bytes", key, len);
	for (i = 0; i < b.len && i < sizeof(v); i++)
		v = v << 8 | b.data[i];
	return v;
}

/* ---- comparing ---- */

void expect_bytes(const json_t *object, const char *key, const void *data, size_t len)
{
	char text[2 * BYTES_MAX + 1];
	struct bytes b;

	get_bytes(object, key, &b);
	if (b.len == len && !memcmp(b.data, data, len))
		return;
	cpns_hex_encode(data, len < BYTES_MAX ? len : BYTES_MAX, text);
	tell_wrong("%s: computed %s", key, text);
}

void expect_hex(const json_t *object, const char *key, uint64_t value, size_t len)
{
	uint64_t wanted = get_hex(object, key, len);

	if (wanted != value)
		tell_wrong("%s: computed %0*llx", key, (int)(2 * len), (unsigned long long)value);
}

void expect_string(const json_t *object, const char *key, const char *value)
{
	if (!value || strcmp(get_string(object, key), value))
		tell_wrong("%s: computed '%s'", key, value ? value : "nothing");
}

void expect_number(const json_t *object, const char *key, uint64_t value)
{
	if (get_number(object, key) != value)
		tell_wrong("%s: computed %llu", key, (unsigned long long)value);
}

void expect_bool(const json_t *object, const char *key, bool value)
{
	if (get_bool(object, key) != value)
		tell_wrong("%s: computed %s", key, value ? "true" : "false");
}

/* Same length, and one byte differs. */
static bool off_by_one(const char *a, const char *b)
{
	unsigned int differ = 0;

	for (; *a && *b; a++, b++)
		differ += *a != *b;
	return !*a && !*b && differ == 1;
}

void expect_reason(const json_t *object, const char *const *known, const char *reason)
{
	const char *wanted = get_string(object, "reason");
	size_t i;

	if (strict_reasons) {
		if (!reason || strcmp(wanted, reason))
			tell_wrong("reason: computed %s", reason ? reason : "none");
		return;
	}
	for (i = 0; known[i]; i++)
		if (!strcmp(known[i], wanted))
			return;
	for (i = 0; known[i]; i++)
		if (off_by_one(known[i], wanted))
			tell_wrong("reason: this is not %s", known[i]);
}

/* X and X_utf8 are the same text. */
void expect_utf8(const json_t *object, const char *key)
{
	const char *text = get_string(object, key);
	char key_utf8[64];

	snprintf(key_utf8, sizeof(key_utf8), "%s_utf8", key);
	expect_bytes(object, key_utf8, text, strlen(text));
}

/* ---- entities and XL ---- */

static void address_text(const json_t *object, const char *key, const struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN], key_text[64];

	expect_bytes(object, key, addr->s6_addr, sizeof(addr->s6_addr));
	snprintf(key_text, sizeof(key_text), "%s_text", key);
	inet_ntop(AF_INET6, addr, text, sizeof(text));
	expect_string(object, key_text, text);
}

static void run_entity(const json_t *e)
{
	const char *id = get_string(e, "entity_id"), *server = get_string(e, "server_entity_id");
	struct cpns_name name, server_name, domain;
	uint8_t prefix[CPNS_OVERLAY_PREFIX_LEN];
	const char *why = "";
	struct in6_addr addr;
	uint64_t eid;

	expect_utf8(e, "entity_id");
	if (cpns_entity_id_set(&name, id, strlen(id), &why) ||
	    cpns_entity_id_set(&server_name, server, strlen(server), &why) ||
	    cpns_eid_from_name(&name, &eid) || cpns_domain_from_server(&domain, &server_name) ||
	    cpns_overlay_prefix(&domain, prefix)) {
		tell_wrong("refused: %s", why);
		return;
	}
	expect_hex(e, "eid", eid, CPNS_EID_LEN);
	expect_string(e, "domain", domain.text);
	expect_bytes(e, "overlay_prefix", prefix, sizeof(prefix));
	cpns_overlay_address(prefix, eid, &addr);
	address_text(e, "overlay_address", &addr);
	cpns_link_local_address(eid, &addr);
	address_text(e, "link_local", &addr);
}

static void run_entities(const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		begin_case("entities", json_string_value(json_object_get(e, "entity_id")));
		run_entity(e);
		end_case();
	}
}

static void run_invalid_ids(const json_t *list)
{
	struct cpns_name name;
	struct bytes b;
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		begin_case("invalid_entity_ids", json_string_value(json_object_get(e, "reason")));
		get_bytes(e, "hex", &b);
		if (!cpns_entity_id_set(&name, b.data, b.len, NULL))
			tell_wrong("accepted");
		end_case();
	}
}

static void run_xl(const json_t *list)
{
	uint8_t info[600], out[BYTES_MAX];
	struct bytes secret, context;
	const json_t *e;
	uint64_t len;
	size_t i;
	int n;

	json_array_foreach(list, i, e) {
		const char *label = json_string_value(json_object_get(e, "label"));

		begin_case("xl", label);
		get_bytes(e, "secret", &secret);
		get_bytes(e, "context", &context);
		len = get_number(e, "L");
		n = cpns_xl_info(label ? label : "", context.data, context.len, len, info,
				 sizeof(info));
		if (n < 0 || len > sizeof(out) ||
		    cpns_xl(secret.data, secret.len, label ? label : "", context.data,
			    context.len, out, len)) {
			tell_wrong("refused");
		} else {
			expect_bytes(e, "info", info, (size_t)n);
			expect_bytes(e, "out", out, len);
		}
		end_case();
	}
}

/* ---- the file ---- */

static const struct {
	const char *key;
	void (*run)(const json_t *list);
} sections[] = {
	{ "entities", run_entities },
	{ "invalid_entity_ids", run_invalid_ids },
	{ "xl", run_xl },
	{ "handshakes", run_handshakes },	/* the ones below use them */
	{ "hints", run_hints },
	{ "unprotected", run_unprotected },
	{ "data", run_data },
	{ "windows", run_windows },
	{ "malformed", run_malformed },
	{ "handshake_rejects", run_rejects },
	{ "data_rejects", run_data_rejects },
};

static bool section_known(const char *key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sections); i++)
		if (!strcmp(key, sections[i].key))
			return true;
	return false;
}

static void run_file(const json_t *root)
{
	const char *key;
	const json_t *v;
	size_t i;

	begin_case("file", "form");
	expect_string(root, "format", "CPNS-SS1 vectors 1");
	json_object_foreach((json_t *)root, key, v) {
		if (json_is_array(v) && !section_known(key))
			tell_wrong("section %s is not known to this runner", key);
	}
	if (!json_array_size(get_list(root, "handshakes")))
		tell_wrong("there are no handshakes");
	end_case();
	for (i = 0; i < ARRAY_SIZE(sections); i++) {
		unsigned int before = passed + failed, wrong = failed;

		sections[i].run(json_object_get(root, sections[i].key));
		printf("# %-20s %u cases, %u failed\n", sections[i].key,
		       passed + failed - before, failed - wrong);
	}
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[argc - 1] : NULL;
	json_error_t error;
	json_t *root;

	strict_reasons = argc == 3 && !strcmp(argv[1], "--strict-reasons");
	if (argc != 2 + strict_reasons || !path || path[0] == '-') {
		fprintf(stderr, "usage: %s [--strict-reasons] FILE\n", argv[0]);
		return 2;
	}
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		printf("# %s:%d: %s\n", path, error.line, error.text);
		failed++;
	} else {
		run_file(root);
		json_decref(root);
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed ? 1 : 0;
}
