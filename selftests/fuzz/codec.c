// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: everything of libcpns that reads what a stranger wrote. The
 * first byte of the input chooses the decoder.
 *
 * Built as a libFuzzer target, or with codec-driver.c where there is none. The
 * decoders must not crash, and what they accept must survive being written
 * and read again.
 */
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "data.h"
#include "fuzz-target.h"
#include "genl.h"
#include "record.h"
#include "text.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* A message that is well-formed is built again to the same bytes. */
static void message(const uint8_t *data, size_t size)
{
	uint8_t built[CPNS_DATAGRAM_MAX];
	struct cpns_msg msg;
	ssize_t n;

	if (cpns_msg_parse(data, size, &msg) != CPNS_WELL_FORMED || msg.h.type == CPNS_MSG_DATA)
		return;
	n = cpns_msg_build(&msg, built, sizeof(built));
	must(n == (ssize_t)size && !memcmp(built, data, size));
	if (msg.h.type == CPNS_MSG_INIT)
		must(msg.init.core_len == cpns_msg_core_len(&msg));
}

static void packet(const uint8_t *data, size_t size)
{
	static const struct cpns_traffic keys;
	static const uint16_t suites[] = { 1, 2, 3 };
	uint8_t payload[4096];
	size_t i;

	if (size > sizeof(payload))
		return;
	for (i = 0; i < 3; i++)
		cpns_data_open(suites[i], &keys, data, size, payload);
	cpns_inner_check(data, size, NULL, NULL);
}

/* Text ended by a NUL, of a length that a line may have. */
static void text(const uint8_t *data, size_t size)
{
	char line[512], back[CPNS_ENDPOINT_TEXT], error[CPNS_ERROR_TEXT];
	struct cpns_endpoint ep, ep2;
	struct cpns_prefix p, p2;
	struct cpns_key_record record = { 0 };
	struct cpns_name name;
	uint8_t key[CPNS_KEY_LEN];
	uint64_t number;

	if (size >= sizeof(line))
		size = sizeof(line) - 1;
	memcpy(line, data, size);
	line[size] = '\0';
	if (!cpns_endpoint_parse(line, &ep)) {
		cpns_endpoint_format(&ep, back);
		must(!cpns_endpoint_parse(back, &ep2) && cpns_endpoint_equal(&ep, &ep2));
	}
	if (!cpns_prefix_parse(line, &p)) {
		cpns_prefix_format(&p, back);
		must(!cpns_prefix_parse(back, &p2) && !memcmp(&p, &p2, sizeof(p)));
	}
	cpns_u64_parse(line, 0, UINT64_MAX, &number);
	cpns_eid_parse(line, &number);
	cpns_key_parse(line, size, key);
	if (!cpns_entity_id_set(&name, data, size, NULL))
		must(name.len == size && !memcmp(name.text, data, size));
	cpns_record_set_field(&record, "key-id", line, error);
	cpns_record_set_field(&record, "user-id", line, error);
	cpns_record_set_field(&record, "not-after", line, error);
	cpns_record_set_field(&record, line, "1", error);
}

/* Netlink messages: their length is right, as the receiver has checked that. */
static void netlink(const uint8_t *data, size_t size)
{
	uint64_t words[512];
	struct nlmsghdr *nlh = (struct nlmsghdr *)words;
	struct cpns_nl_error error;
	struct cpns_event event;

	if (size > sizeof(words))
		size = sizeof(words);
	if (size < NLMSG_HDRLEN)
		return;
	memcpy(words, data, size);
	nlh->nlmsg_len = (uint32_t)size;
	cpns_nl_parse_error(nlh, &error);
	cpns_event_parse(nlh, &event);
}

int fuzz_one_input(const uint8_t *data, size_t size)
{
	static void (*const decoders[])(const uint8_t *data, size_t size) = {
		message, packet, text, netlink,
	};
	uint8_t *copy;

	if (!size)
		return 0;
	/* Memory of exactly this size: reading past it is seen. */
	copy = malloc(size > 1 ? size - 1 : 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	decoders[data[0] % 4](copy, size - 1);
	free(copy);
	return 0;
}
