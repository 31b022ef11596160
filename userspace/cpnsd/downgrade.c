// SPDX-License-Identifier: GPL-2.0
/* Reports packets that came with less protection than is demanded of them. */
#include <stdio.h>
#include <string.h>

#include "downgrade.h"
#include "log.h"

/* The peers that such packets have come from, as far as they fit. */
static void name_peers(struct kernel *kernel, const struct conf *conf, char *text, size_t size)
{
	const struct conf_peer *peer;
	struct cpns_peer *peers;
	size_t n, i, used = 0;
	uint64_t count;

	*text = 0;
	if (kernel->ops->peer_list(kernel, &peers, &n))
		return;
	for (i = 0; i < n; i++) {
		count = peers[i].stats.value[CPNS_A_STATS_RX_LEVEL];
		peer = count ? conf_peer_by_eid(conf, peers[i].eid) : NULL;
		if (!peer || used >= size)
			continue;
		used += snprintf(text + used, size - used, "%s%s %llu", used ? ", " : "",
				 peer->name, (unsigned long long)count);
	}
	cpns_peer_list_free(peers, n);
}

void downgrade_look(struct downgrade *g, struct kernel *kernel, const struct conf *conf,
		    uint64_t now)
{
	struct cpns_stats stats;
	char names[256];
	uint64_t count;

	if (kernel->ops->dev_stats(kernel, &stats))
		return;
	count = stats.value[CPNS_A_STATS_RX_LEVEL];
	/* What was before this daemon has been reported by the one before. */
	if (!g->begun || count < g->seen) {
		g->begun = true;
		g->seen = count;
		return;
	}
	if (count == g->seen)
		return;
	name_peers(kernel, conf, names, sizeof(names));
	log_msg(LOG_WARNING,
		"%llu packets with less protection than is demanded were dropped (peers in all: %s)",
		(unsigned long long)(count - g->seen), names);
	g->packets += count - g->seen;
	g->last = now;
	g->seen = count;
}
