// SPDX-License-Identifier: GPL-2.0
/* Makes the kernel's peers and classes those of a configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "log.h"

/* All that the configuration says of a peer, but for its endpoint. */
#define CONFIGURED	(CPNS_PEER_SET_FLAGS | CPNS_PEER_SET_KEEPALIVE | CPNS_PEER_SET_PASSIVE | \
			 CPNS_PEER_SET_TIMEOUT | CPNS_PEER_SET_WINDOW | \
			 CPNS_PEER_SET_MIN_MODE | CPNS_PEER_SET_MAX_CLEAR | \
			 CPNS_PEER_SET_INNER_SRC | CPNS_PEER_SET_ALLOWED_DST | \
			 CPNS_PEER_SET_RELAY_TO | CPNS_PEER_SET_PAN)

/**
 * struct apply - one run
 * @kernel: the device
 * @old: configuration in force, or NULL
 * @new: configuration that is to be
 * @keep: peers that neither has stay
 * @error: the caller's
 * @peers: what the kernel has
 * @n_peers: how many
 */
struct apply {
	struct kernel		*kernel;
	const struct conf	*old;
	const struct conf	*new;
	bool			keep;
	char			*error;
	struct cpns_peer	*peers;
	size_t			n_peers;
};

static int tell_refusal(struct apply *a, int ret, const char *what, const char *name)
{
	char text[200];

	a->kernel->ops->error_text(a->kernel, ret, text, sizeof(text));
	snprintf(a->error, CPNS_ERROR_TEXT, "the kernel refused %s %s: %s", what, name, text);
	return ret;
}

static bool has_prefix(const struct cpns_prefix *list, size_t n, const struct cpns_prefix *prefix)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].family == prefix->family && list[i].len == prefix->len &&
		    !memcmp(list[i].addr, prefix->addr, sizeof(prefix->addr)))
			return true;
	return false;
}

/* Neither list names a prefix twice. */
static bool same_prefixes(const struct cpns_prefix_list *have, const struct conf_prefixes *want)
{
	size_t i;

	if (have->n != want->n)
		return false;
	for (i = 0; i < have->n; i++)
		if (!has_prefix(want->list, want->n, &have->prefix[i]))
			return false;
	return true;
}

/* An interface that is not there is no secure PAN. */
static void set_pan(struct cpns_peer *peer, const struct conf_peer *conf)
{
	if (!*conf->pan)
		return;
	peer->pan_ifindex = if_nametoindex(conf->pan);
	if (peer->pan_ifindex)
		peer->pan.remote = conf->pan_place;
}

static void fill(struct cpns_peer *peer, uint32_t ifindex, const struct conf_peer *conf)
{
	memset(peer, 0, sizeof(*peer));
	peer->ifindex = ifindex;
	peer->eid = conf->party.eid;
	if (!conf->host[0])
		peer->path.remote = conf->endpoint;
	peer->flags = conf->multicast ? CPNS_PEER_FLAGS_MULTICAST : 0;
	peer->keepalive_interval = conf->keepalive;
	peer->passive_keepalive = conf->passive_keepalive;
	peer->timeout = conf->timeout;
	peer->window = conf->window;
	peer->min_mode = conf->min_mode;
	peer->max_clear = conf->max_clear;
	peer->relay_to = conf->relay_to;
	set_pan(peer, conf);
	peer->inner_src.n = conf->addresses.n;
	peer->inner_src.prefix = conf->addresses.list;
	peer->allowed_dst.n = conf->allowed_dst.n;
	peer->allowed_dst.prefix = conf->allowed_dst.list;
}

static unsigned int changed(const struct cpns_peer *have, const struct conf_peer *want)
{
	struct cpns_peer pan = { 0 };
	unsigned int fields = 0;

	if (!!(have->flags & CPNS_PEER_FLAGS_MULTICAST) != want->multicast)
		fields |= CPNS_PEER_SET_FLAGS;
	if (have->keepalive_interval != want->keepalive)
		fields |= CPNS_PEER_SET_KEEPALIVE;
	if (have->passive_keepalive != want->passive_keepalive)
		fields |= CPNS_PEER_SET_PASSIVE;
	if (have->timeout != want->timeout)
		fields |= CPNS_PEER_SET_TIMEOUT;
	if (have->window != want->window)
		fields |= CPNS_PEER_SET_WINDOW;
	if (have->min_mode != want->min_mode)
		fields |= CPNS_PEER_SET_MIN_MODE;
	if (have->max_clear != want->max_clear)
		fields |= CPNS_PEER_SET_MAX_CLEAR;
	set_pan(&pan, want);
	if (have->relay_to != want->relay_to)
		fields |= CPNS_PEER_SET_RELAY_TO;
	if (have->pan_ifindex != pan.pan_ifindex ||
	    (pan.pan_ifindex && !cpns_endpoint_equal(&have->pan.remote, &pan.pan.remote)))
		fields |= CPNS_PEER_SET_PAN;
	if (!same_prefixes(&have->inner_src, &want->addresses))
		fields |= CPNS_PEER_SET_INNER_SRC;
	if (!same_prefixes(&have->allowed_dst, &want->allowed_dst))
		fields |= CPNS_PEER_SET_ALLOWED_DST;
	return fields;
}

