// SPDX-License-Identifier: GPL-2.0
/* The real kernel, through libcpns. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel.h"

/* Datagrams that wait for a busy daemon, in bytes. */
#define MESSAGES_BUFFER	(1024 * 1024)

static int real_dev_stats(struct kernel *k, struct cpns_stats *stats)
{
	struct cpns_dev dev;
	int ret = cpns_dev_get(k->nl, k->ifindex, &dev);

	if (!ret)
		*stats = dev.stats;
	return ret;
}

static int real_peer_list(struct kernel *k, struct cpns_peer **peers, size_t *n)
{
	return cpns_peer_list(k->nl, k->ifindex, peers, n);
}

static int real_peer_new(struct kernel *k, const struct cpns_peer *peer, unsigned int fields)
{
	return cpns_peer_new(k->nl, peer, fields);
}

static int real_peer_set(struct kernel *k, const struct cpns_peer *peer, unsigned int fields)
{
	return cpns_peer_set(k->nl, peer, fields);
}

static int real_peer_place(struct kernel *k, uint64_t eid, struct cpns_endpoint *place)
{
	struct cpns_peer peer;
	int ret = cpns_peer_get(k->nl, k->ifindex, eid, &peer);

	if (ret)
		return ret;
	*place = peer.path.remote;
	cpns_peer_clear(&peer);
	return 0;
}

static int real_peer_del(struct kernel *k, uint64_t eid)
{
	return cpns_peer_del(k->nl, k->ifindex, eid);
}

static int real_peer_keepalive(struct kernel *k, uint64_t eid, uint32_t sid)
{
	return cpns_peer_keepalive(k->nl, k->ifindex, eid, sid);
}

static int real_key_list(struct kernel *k, struct cpns_key **keys, size_t *n)
{
	return cpns_key_list(k->nl, k->ifindex, 0, keys, n);
}

static int real_key_new(struct kernel *k, const struct cpns_hs_key *key)
{
	return cpns_key_new(k->nl, k->ifindex, key);
}

static int real_key_del(struct kernel *k, uint64_t eid, uint32_t sid)
{
	return cpns_key_del(k->nl, k->ifindex, eid, sid);
}

static int real_class_list(struct kernel *k, struct cpns_class **classes, size_t *n)
{
	return cpns_class_list(k->nl, k->ifindex, classes, n);
}

static int real_class_new(struct kernel *k, const struct cpns_class *class)
{
	return cpns_class_new(k->nl, class);
}

static int real_class_del(struct kernel *k, uint32_t prio)
{
	return cpns_class_del(k->nl, k->ifindex, prio);
}

static int real_relay_new(struct kernel *k, const struct cpns_relay *relay)
{
	return cpns_relay_new(k->nl, relay);
}

static int real_msg_send(struct kernel *k, const struct cpns_path *path, const void *datagram,
			 size_t len)
{
	return cpns_msg_send(k->messages, k->ifindex, path, datagram, len);
}

static void real_error_text(struct kernel *k, int code, char *text, size_t size)
{
	cpns_genl_error_text(k->nl, code, text, size);
}

static const struct kernel_ops real_ops = {
	.dev_stats = real_dev_stats,
	.peer_list = real_peer_list,
	.peer_new = real_peer_new,
	.peer_set = real_peer_set,
	.peer_place = real_peer_place,
	.peer_del = real_peer_del,
	.peer_keepalive = real_peer_keepalive,
	.key_list = real_key_list,
	.key_new = real_key_new,
	.key_del = real_key_del,
	.class_list = real_class_list,
	.class_new = real_class_new,
	.class_del = real_class_del,
	.relay_new = real_relay_new,
	.msg_send = real_msg_send,
	.error_text = real_error_text,
};

