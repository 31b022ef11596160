// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink transport. Sockets and messages are libnl's; what is
 * received is read by hand, as libnl gives neither the kernel's own error
 * number nor its words.
 */
#include "netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "secret.h"

enum {
	RECEIVE_LEN = 65536,		/* a datagram of the kernel's */
	EVENT_BUFFER_LEN = 1 << 20,	/* wanted for the socket */
	DUMP_TRIES = 16,
	ANSWER_MS = 10000,
};

/**
 * struct kept - an event that came while an answer was waited for
 * @next: the one after it
 * @words: its bytes, aligned
 */
struct kept {
	struct kept *next;
	uint64_t words[];
};

/**
 * struct cpns_nl - a socket
 * @sk: libnl's socket
 * @family: id of the family
 * @error: of the last request
 * @kept: events not delivered yet, oldest first
 * @kept_end: where the next one is hung
 * @buffer: one datagram, aligned; answers never hold keys
 */
struct cpns_nl {
	struct nl_sock *sk;
	int family;
	struct cpns_nl_error error;
	struct kept *kept;
	struct kept **kept_end;
	uint64_t buffer[RECEIVE_LEN / sizeof(uint64_t)];
};

static int set_option(int fd, int option)
{
	int on = 1;

	return setsockopt(fd, SOL_NETLINK, option, &on, sizeof(on));
}

/* libnl's own error numbers to errno. */
static int nl_errno(int code)
{
	switch (-code) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_NOMEM:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

int cpns_nl_open(const char *family, struct cpns_nl **nl)
{
	struct cpns_nl *n = calloc(1, sizeof(*n));
	int ret;

	if (!n)
		return -ENOMEM;
	n->kept_end = &n->kept;
	n->sk = nl_socket_alloc();
	if (!n->sk) {
		ret = -ENOMEM;
		goto err;
	}
	ret = genl_connect(n->sk);
	if (ret) {
		ret = nl_errno(ret);
		goto err;
	}
	n->family = genl_ctrl_resolve(n->sk, family);
	if (n->family < 0) {
		ret = nl_errno(n->family);
		goto err;
	}
	/* What wants an end of its own says so in its flags. */
	nl_socket_disable_auto_ack(n->sk);
	/* Words are welcome, not necessary: an old kernel has none. */
	set_option(nl_socket_get_fd(n->sk), NETLINK_EXT_ACK);
	set_option(nl_socket_get_fd(n->sk), NETLINK_CAP_ACK);
	*nl = n;
	return 0;
err:
	cpns_nl_close(n);
	return ret;
}

int cpns_nl_open_events(const char *family, const char *group, struct cpns_nl **nl)
{
	struct cpns_nl *n;
	int id, ret;

	ret = cpns_nl_open(family, &n);
	if (ret)
		return ret;
	if (group) {
		id = genl_ctrl_resolve_grp(n->sk, family, group);
		if (id < 0) {
			ret = nl_errno(id);
			goto err;
		}
		if (setsockopt(nl_socket_get_fd(n->sk), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			       &id, sizeof(id))) {
			ret = -errno;
			goto err;
		}
	}
	nl_socket_set_buffer_size(n->sk, EVENT_BUFFER_LEN, 0);
	ret = nl_socket_set_nonblocking(n->sk);
	if (ret) {
		ret = nl_errno(ret);
		goto err;
	}
	*nl = n;
	return 0;
err:
	cpns_nl_close(n);
	return ret;
}

void cpns_nl_close(struct cpns_nl *nl)
{
	if (!nl)
		return;
	while (nl->kept) {
		struct kept *k = nl->kept;

		nl->kept = k->next;
		free(k);
	}
	nl_socket_free(nl->sk);
	free(nl);
}

int cpns_nl_fd(const struct cpns_nl *nl)
{
	return nl_socket_get_fd(nl->sk);
}

uint32_t cpns_nl_port(const struct cpns_nl *nl)
{
	return nl_socket_get_local_port(nl->sk);
}

const struct cpns_nl_error *cpns_nl_error(const struct cpns_nl *nl)
{
	return &nl->error;
}

struct nl_msg *cpns_nl_message(struct cpns_nl *nl, uint8_t cmd, bool dump)
{
	struct nl_msg *msg = nlmsg_alloc_size(RECEIVE_LEN);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0,
				dump ? NLM_F_DUMP : 0, cmd, 1)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

void cpns_nl_discard(struct nl_msg *msg)
{
	struct nlmsghdr *nlh;

	if (!msg)
		return;
	nlh = nlmsg_hdr(msg);
	cpns_wipe(nlh, nlh->nlmsg_len);
	nlmsg_free(msg);
}

int cpns_nl_parse_error(const struct nlmsghdr *nlh, struct cpns_nl_error *error)
{
	const uint8_t *p = NLMSG_DATA(nlh);
	size_t left = nlh->nlmsg_len - NLMSG_HDRLEN, skip;
	struct nlmsghdr request;
	struct nlattr attr;
	int32_t code;

	memset(error, 0, sizeof(*error));
	error->code = -EPROTO;
	if (nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(code))
		return -EPROTO;
	memcpy(&code, p, sizeof(code));
	error->code = code;
	skip = sizeof(code);
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		/* The request follows: its header, or all of it. */
		if (left < skip + sizeof(request))
			return error->code;
		memcpy(&request, p + skip, sizeof(request));
		if (nlh->nlmsg_flags & NLM_F_CAPPED || !code)
			skip += sizeof(request);
		else if (request.nlmsg_len >= sizeof(request) && request.nlmsg_len <= left - skip)
			skip += NLMSG_ALIGN(request.nlmsg_len);
		else
			return error->code;
	}
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return error->code;
	while (skip <= left && left - skip >= sizeof(attr)) {
		const uint8_t *data = p + skip + NLA_HDRLEN;
		uint32_t offset;
		size_t len;

		memcpy(&attr, p + skip, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > left - skip)
			break;
		len = attr.nla_len - NLA_HDRLEN;
		switch (attr.nla_type & NLA_TYPE_MASK) {
		case NLMSGERR_ATTR_MSG:
			snprintf(error->message, sizeof(error->message), "%.*s", (int)len,
				 (const char *)data);
			break;
		case NLMSGERR_ATTR_OFFS:
			if (len >= sizeof(offset)) {
				memcpy(&offset, data, sizeof(offset));
				error->bad_offset = offset;
			}
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			if (len >= sizeof(offset)) {
				memcpy(&offset, data, sizeof(offset));
				error->missing_attr = (uint16_t)offset;
			}
			break;
		}
		skip += NLA_ALIGN(attr.nla_len);
	}
	return error->code;
}