static bool moved(const struct apply *a, const struct conf_peer *want)
{
	const struct conf_peer *then;

	if (!a->old || want->host[0] || !want->endpoint.family)
		return false;
	then = conf_peer_by_eid(a->old, want->party.eid);
	return then && (then->host[0] || !cpns_endpoint_equal(&then->endpoint, &want->endpoint));
}

static struct cpns_peer *find(const struct apply *a, uint64_t eid)
{
	size_t i;

	for (i = 0; i < a->n_peers; i++)
		if (a->peers[i].eid == eid)
			return &a->peers[i];
	return NULL;
}

/*
 * Takes from a peer what it is to lose, so that another one can get it: an
 * inner prefix, or the multicast packets.
 */
static int release(struct apply *a, const struct cpns_peer *have)
{
	const struct conf_peer *want = conf_peer_by_eid(a->new, have->eid);
	bool stays = a->keep && !want;
	struct cpns_peer set = { .ifindex = a->kernel->ifindex, .eid = have->eid };
	unsigned int fields = 0;
	size_t i;
	int ret;

	if (stays)
		return 0;
	set.inner_src.prefix = calloc(have->inner_src.n + 1, sizeof(*set.inner_src.prefix));
	if (!set.inner_src.prefix) {
		snprintf(a->error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	for (i = 0; i < have->inner_src.n; i++)
		if (want && has_prefix(want->addresses.list, want->addresses.n,
				       &have->inner_src.prefix[i]))
			set.inner_src.prefix[set.inner_src.n++] = have->inner_src.prefix[i];
	if (set.inner_src.n != have->inner_src.n)
		fields |= CPNS_PEER_SET_INNER_SRC;
	if ((have->flags & CPNS_PEER_FLAGS_MULTICAST) && !(want && want->multicast))
		fields |= CPNS_PEER_SET_FLAGS;
	ret = fields ? a->kernel->ops->peer_set(a->kernel, &set, fields) : 0;
	free(set.inner_src.prefix);
	return ret ? tell_refusal(a, ret, "to take addresses from", "a peer") : 0;
}

/*
 * Makes or changes a peer. Where the kernel refuses it is tried without the
 * prefixes that are granted: a bad grant shall not cost the session.
 */
static int set_peer(struct apply *a, int (*request)(struct kernel *k,
						    const struct cpns_peer *peer,
						    unsigned int fields),
		    const struct cpns_peer *peer, unsigned int fields,
		    const struct conf_peer *want)
{
	int ret = request(a->kernel, peer, fields);
	struct cpns_peer set = *peer;
	char text[200];

	if (!ret || !(want->addresses.granted || want->allowed_dst.granted))
		return ret;
	a->kernel->ops->error_text(a->kernel, ret, text, sizeof(text));
	set.inner_src.n -= want->addresses.granted;
	set.allowed_dst.n -= want->allowed_dst.granted;
	if (request(a->kernel, &set, fields))
		return ret;
	log_msg(LOG_ERR, "the kernel refused the prefixes that peer %s is granted: %s",
		want->name, text);
	return 0;
}

static int apply_peer(struct apply *a, const struct conf_peer *want)
{
	const struct cpns_peer *have = find(a, want->party.eid);
	unsigned int fields;
	struct cpns_peer set;
	int ret = 0;

	fill(&set, a->kernel->ifindex, want);
	if (!have) {
		fields = CONFIGURED;
		if (set.path.remote.family)
			fields |= CPNS_PEER_SET_ENDPOINT;
		ret = set_peer(a, a->kernel->ops->peer_new, &set, fields, want);
	} else {
		fields = changed(have, want);
		if (moved(a, want))
			fields |= CPNS_PEER_SET_ENDPOINT;
		if (fields)
			ret = set_peer(a, a->kernel->ops->peer_set, &set, fields, want);
	}
	return ret ? tell_refusal(a, ret, "peer", want->name) : 0;
}

static int apply_peers(struct apply *a)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < a->n_peers && !ret; i++)
		ret = release(a, &a->peers[i]);
	if (ret)
		return ret;
	/* The lists have changed: compare with what is there now. */
	cpns_peer_list_free(a->peers, a->n_peers);
	a->peers = NULL;
	a->n_peers = 0;
	ret = a->kernel->ops->peer_list(a->kernel, &a->peers, &a->n_peers);
	if (ret)
		return tell_refusal(a, ret, "to list", "its peers");
	for (i = 0; i < a->new->n_peers && !ret; i++)
		ret = apply_peer(a, a->new->peers[i]);
	return ret;
}

