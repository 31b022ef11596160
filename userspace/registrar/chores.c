// SPDX-License-Identifier: GPL-2.0
/* What the registrar does by itself from time to time. */
#include <stdlib.h>

#include "../cpnsd/log.h"
#include "chores.h"
#include "local-keys.h"

#define KEEP_ENDED_S	(7 * 86400)	/* keys, after their end */

static int prune(struct registrar *registrar, uint64_t now)
{
	struct registry *reg = &registrar->reg;
	uint64_t keep = registrar->conf->audit_keep;
	int ret;

	ret = reg->ops->codes_prune(reg->store, now);
	if (!ret)
		ret = reg->ops->rates_prune(reg->store, now * 1000);
	if (!ret)
		ret = reg->ops->keys_prune(reg->store, now - KEEP_ENDED_S);
	if (!ret)
		ret = reg->ops->audit_prune(reg->store, now > keep ? now - keep : 0);
	if (!ret)
		ret = local_keys_due(reg, now);
	return ret;
}

/* One line an entity: the newest of its keys, as the list is ordered by end. */
static int warn_of_ends(struct registrar *registrar, uint64_t now)
{
	struct registry *reg = &registrar->reg;
	struct store_key *list;
	size_t n, i;
	int ret;

	ret = reg->ops->keys_due(reg->store, now + reg->rules.warn_before, &list, &n);
	for (i = 0; i < n; i++) {
		if (now >= list[i].not_after)
			log_msg(LOG_WARNING, "the EUKey of %s has ended: enrol it anew",
				list[i].entity);
		else
			log_msg(LOG_WARNING,
				"the EUKey of %s ends in %llu d: cpnsctl entity rotate %s",
				list[i].entity,
				(unsigned long long)(list[i].not_after - now) / 86400,
				list[i].entity);
	}
	free(list);
	return ret;
}

int chores_run(struct registrar *registrar, bool warn)
{
	struct registry *reg = &registrar->reg;
	uint64_t now = registrar_now();
	int ret;

	ret = registry_begin(reg);
	if (!ret)
		ret = registry_end(reg, prune(registrar, now));
	if (!ret && warn)
		ret = warn_of_ends(registrar, now);
	return ret;
}
