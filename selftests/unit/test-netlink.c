// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink transport: against the real kernel's own "nlctrl" family, and
 * against a kernel that a test lays out where the real one can't be brought to
 * it: interrupted dumps, lost events, messages between others.
 */
#include "unit.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake-kernel.h"
#include "netlink.h"

static int count(void *ctx, const struct nlmsghdr *nlh)
{
	unsigned int *n = ctx;

	*n = nlh ? *n + 1 : 0;
	return 0;
}

static int stop(void *ctx, const struct nlmsghdr *nlh)
{
	(void)ctx;
	(void)nlh;
	return -ECANCELED;
}

static void real_kernel(void **state)
{
	const struct cpns_nl_error *e;
	struct cpns_nl *nl;
	struct nl_msg *msg;
	unsigned int n = 0;

	(void)state;
	if (getenv("CPNS_EMULATED"))
		unit_skip("qemu-user does not translate generic netlink");
	assert_int_equal(cpns_nl_open("nlctrl", &nl), 0);
	assert_true(cpns_nl_fd(nl) >= 0);
	assert_true(cpns_nl_port(nl) != 0);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, CTRL_CMD_GETFAMILY, true), count,
					 &n), 0);
	assert_true(n >= 1);
	/* The handler's own refusal comes back; what follows is not disturbed. */
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, CTRL_CMD_GETFAMILY, true), stop,
					 NULL), -ECANCELED);
	msg = cpns_nl_message(nl, CTRL_CMD_GETFAMILY, false);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, "no-such-family");
	assert_int_equal(cpns_nl_request(nl, msg, count, &n), -ENOENT);
	e = cpns_nl_error(nl);
	assert_int_equal(e->code, -ENOENT);
	/* The kernel's words, and the attribute that it pointed at. */
	msg = cpns_nl_message(nl, CTRL_CMD_GETFAMILY, false);
	nla_put_u8(msg, CTRL_ATTR_FAMILY_ID, 1);
	assert_int_equal(cpns_nl_request(nl, msg, count, &n), -ERANGE);
	assert_string_not_equal(e->message, "");
	assert_int_equal(e->bad_attr, CTRL_ATTR_FAMILY_ID);
	cpns_nl_discard(cpns_nl_message(nl, CTRL_CMD_GETFAMILY, false));
	cpns_nl_discard(NULL);
	cpns_nl_close(nl);
	cpns_nl_close(NULL);

	assert_int_equal(cpns_nl_open("no-such-family", &nl), -ENOENT);
	assert_int_equal(cpns_nl_open_events("no-such-family", NULL, &nl), -ENOENT);
	assert_int_equal(cpns_nl_open_events("nlctrl", "no-such-group", &nl), -ENOENT);
	assert_int_equal(cpns_nl_open_events("nlctrl", "notify", &nl), 0);
	n = 0;
	assert_int_equal(cpns_nl_receive(nl, count, &n), 0);
	assert_int_equal(n, 0);
	cpns_nl_close(nl);
}

static struct cpns_nl *fake_open(void)
{
	struct cpns_nl *nl;

	fake_on(true);
	assert_int_equal(cpns_nl_open_events("cpns", "events", &nl), 0);
	fake_clear();
	return nl;
}

static void fake_close(struct cpns_nl *nl)
{
	cpns_nl_close(nl);
	fake_on(false);
}

static void interrupted_dump(void **state)
{
	struct cpns_nl *nl = fake_open();
	struct fake f = { 0 };
	unsigned int n = 0, i;

	(void)state;
	/* The flag on a message, then the flag on the end, then whole. */
	fake_answer(&f, NLM_F_MULTI | NLM_F_DUMP_INTR, 1);
	fake_answer(&f, NLM_F_MULTI, 1);
	fake_deliver(&f);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	fake_answer(&f, NLM_F_MULTI, 1);
	fake_done(&f, 0, NLM_F_DUMP_INTR);
	fake_deliver(&f);
	for (i = 0; i < 3; i++)
		fake_answer(&f, NLM_F_MULTI, 1);
	fake_done(&f, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, true), count, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(fake_sends(), 3);

	/* One that never comes through, and one without a handler. */
	fake_clear();
	for (i = 0; i < 16; i++) {
		fake_done(&f, 0, NLM_F_DUMP_INTR);
		fake_deliver(&f);
	}
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, true), NULL, NULL), -EINTR);
	assert_int_equal(fake_sends(), 16);
	/* A handler that does not want to start anew. */
	fake_clear();
	fake_done(&f, 0, NLM_F_DUMP_INTR);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, true), stop, NULL),
			 -ECANCELED);
	/* An error at the end of a dump. */
	fake_clear();
	fake_done(&f, -ENOMEM, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, true), count, &n), -ENOMEM);
	fake_close(nl);
}

static void words(void **state)
{
	struct cpns_nl *nl = fake_open();
	const struct cpns_nl_error *e = cpns_nl_error(nl);
	struct fake f = { 0 };

	(void)state;
	fake_error(&f, -EBUSY, "taken by another", 0, 9);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, false), NULL, NULL), -EBUSY);
	assert_int_equal(e->code, -EBUSY);
	assert_string_equal(e->message, "taken by another");
	assert_int_equal(e->missing_attr, 9);
	/* The next good request has none. */
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, false), NULL, NULL), 0);
	assert_string_equal(e->message, "");
	/* An offset outside of the request points at nothing. */
	fake_error(&f, -EINVAL, "?", 60000, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, false), NULL, NULL), -EINVAL);
	assert_int_equal(e->bad_attr, 0);
	fake_close(nl);
}