static int apply_classes(struct apply *a)
{
	const struct conf *new = a->new;
	struct cpns_class *have, set;
	size_t n, i, j;
	int ret;

	ret = a->kernel->ops->class_list(a->kernel, &have, &n);
	if (ret)
		return tell_refusal(a, ret, "to list", "its classes");
	for (i = 0; i < n && !ret; i++) {
		for (j = 0; j < new->n_classes; j++)
			if (new->classes[j]->prio == have[i].prio)
				break;
		if (j == new->n_classes)
			ret = a->kernel->ops->class_del(a->kernel, have[i].prio);
	}
	if (ret)
		tell_refusal(a, ret, "to delete", "a class");
	for (i = 0; i < new->n_classes && !ret; i++) {
		const struct conf_class *want = new->classes[i];

		for (j = 0; j < n; j++)
			if (have[j].prio == want->prio && have[j].mark == want->mark &&
			    have[j].mask == want->mask && have[j].mode == want->mode &&
			    have[j].clear == want->clear)
				break;
		if (j < n)
			continue;
		set = (struct cpns_class) {
			.ifindex = a->kernel->ifindex,
			.prio = want->prio,
			.mark = want->mark,
			.mask = want->mask,
			.mode = want->mode,
			.clear = want->clear,
		};
		ret = a->kernel->ops->class_new(a->kernel, &set);
		if (ret)
			tell_refusal(a, ret, "class", want->name);
	}
	free(have);
	return ret;
}

static int delete_peers(struct apply *a)
{
	size_t i;
	int ret;

	for (i = 0; i < a->n_peers; i++) {
		if (conf_peer_by_eid(a->new, a->peers[i].eid))
			continue;
		if (a->keep && !(a->old && conf_peer_by_eid(a->old, a->peers[i].eid)))
			continue;
		ret = a->kernel->ops->peer_del(a->kernel, a->peers[i].eid);
		if (ret && ret != -ENOENT)
			return tell_refusal(a, ret, "to delete", "a peer");
	}
	return 0;
}

int apply_peer_to_kernel(struct kernel *kernel, const struct conf_peer *old,
			 const struct conf_peer *new, char *error)
{
	struct apply a = { .kernel = kernel, .error = error };
	unsigned int fields = CONFIGURED;
	struct cpns_peer set;
	int ret;

	fill(&set, kernel->ifindex, new);
	if (set.path.remote.family &&
	    (!old || old->host[0] || !cpns_endpoint_equal(&old->endpoint, &new->endpoint)))
		fields |= CPNS_PEER_SET_ENDPOINT;
	if (!old) {
		ret = set_peer(&a, kernel->ops->peer_new, &set, fields, new);
		if (ret != -EEXIST)
			goto out;
		/* Left there by the daemon before; where it is now is newer. */
		fields &= ~CPNS_PEER_SET_ENDPOINT;
	}
	ret = set_peer(&a, kernel->ops->peer_set, &set, fields, new);
out:
	return ret ? tell_refusal(&a, ret, "peer", new->name) : 0;
}

int apply_to_kernel(struct kernel *kernel, const struct conf *old, const struct conf *new,
		    bool keep, char *error)
{
	struct apply a = {
		.kernel = kernel, .old = old, .new = new, .keep = keep, .error = error,
	};
	int ret;

	ret = kernel->ops->peer_list(kernel, &a.peers, &a.n_peers);
	if (ret)
		return tell_refusal(&a, ret, "to list", "its peers");
	ret = apply_peers(&a);
	if (!ret)
		ret = apply_classes(&a);
	if (!ret)
		ret = delete_peers(&a);
	cpns_peer_list_free(a.peers, a.n_peers);
	return ret;
}