/* The attribute of our own request that the kernel pointed at. */
static void find_bad_attr(struct cpns_nl_error *error, const struct nlmsghdr *request)
{
	struct nlattr attr;

	if (!error->bad_offset || error->bad_offset + sizeof(attr) > request->nlmsg_len)
		return;
	memcpy(&attr, (const uint8_t *)request + error->bad_offset, sizeof(attr));
	error->bad_attr = attr.nla_type & NLA_TYPE_MASK;
}

static int keep(struct cpns_nl *nl, const struct nlmsghdr *nlh)
{
	struct kept *k = malloc(sizeof(*k) + nlh->nlmsg_len);

	if (!k)
		return -ENOMEM;
	k->next = NULL;
	memcpy(k->words, nlh, nlh->nlmsg_len);
	*nl->kept_end = k;
	nl->kept_end = &k->next;
	return 0;
}

/* One datagram into the buffer; its bytes, 0 where none waits, or -errno. */
static int receive(struct cpns_nl *nl)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { nl->buffer, sizeof(nl->buffer) };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do {
		n = recvmsg(nl_socket_get_fd(nl->sk), &msg, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	/* Only the kernel has port 0. */
	if (from.nl_pid)
		return -EPROTO;
	return (int)n;
}

/* The message at @at of a datagram of @len bytes, NULL where none fits there. */
static const struct nlmsghdr *message_at(const struct cpns_nl *nl, int len, size_t at)
{
	const struct nlmsghdr *nlh = (const void *)((const uint8_t *)nl->buffer + at);
	size_t left = at < (size_t)len ? (size_t)len - at : 0;

	if (left < NLMSG_HDRLEN || nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > left)
		return NULL;
	return nlh;
}

static const struct nlmsghdr *first_message(const struct cpns_nl *nl, int len)
{
	return message_at(nl, len, 0);
}

static const struct nlmsghdr *next_message(const struct cpns_nl *nl, int len,
					   const struct nlmsghdr *nlh)
{
	size_t at = (size_t)((const uint8_t *)nlh - (const uint8_t *)nl->buffer);

	return message_at(nl, len, at + NLMSG_ALIGN(nlh->nlmsg_len));
}

static int send_message(struct cpns_nl *nl, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	ssize_t n;

	nl_complete_msg(nl->sk, msg);
	do {
		n = send(nl_socket_get_fd(nl->sk), nlh, nlh->nlmsg_len, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/**
 * struct answer - a request that is waited for
 * @nl: socket
 * @request: what was sent
 * @handler: of the caller
 * @ctx: for @handler
 * @done: its end has come
 * @interrupted: what was dumped changed meanwhile
 * @ret: result once @done
 */
struct answer {
	struct cpns_nl *nl;
	const struct nlmsghdr *request;
	cpns_nl_handler handler;
	void *ctx;
	bool done;
	bool interrupted;
	int ret;
};

static void end_of_answer(struct answer *a, const struct nlmsghdr *nlh)
{
	struct cpns_nl_error *error = &a->nl->error;
	int code = cpns_nl_parse_error(nlh, error);

	find_bad_attr(error, a->request);
	a->done = true;
	if (!a->ret)
		a->ret = code;
}

static int one_message(struct answer *a, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != a->request->nlmsg_seq ||
	    nlh->nlmsg_pid != a->request->nlmsg_pid)
		return nlh->nlmsg_type == a->nl->family ? keep(a->nl, nlh) : 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
		end_of_answer(a, nlh);
	else if (nlh->nlmsg_type == a->nl->family && a->handler && !a->ret)
		a->ret = a->handler(a->ctx, nlh);
	return 0;
}

static int wait_answer(struct answer *a)
{
	struct pollfd pfd = { .fd = nl_socket_get_fd(a->nl->sk), .events = POLLIN };
	const struct nlmsghdr *nlh;
	int len, ret;

	while (!a->done) {
		ret = poll(&pfd, 1, ANSWER_MS);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		if (!ret)
			return -ETIMEDOUT;
		len = receive(a->nl);
		if (len < 0)
			return len;
		for (nlh = first_message(a->nl, len); nlh; nlh = next_message(a->nl, len, nlh)) {
			ret = one_message(a, nlh);
			if (ret)
				return ret;
		}
	}
	return a->ret;
}

int cpns_nl_request(struct cpns_nl *nl, struct nl_msg *msg, cpns_nl_handler handler, void *ctx)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	bool dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	unsigned int tries;
	int ret;

	memset(&nl->error, 0, sizeof(nl->error));
	if (!dump)
		nlh->nlmsg_flags |= NLM_F_ACK;
	for (tries = 0; tries < DUMP_TRIES; tries++) {
		struct answer a = {
			.nl = nl, .request = nlh, .handler = handler, .ctx = ctx,
		};

		nlh->nlmsg_seq = NL_AUTO_SEQ;
		ret = send_message(nl, msg);
		if (!ret)
			ret = wait_answer(&a);
		if (ret || !a.interrupted)
			goto out;
		if (handler) {
			ret = handler(ctx, NULL);
			if (ret)
				goto out;
		}
	}
	ret = -EINTR;
out:
	cpns_nl_discard(msg);
	return ret;
}

int cpns_nl_send(struct cpns_nl *nl, struct nl_msg *msg)
{
	int ret = send_message(nl, msg);

	cpns_nl_discard(msg);
	return ret;
}

static int deliver_kept(struct cpns_nl *nl, cpns_nl_handler handler, void *ctx)
{
	int ret = 0;

	while (nl->kept && !ret) {
		struct kept *k = nl->kept;

		nl->kept = k->next;
		if (!nl->kept)
			nl->kept_end = &nl->kept;
		ret = handler(ctx, (const struct nlmsghdr *)k->words);
		free(k);
	}
	return ret;
}

int cpns_nl_receive(struct cpns_nl *nl, cpns_nl_handler handler, void *ctx)
{
	const struct nlmsghdr *nlh;
	int len, ret;

	ret = deliver_kept(nl, handler, ctx);
	if (ret)
		return ret;
	while ((len = receive(nl)) > 0) {
		for (nlh = first_message(nl, len); nlh; nlh = next_message(nl, len, nlh)) {
			int one = 0;

			if (nlh->nlmsg_type == nl->family)
				one = handler(ctx, nlh);
			else if (nlh->nlmsg_type == NLMSG_ERROR)
				cpns_nl_parse_error(nlh, &nl->error);
			/* The rest of the datagram is not lost by one failure. */
			if (one && !ret)
				ret = one;
		}
		if (ret)
			return ret;
	}
	return len;
}