/* Error messages cut short at any byte: never read past the end. */
static void short_errors(void **state)
{
	uint32_t words_of[32];
	uint8_t *bytes = (uint8_t *)words_of;
	struct nlmsghdr *nlh = (void *)words_of;
	struct cpns_nl_error e;
	struct fake f = { 0 };
	uint32_t len, full;

	(void)state;
	fake_error(&f, -EINVAL, "words", 20, 3);
	full = (uint32_t)f.len;
	for (len = NLMSG_HDRLEN; len <= full; len++) {
		memcpy(bytes, f.bytes, len);
		nlh->nlmsg_len = len;
		assert_int_equal(cpns_nl_parse_error(nlh, &e),
				 len < NLMSG_HDRLEN + 4 ? -EPROTO : -EINVAL);
	}
	assert_string_equal(e.message, "words");
	/* Not capped: the whole request stands before the words. */
	memcpy(bytes, f.bytes, full);
	nlh->nlmsg_len = full;
	nlh->nlmsg_flags = NLM_F_ACK_TLVS;
	assert_int_equal(cpns_nl_parse_error(nlh, &e), -EINVAL);
	assert_string_equal(e.message, "words");
	/* A request longer than the message. */
	bytes[NLMSG_HDRLEN + 4] = 0xff;
	assert_int_equal(cpns_nl_parse_error(nlh, &e), -EINVAL);
	assert_string_equal(e.message, "");
	/* Without words at all. */
	nlh->nlmsg_flags = 0;
	bytes[NLMSG_HDRLEN + 4] = NLMSG_HDRLEN;
	assert_int_equal(cpns_nl_parse_error(nlh, &e), -EINVAL);
}

static void events(void **state)
{
	struct cpns_nl *nl = fake_open();
	struct fake f = { 0 };
	unsigned int n = 0, i;

	(void)state;
	/* All messages of all datagrams; others' families are left out. */
	for (i = 0; i < 3; i++)
		fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 17);
	fake_begin(&f, FAKE_FAMILY + 1, 0, 0, 0, 17);
	fake_deliver(&f);
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 18);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_receive(nl, count, &n), 0);
	assert_int_equal(n, 4);
	/* Lost ones are told. */
	fake_reply(NULL, -ENOBUFS);
	assert_int_equal(cpns_nl_receive(nl, count, &n), -ENOBUFS);
	/* Only the kernel is believed. */
	fake_port(4711);
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 17);
	fake_deliver(&f);
	n = 0;
	assert_int_equal(cpns_nl_receive(nl, count, &n), -EPROTO);
	assert_int_equal(n, 0);
	fake_port(0);
	/* Whoever refuses one still gets the others of the datagram. */
	fake_clear();
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 17);
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 17);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_receive(nl, stop, NULL), -ECANCELED);

	/* Events between a request and its answer are kept, in order. */
	fake_clear();
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 17);
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 18);
	fake_begin(&f, NLMSG_NOOP, 0, 0, 0, 0);
	fake_deliver(&f);
	fake_error(&f, 0, NULL, 0, 0);
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 19);
	fake_deliver(&f);
	n = 0;
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, false), count, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(cpns_nl_receive(nl, stop, NULL), -ECANCELED);
	assert_int_equal(cpns_nl_receive(nl, count, &n), 0);
	assert_int_equal(n, 2);
	/* Kept ones that nobody fetches are freed. */
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 17);
	fake_error(&f, 0, NULL, 0, 0);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, false), NULL, NULL), 0);
	fake_close(nl);
}

static void sending(void **state)
{
	struct cpns_nl *nl = fake_open();
	struct fake f = { 0 };
	unsigned int n = 0;

	(void)state;
	assert_int_equal(cpns_nl_send(nl, cpns_nl_message(nl, 1, false)), 0);
	fake_fail_send(EAGAIN);
	assert_int_equal(cpns_nl_send(nl, cpns_nl_message(nl, 1, false)), -EAGAIN);
	fake_fail_send(EINTR);
	assert_int_equal(cpns_nl_send(nl, cpns_nl_message(nl, 1, false)), 0);
	/* A refusal comes later, between events. */
	fake_error(&f, -ENODEV, "no such device", 0, 0);
	fake_begin(&f, FAKE_FAMILY, 0, 0, 0, 17);
	fake_deliver(&f);
	assert_int_equal(cpns_nl_receive(nl, count, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(cpns_nl_error(nl)->code, -ENODEV);
	/* A request that is not answered, and one that can't be sent. */
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, false), NULL, NULL),
			 -ETIMEDOUT);
	fake_fail_send(ENOBUFS);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, false), NULL, NULL),
			 -ENOBUFS);
	fake_reply(NULL, -ENOBUFS);
	assert_int_equal(cpns_nl_request(nl, cpns_nl_message(nl, 1, false), NULL, NULL),
			 -ENOBUFS);
	fake_close(nl);
}

struct unit_result test_netlink(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(real_kernel), cmocka_unit_test(interrupted_dump),
		cmocka_unit_test(words), cmocka_unit_test(short_errors),
		cmocka_unit_test(events), cmocka_unit_test(sending),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
