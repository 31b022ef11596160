// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>

#include "control.h"
#include "crypto.h"
#include "device.h"
#include "netlink.h"
#include "pages.h"
#include "receive-train.h"
#include "session.h"
#include "snapshot.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init cpns_init(void)
{
	int err;

	err = cpns_session_init();
	if (err)
		return err;
	err = cpns_control_init();
	if (err)
		goto err_session;
	err = cpns_snapshot_init();
	if (err)
		goto err_control;
	err = cpns_device_init();
	if (err)
		goto err_snapshot;
	err = cpns_netlink_init();
	if (err)
		goto err_device;
	return 0;

err_device:
	cpns_device_exit();
err_snapshot:
	cpns_snapshot_exit();
err_control:
	cpns_control_exit();
err_session:
	rcu_barrier();
	cpns_session_exit();
	return err;
}

/*
 * Unregistering the link kind waits until each device is gone, and a device
 * goes after its last peer, a peer after its last session.
 */
static void __exit cpns_exit(void)
{
	cpns_netlink_exit();
	cpns_device_exit();
	cpns_snapshot_exit();
	cpns_control_exit();
	rcu_barrier();
	cpns_session_exit();
	cpns_crypto_exit();
	cpns_pages_exit();
	cpns_receive_train_exit();
}

module_init(cpns_init);
module_exit(cpns_exit);

MODULE_DESCRIPTION("Secure sessions of personal networks (CPNS)");
MODULE_AUTHOR("The CPNS developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(CPNS_MODULE_VERSION);
MODULE_ALIAS_RTNL_LINK(CPNS_LINK_KIND);
MODULE_ALIAS_GENL_FAMILY(CPNS_GENL_NAME);
MODULE_SOFTDEP("pre: gcm aesni_intel chacha20poly1305 authenc ctr hmac sha256");
