// SPDX-License-Identifier: GPL-2.0
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/net_namespace.h>

#include "control.h"
#include "device.h"
#include "netlink.h"
#include "peer.h"
#include "socket.h"
#include "stats.h"

/**
 * struct cpns_owner - netlink socket that gets a device's datagrams
 * @cdev: device
 * @net: namespace of the socket, compared, and looked into by readers; no
 *	 reference is held, since the socket has one for as long as it is open
 * @portid: its port
 * @list: in the list of all owners
 * @rcu: for its end
 */
struct cpns_owner {
	struct cpns_device *cdev;
	struct net *net;
	u32 portid;
	struct list_head list;
	struct rcu_head rcu;
};

/*
 * All owners, whatever namespaces their devices are in. The lock covers the
 * list and each device's @owner; it is never held while netlink is called.
 */
static LIST_HEAD(owners);
static DEFINE_SPINLOCK(owners_lock);

static struct cpns_owner *owner_get(struct cpns_device *cdev)
{
	return rcu_dereference_protected(cdev->owner, lockdep_is_held(&owners_lock));
}

/*
 * Readers may have the owner still. They hold up its memory, and the namespace
 * too: that is torn down a grace period after its last socket is gone.
 */
static void owner_drop(struct cpns_owner *owner)
{
	lockdep_assert_held(&owners_lock);
	list_del(&owner->list);
	RCU_INIT_POINTER(owner->cdev->owner, NULL);
	kfree_rcu(owner, rcu);
}

static bool owner_is(const struct cpns_owner *owner, const struct net *net, u32 portid)
{
	return net_eq(owner->net, net) && owner->portid == portid;
}

static size_t message_size(unsigned int len)
{
	return nla_total_size(sizeof(u32)) +		/* ifindex */
	       nla_total_size(0) +			/* endpoint */
	       2 * nla_total_size(sizeof(struct in6_addr)) +
	       nla_total_size(sizeof(__be16)) +
	       2 * nla_total_size(sizeof(u32)) +
	       nla_total_size(len);			/* datagram */
}

static struct sk_buff *message_make(struct cpns_device *cdev, const struct sk_buff *skb)
{
	struct cpns_endpoint ep = {};
	struct nlattr *datagram;
	struct sk_buff *msg;
	void *hdr;

	msg = genlmsg_new(message_size(skb->len), GFP_ATOMIC);
	if (!msg)
		return NULL;
	hdr = genlmsg_put(msg, 0, 0, &cpns_netlink_family, 0, CPNS_CMD_MSG_NTF);
	cpns_socket_sender(skb, &ep);
	ep.ifindex = cpns_socket_ingress(skb);
	if (!hdr || nla_put_u32(msg, CPNS_A_MSG_IFINDEX, READ_ONCE(cdev->dev->ifindex)) ||
	    cpns_netlink_put_endpoint(msg, CPNS_A_MSG_ENDPOINT, &ep))
		goto err_free;
	datagram = nla_reserve(msg, CPNS_A_MSG_DATAGRAM, skb->len);
	if (!datagram || skb_copy_bits(skb, 0, nla_data(datagram), skb->len))
		goto err_free;
	genlmsg_end(msg, hdr);
	return msg;

err_free:
	nlmsg_free(msg);
	return NULL;
}

void cpns_control_receive(struct cpns_device *cdev, struct sk_buff *skb)
{
	struct cpns_owner *owner = rcu_dereference(cdev->owner);
	struct sk_buff *msg = owner ? message_make(cdev, skb) : NULL;

	/* A full socket refuses at once, as a full UDP socket does. */
	if (msg && !genlmsg_unicast(owner->net, msg, owner->portid))
		cpns_stats_inc(cdev, NULL, CPNS_A_STATS_RX_CONTROL);
	else
		cpns_stats_inc(cdev, NULL, CPNS_A_STATS_RX_CONTROL_DROPPED);
	consume_skb(skb);
}

int cpns_control_bind(struct cpns_device *cdev, struct net *net, u32 portid)
{
	struct cpns_owner *owner, *old;
	int err = 0;

	lockdep_assert_held(&cdev->lock);
	owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);
	if (!owner)
		return -ENOMEM;
	owner->cdev = cdev;
	owner->net = net;
	owner->portid = portid;

	spin_lock(&owners_lock);
	old = owner_get(cdev);
	if (!old) {
		list_add(&owner->list, &owners);
		rcu_assign_pointer(cdev->owner, owner);
		owner = NULL;
	} else if (!owner_is(old, net, portid)) {
		err = -EBUSY;
	}
	spin_unlock(&owners_lock);

	kfree(owner);
	return err;
}

bool cpns_control_is_owner(struct cpns_device *cdev, struct net *net, u32 portid)
{
	struct cpns_owner *owner;
	bool is;

	rcu_read_lock();
	owner = rcu_dereference(cdev->owner);
	is = owner && owner_is(owner, net, portid);
	rcu_read_unlock();
	return is;
}

u32 cpns_control_owner(struct cpns_device *cdev)
{
	struct cpns_owner *owner;
	u32 portid;

	rcu_read_lock();
	owner = rcu_dereference(cdev->owner);
	portid = owner ? owner->portid : 0;
	rcu_read_unlock();
	return portid;
}

void cpns_control_release(struct cpns_device *cdev)
{
	struct cpns_owner *owner;

	spin_lock(&owners_lock);
	owner = owner_get(cdev);
	if (owner)
		owner_drop(owner);
	spin_unlock(&owners_lock);
}

/*
 * A socket has closed. A port used again in another namespace, or by another
 * protocol, must not inherit the device: all three are compared. The devices are
 * there: each drops its owner before it goes.
 */
static int socket_closed(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct netlink_notify *n = ptr;
	struct cpns_owner *owner, *next;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	spin_lock(&owners_lock);
	list_for_each_entry_safe(owner, next, &owners, list)
		if (owner_is(owner, n->net, n->portid))
			owner_drop(owner);
	spin_unlock(&owners_lock);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_closed,
};

int cpns_control_init(void)
{
	return netlink_register_notifier(&socket_notifier);
}

void cpns_control_exit(void)
{
	netlink_unregister_notifier(&socket_notifier);
}
