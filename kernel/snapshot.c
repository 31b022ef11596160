// SPDX-License-Identifier: GPL-2.0
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/suspend.h>
#include <uapi/linux/cpns.h>

#include "device.h"
#include "snapshot.h"

/* The hypervisor says that this machine is a copy. */
static int vmfork_event(struct notifier_block *nb, unsigned long action, void *data)
{
	cpns_device_kill_keys(CPNS_CAUSE_SNAPSHOT);
	return NOTIFY_DONE;
}

/* An image is about to be written, or to be loaded over what is here. */
static int pm_event(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == PM_HIBERNATION_PREPARE || action == PM_RESTORE_PREPARE)
		cpns_device_kill_keys(CPNS_CAUSE_SNAPSHOT);
	return NOTIFY_DONE;
}

static struct notifier_block vmfork_block = { .notifier_call = vmfork_event };
static struct notifier_block pm_block = { .notifier_call = pm_event };

int cpns_snapshot_init(void)
{
	int err;

	err = register_pm_notifier(&pm_block);
	if (err)
		return err;
	err = register_random_vmfork_notifier(&vmfork_block);
	if (err)
		unregister_pm_notifier(&pm_block);
	return err;
}

void cpns_snapshot_exit(void)
{
	unregister_random_vmfork_notifier(&vmfork_block);
	unregister_pm_notifier(&pm_block);
}
