// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include "netlink.h"
#include "netlink-gen.c"

static_assert((int)CPNS_NETLINK_EVENTS == (int)CPNS_NLGRP_EVENTS);

static struct genl_ops ops[ARRAY_SIZE(cpns_nl_ops)] __ro_after_init;

struct genl_family cpns_netlink_family __ro_after_init = {
	.name = CPNS_GENL_NAME,
	.version = CPNS_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.resv_start_op = __CPNS_CMD_MAX,
	.mcgrps = cpns_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(cpns_nl_mcgrps),
};

/*
 * key-new goes by its policy itself: what generic netlink refuses never gets to
 * the handler, and the keys in it would stay behind in freed memory.
 */
static void __init take_ops(void)
{
	unsigned int i;

	memcpy(ops, cpns_nl_ops, sizeof(ops));
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].cmd == CPNS_CMD_KEY_NEW) {
			ops[i].policy = NULL;
			ops[i].maxattr = 0;
		}
	}
}

int __init cpns_netlink_init(void)
{
	take_ops();
	return genl_register_family(&cpns_netlink_family);
}

void cpns_netlink_exit(void)
{
	genl_unregister_family(&cpns_netlink_family);
}
