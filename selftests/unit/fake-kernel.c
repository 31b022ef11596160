// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for the kernel behind a netlink socket.
 *
 * Answers are laid out before the request is made, which has its own sequence
 * number by then: fake_answer() and its like leave a mark that the receiving
 * side replaces by the number and port of the last request.
 */
#include "fake-kernel.h"
#include "fake-wrap.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { QUEUE = 32 };

#define MARK 0xfeedbeefu

static bool on;
static struct {
	int len;
	uint8_t bytes[FAKE_DATAGRAM];
} queue[QUEUE];
static unsigned int head, tail, sends;
static uint64_t sent[65536 / sizeof(uint64_t)];
static size_t sent_len;
static int send_error;
static uint32_t from_port;

void fake_on(bool now)
{
	on = now;
	fake_clear();
}

void fake_clear(void)
{
	head = 0;
	tail = 0;
	sends = 0;
	sent_len = 0;
	send_error = 0;
	from_port = 0;
}

void fake_reply(const void *datagram, int len)
{
	if (tail == QUEUE || len > FAKE_DATAGRAM)
		abort();
	queue[tail].len = len;
	if (len > 0)
		memcpy(queue[tail].bytes, datagram, (size_t)len);
	tail++;
}

const struct nlmsghdr *fake_sent(size_t *len)
{
	*len = sent_len;
	return (const void *)sent;
}

unsigned int fake_sends(void)
{
	return sends;
}

void fake_fail_send(int error)
{
	send_error = error;
}

void fake_port(uint32_t port)
{
	from_port = port;
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
	if (!on)
		return __real_send(fd, buf, len, flags);
	if (send_error) {
		errno = send_error;
		send_error = 0;
		return -1;
	}
	if (len > sizeof(sent))
		abort();
	memcpy(sent, buf, len);
	sent_len = len;
	sends++;
	return (ssize_t)len;
}

/* Put sequence number and port of the last request where they are due. */
static void answer_marks(uint8_t *bytes, int len)
{
	const struct nlmsghdr *request = (const void *)sent;
	struct nlmsghdr *nlh;

	for (nlh = (void *)bytes; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_seq != MARK)
			continue;
		nlh->nlmsg_seq = request->nlmsg_seq;
		nlh->nlmsg_pid = request->nlmsg_pid;
	}
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct sockaddr_nl *from = msg->msg_name;
	int len;

	if (!on)
		return __real_recvmsg(fd, msg, flags);
	if (head == tail) {
		errno = EAGAIN;
		return -1;
	}
	len = queue[head].len;
	if (len < 0) {
		errno = -len;
		head++;
		return -1;
	}
	from->nl_pid = from_port;
	memcpy(msg->msg_iov->iov_base, queue[head].bytes, (size_t)len);
	answer_marks(msg->msg_iov->iov_base, len);
	msg->msg_flags = 0;
	head++;
	return len;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (!on)
		return __real_poll(fds, n, timeout);
	return head != tail;
}

int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name)
{
	return on ? FAKE_FAMILY : __real_genl_ctrl_resolve(sk, name);
}

int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *name, const char *group)
{
	return on ? FAKE_GROUP : __real_genl_ctrl_resolve_grp(sk, name, group);
}

/* Any netlink socket will do, and this is one that qemu-user can make. */
int __wrap_genl_connect(struct nl_sock *sk)
{
	return on ? nl_connect(sk, NETLINK_ROUTE) : __real_genl_connect(sk);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	return on ? 0 : __real_setsockopt(fd, level, option, value, len);
}

/* ---- laying out ---- */

static void add(struct fake *f, const void *data, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);
	uint32_t message_len;

	if (f->len + padded > sizeof(f->bytes))
		abort();
	memset(f->bytes + f->len, 0, padded);
	if (len)
		memcpy(f->bytes + f->len, data, len);
	f->len += padded;
	message_len = (uint32_t)(f->len - f->message);
	memcpy(f->bytes + f->message, &message_len, sizeof(message_len));
}

static void header(struct fake *f, uint16_t type, uint16_t flags, uint32_t seq, uint32_t port)
{
	struct nlmsghdr nlh = {
		.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq, .nlmsg_pid = port,
	};

	f->message = f->len;
	add(f, &nlh, sizeof(nlh));
}

void fake_begin(struct fake *f, uint16_t type, uint16_t flags, uint32_t seq, uint32_t port,
		uint8_t cmd)
{
	struct genlmsghdr genl = { .cmd = cmd, .version = 1 };

	header(f, type, flags, seq, port);
	add(f, &genl, sizeof(genl));
}

void fake_answer(struct fake *f, uint16_t flags, uint8_t cmd)
{
	fake_begin(f, FAKE_FAMILY, flags, MARK, 0, cmd);
}

void fake_attr(struct fake *f, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = {
		.nla_len = (uint16_t)(sizeof(attr) + len), .nla_type = type,
	};

	add(f, &attr, sizeof(attr));
	if (len)
		add(f, data, len);
}

void fake_u8(struct fake *f, uint16_t type, uint8_t v)
{
	fake_attr(f, type, &v, sizeof(v));
}

void fake_u16(struct fake *f, uint16_t type, uint16_t v)
{
	fake_attr(f, type, &v, sizeof(v));
}

void fake_u32(struct fake *f, uint16_t type, uint32_t v)
{
	fake_attr(f, type, &v, sizeof(v));
}

void fake_u64(struct fake *f, uint16_t type, uint64_t v)
{
	fake_attr(f, type, &v, sizeof(v));
}

size_t fake_nest(struct fake *f, uint16_t type)
{
	size_t at = f->len;

	fake_attr(f, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void fake_nest_end(struct fake *f, size_t nest)
{
	uint16_t len = (uint16_t)(f->len - nest);

	memcpy(f->bytes + nest, &len, sizeof(len));
}

void fake_error(struct fake *f, int code, const char *words, uint32_t offset, uint32_t missing)
{
	struct nlmsghdr request = { .nlmsg_len = sizeof(request) };
	int32_t error = code;

	header(f, NLMSG_ERROR, NLM_F_CAPPED | (words ? NLM_F_ACK_TLVS : 0), MARK, 0);
	add(f, &error, sizeof(error));
	add(f, &request, sizeof(request));
	if (!words)
		return;
	fake_attr(f, NLMSGERR_ATTR_MSG, words, strlen(words) + 1);
	if (offset)
		fake_u32(f, NLMSGERR_ATTR_OFFS, offset);
	if (missing)
		fake_u32(f, NLMSGERR_ATTR_MISS_TYPE, missing);
}

void fake_done(struct fake *f, int code, uint16_t flags)
{
	int32_t error = code;

	header(f, NLMSG_DONE, NLM_F_MULTI | flags, MARK, 0);
	add(f, &error, sizeof(error));
}

void fake_deliver(struct fake *f)
{
	fake_reply(f->bytes, (int)f->len);
	f->len = 0;
	f->message = 0;
}