int kernel_open(struct kernel *k, char *error)
{
	int ret, size = MESSAGES_BUFFER;

	memset(k, 0, sizeof(*k));
	k->ops = &real_ops;
	ret = cpns_genl_open(&k->nl);
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "the kernel has no cpns: %s%s", strerror(-ret),
			 ret == -ENOENT ? "; load the module (modprobe cpns)" : "");
		return ret;
	}
	/* Events are joined before anything is learned, so that none is missed. */
	ret = cpns_genl_open_events(&k->events);
	if (!ret)
		ret = cpns_genl_open_messages(&k->messages);
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "no netlink socket for events: %s%s",
			 strerror(-ret), ret == -EPERM ? "; CAP_NET_ADMIN is needed" : "");
		return ret;
	}
	/* More than the system allows is given only to who may ask for it. */
	if (setsockopt(cpns_nl_fd(k->messages), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(cpns_nl_fd(k->messages), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(cpns_nl_fd(k->events), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(cpns_nl_fd(k->events), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

/* An address of family 0 stands for all addresses. */
static bool same_local(const struct cpns_endpoint *a, const struct cpns_endpoint *b)
{
	return !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* Neither list names an interface twice. */
static bool same_interfaces(const struct cpns_interfaces *a, const struct cpns_interfaces *b)
{
	size_t i, j;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		for (j = 0; j < b->n; j++)
			if (a->ifindex[i] == b->ifindex[j])
				break;
		if (j == b->n)
			return false;
	}
	return true;
}

static unsigned int changed_fields(const struct cpns_dev *have, const struct cpns_dev *want)
{
	unsigned int fields = 0;

	if (!have->has_eid || have->eid != want->eid)
		fields |= CPNS_DEV_SET_EID;
	if (!have->has_prefix || memcmp(have->overlay_prefix, want->overlay_prefix,
					sizeof(have->overlay_prefix)))
		fields |= CPNS_DEV_SET_PREFIX;
	/* Any port will do where none is named: the one that there is stays. */
	if (want->listen_port && have->listen_port != want->listen_port)
		fields |= CPNS_DEV_SET_PORT;
	if (!same_local(&have->local4, &want->local4))
		fields |= CPNS_DEV_SET_LOCAL4;
	if (!same_local(&have->local6, &want->local6))
		fields |= CPNS_DEV_SET_LOCAL6;
	if (have->fwmark != want->fwmark)
		fields |= CPNS_DEV_SET_FWMARK;
	if (have->bind_ifindex != want->bind_ifindex)
		fields |= CPNS_DEV_SET_BIND;
	if (!same_interfaces(&have->relay_pan, &want->relay_pan))
		fields |= CPNS_DEV_SET_RELAY_PAN;
	return fields;
}

static int configure(struct kernel *k, const struct cpns_dev *have,
		     const struct cpns_dev *want, char *error)
{
	unsigned int fields = changed_fields(have, want);
	char eid[CPNS_EID_TEXT], text[200];
	struct cpns_dev set = *want;
	int ret;

	if (!fields)
		return 0;
	if ((fields & (CPNS_DEV_SET_EID | CPNS_DEV_SET_PREFIX)) && have->peers) {
		cpns_eid_format(have->eid, eid);
		snprintf(error, CPNS_ERROR_TEXT,
			 "%s belongs to another entity (EID %s) or domain and has peers: name another device, or delete it with ip link del %s",
			 have->ifname, eid, have->ifname);
		return -EEXIST;
	}
	set.ifindex = k->ifindex;
	set.local4.family = AF_INET;
	set.local6.family = AF_INET6;
	ret = cpns_dev_set(k->nl, &set, fields);
	if (ret) {
		cpns_genl_error_text(k->nl, ret, text, sizeof(text));
		snprintf(error, CPNS_ERROR_TEXT, "%s can't be configured: %s", have->ifname, text);
	}
	return ret;
}

int kernel_configure(struct kernel *k, const struct cpns_dev *want, char *error)
{
	struct cpns_dev have;
	char text[200];
	int ret;

	ret = cpns_dev_get(k->nl, k->ifindex, &have);
	if (ret) {
		cpns_genl_error_text(k->nl, ret, text, sizeof(text));
		snprintf(error, CPNS_ERROR_TEXT, "the device can't be read: %s", text);
		return ret;
	}
	return configure(k, &have, want, error);
}

int kernel_bind(struct kernel *k, const struct cpns_dev *want, char *error)
{
	char text[200];
	int ret;

	ret = cpns_msg_bind(k->messages, k->ifindex);
	if (ret == -EBUSY) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "another daemon has the device: stop it first, or name another device");
		return ret;
	}
	if (ret) {
		cpns_genl_error_text(k->messages, ret, text, sizeof(text));
		snprintf(error, CPNS_ERROR_TEXT, "the device can't be taken: %s", text);
		return ret;
	}
	return kernel_configure(k, want, error);
}

void kernel_close(struct kernel *k)
{
	cpns_nl_close(k->messages);
	cpns_nl_close(k->events);
	cpns_nl_close(k->nl);
	memset(k, 0, sizeof(*k));
}
