// SPDX-License-Identifier: GPL-2.0
/* The way to the Server for those whom the PN GW does not know yet. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <codec.h>

#include "log.h"
#include "relay.h"

static int pass_on(struct kernel *k, const struct cpns_path *to, const struct cpns_event *event)
{
	uint8_t bytes[CPNS_INIT_MAX];

	if (event->datagram.len > sizeof(bytes))
		return -EMSGSIZE;
	memcpy(bytes, event->datagram.data, event->datagram.len);
	bytes[offsetof(struct cpns_header, hop_limit)]--;
	return k->ops->msg_send(k, to, bytes, event->datagram.len);
}

static void relay_init(struct kernel *k, const struct cpns_event *event,
		       const struct cpns_msg *msg)
{
	struct cpns_relay relay = {
		.ifindex = k->ifindex,
		.eid = msg->h.src,
		.sid = msg->init.sid_i,
		.server_eid = msg->h.dst,
		.path = event->path,
	};
	struct cpns_path to = { 0 };
	char from[CPNS_ENDPOINT_TEXT], text[200];
	int ret;

	cpns_endpoint_format(&event->path.remote, from);
	ret = k->ops->peer_place(k, msg->h.dst, &to.remote);
	if (ret || !to.remote.family) {
		log_msg(LOG_DEBUG, "an INIT from %s is not passed on: no way to the Server", from);
		return;
	}
	ret = k->ops->relay_new(k, &relay);
	if (ret) {
		k->ops->error_text(k, ret, text, sizeof(text));
		log_msg(LOG_DEBUG, "an INIT from %s is not passed on: %s", from, text);
		return;
	}
	ret = pass_on(k, &to, event);
	log_msg(LOG_DEBUG, "an INIT of %016llx from %s is passed on to the Server%s%s",
		(unsigned long long)msg->h.src, from, ret ? ": " : "",
		ret ? strerror(-ret) : "");
}

bool relay_intercept(struct session *s, const struct cpns_event *event)
{
	const struct conf *conf = session_conf(s);
	struct cpns_msg msg;
	uint64_t server;

	if (!conf->n_pans ||
	    cpns_msg_parse(event->datagram.data, event->datagram.len, &msg) ||
	    msg.h.dst == conf->own.eid)
		return false;
	/* Good for the Server only, whoever else may be a peer here. */
	if (msg.h.type == CPNS_MSG_INIT && msg.h.hop_limit > 1 &&
	    !cpns_eid_from_name(&conf->server, &server) && msg.h.dst == server)
		relay_init(session_kernel(s), event, &msg);
	return true;
}
