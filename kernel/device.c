// SPDX-License-Identifier: GPL-2.0
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/netns/generic.h>
#include <net/rtnetlink.h>

#include "compat.h"
#include "control.h"
#include "device.h"
#include "pan.h"
#include "peer.h"
#include "policy.h"
#include "relay.h"
#include "send.h"
#include "send-train.h"
#include "session.h"
#include "socket.h"

enum {
	/* What fits an Ethernet frame with IPv6 outside, in bytes. */
	DEFAULT_MTU = ETH_DATA_LEN - CPNS_OUTER_HEADROOM - CPNS_DATA_OVERHEAD,
	MAX_MTU = CPNS_DATAGRAM_MAX - CPNS_DATA_OVERHEAD,
};

static LIST_HEAD(devices);
static DEFINE_MUTEX(devices_lock);
static u64 last_device_id;

static int device_open(struct net_device *dev)
{
	struct cpns_device *cdev = netdev_priv(dev);
	struct inet6_dev *in6_dev = __in6_dev_get(dev);
	struct in_device *in_dev = __in_dev_get_rtnl(dev);
	struct cpns_listen listen = cdev->listen;
	int err;

	/* A peer of one end is no router that the other could reach better. */
	if (in_dev)
		IN_DEV_CONF_SET(in_dev, SEND_REDIRECTS, false);
	/* The link-local address follows from the EID, and is the daemon's to add. */
	if (in6_dev)
		in6_dev->cnf.addr_gen_mode = IN6_ADDR_GEN_MODE_NONE;

	err = cpns_socket_open(cdev, &listen, NULL);
	if (err)
		return err;
	cdev->listen = listen;
	return 0;
}

static int device_stop(struct net_device *dev)
{
	cpns_socket_close(netdev_priv(dev));
	return 0;
}

/* Comes for each device that goes, on whatever way. */
static void device_uninit(struct net_device *dev)
{
	struct cpns_device *cdev = netdev_priv(dev);

	mutex_lock(&devices_lock);
	list_del_init(&cdev->list);
	mutex_unlock(&devices_lock);

	mutex_lock(&cdev->lock);
	cdev->dying = true;
	cpns_control_release(cdev);
	cpns_peer_delete_all(cdev);
	mutex_unlock(&cdev->lock);
}

static void device_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *out)
{
	u64 sum[CPNS_STAT_LAST + 1];
	int i;

	cpns_stats_read_device(netdev_priv(dev), sum);
	out->rx_packets = sum[CPNS_A_STATS_RX_PACKETS];
	out->rx_bytes = sum[CPNS_A_STATS_RX_BYTES];
	out->tx_packets = sum[CPNS_A_STATS_TX_PACKETS];
	out->tx_bytes = sum[CPNS_A_STATS_TX_BYTES];
	for (i = CPNS_STAT_RX_DROP_FIRST; i <= CPNS_STAT_RX_DROP_LAST; i++)
		out->rx_dropped += sum[i];
	for (i = CPNS_STAT_TX_DROP_FIRST; i <= CPNS_STAT_TX_DROP_LAST; i++)
		out->tx_dropped += sum[i];
	for (i = CPNS_STAT_PAN_DROP_FIRST; i <= CPNS_STAT_PAN_DROP_LAST; i++)
		out->rx_dropped += sum[i];
	for (i = CPNS_STAT_RELAY_DROP_FIRST; i <= CPNS_STAT_RELAY_DROP_LAST; i++)
		out->rx_dropped += sum[i];
	out->rx_errors = sum[CPNS_A_STATS_RX_MALFORMED] + sum[CPNS_A_STATS_RX_BAD_TAG] +
			 sum[CPNS_A_STATS_RX_INNER_MALFORMED];
	out->rx_crc_errors = sum[CPNS_A_STATS_RX_BAD_TAG];
	out->rx_frame_errors = sum[CPNS_A_STATS_RX_INNER_MALFORMED];
	out->rx_length_errors = sum[CPNS_A_STATS_RX_MALFORMED];
	out->tx_carrier_errors = sum[CPNS_A_STATS_TX_NO_KEY];
	out->tx_errors = sum[CPNS_A_STATS_TX_CRYPTO];
}

static const struct net_device_ops device_ops = {
	.ndo_open = device_open,
	.ndo_stop = device_stop,
	.ndo_uninit = device_uninit,
	.ndo_start_xmit = cpns_send_xmit,
	.ndo_get_stats64 = device_get_stats64,
};

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, CPNS_LINK_KIND, sizeof(info->driver));
	strscpy(info->version, CPNS_MODULE_VERSION, sizeof(info->version));
}

static int get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? CPNS_STAT_COUNT : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 set, u8 *data)
{
	int i;

	if (set != ETH_SS_STATS)
		return;
	for (i = CPNS_STAT_FIRST; i <= CPNS_STAT_LAST; i++, data += ETH_GSTRING_LEN)
		strscpy((char *)data, cpns_stats_name(i), ETH_GSTRING_LEN);
}

static void get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	u64 sum[CPNS_STAT_LAST + 1];

	cpns_stats_read_device(netdev_priv(dev), sum);
	memcpy(data, sum + CPNS_STAT_FIRST, CPNS_STAT_COUNT * sizeof(*data));
}

static const struct ethtool_ops device_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_ethtool_stats,
};

static const struct device_type device_type = { .name = CPNS_LINK_KIND };

static void device_setup(struct net_device *dev)
{
	netdev_features_t features = NETIF_F_HW_CSUM | NETIF_F_SG | NETIF_F_FRAGLIST |
				     NETIF_F_HIGHDMA | NETIF_F_RXCSUM | NETIF_F_GSO_SOFTWARE |
				     NETIF_F_GSO_UDP_L4;

	dev->netdev_ops = &device_ops;
	dev->ethtool_ops = &device_ethtool_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->features |= features;
	dev->hw_features |= features;
	dev->hw_enc_features |= features;
	cpns_compat_set_lltx(dev);
	dev->mtu = DEFAULT_MTU;
	dev->min_mtu = IPV4_MIN_MTU;
	dev->max_mtu = MAX_MTU;
	dev->needed_headroom = LL_MAX_HEADER + CPNS_OUTER_HEADROOM + CPNS_DATA_HEADER_LEN;
	dev->needed_tailroom = CPNS_TAG_LEN;
	dev->needs_free_netdev = true;
	netif_set_tso_max_segs(dev, CPNS_TRAIN_SEGMENTS);
	SET_NETDEV_DEVTYPE(dev, &device_type);
	/* The path MTU is told to the route of the packet inside. */
	netif_keep_dst(dev);
}

/*
 * The last reference on the net device is gone, so there are no peers, sessions
 * or packets any more.
 */
static void device_destruct(struct net_device *dev)
{
	struct cpns_device *cdev = netdev_priv(dev);

	gro_cells_destroy(&cdev->gro);
	free_percpu(cdev->stats);
	cpns_relay_destroy(&cdev->relay);
	cpns_prefix_table_destroy(&cdev->prefixes);
	rhashtable_destroy(&cdev->sids);
	rhashtable_destroy(&cdev->peers);
	kfree(rcu_dereference_protected(cdev->classes, true));
	kvfree_sensitive(cdev->used_keys, cdev->used_size * sizeof(*cdev->used_keys));
	memzero_explicit(cdev->used_secret, sizeof(cdev->used_secret));
	mutex_destroy(&cdev->lock);
}

static int device_init_tables(struct cpns_device *cdev)
{
	int err;

	err = rhashtable_init(&cdev->peers, &cpns_peer_params);
	if (err)
		return err;
	err = rhashtable_init(&cdev->sids, &cpns_session_sid_params);
	if (err)
		goto err_peers;
	err = cpns_prefix_table_init(&cdev->prefixes);
	if (err)
		goto err_sids;
	return 0;

err_sids:
	rhashtable_destroy(&cdev->sids);
err_peers:
	rhashtable_destroy(&cdev->peers);
	return err;
}

static int device_newlink(struct net *src_net, struct net_device *dev,
			  struct netlink_ext_ack *extack)
{
	struct cpns_device *cdev = netdev_priv(dev);
	int err;

	cdev->dev = dev;
	cdev->net = src_net;
	mutex_init(&cdev->lock);
	INIT_LIST_HEAD(&cdev->peer_list);
	INIT_LIST_HEAD(&cdev->list);
	cpns_relay_init(&cdev->relay);
	get_random_bytes(cdev->used_secret, sizeof(cdev->used_secret));
	ratelimit_state_init(&cdev->unknown_sid_limit, HZ, 10);
	ratelimit_set_flags(&cdev->unknown_sid_limit, RATELIMIT_MSG_ON_RELEASE);

	err = device_init_tables(cdev);
	if (err)
		goto err_lock;
	err = -ENOMEM;
	cdev->stats = netdev_alloc_pcpu_stats(struct cpns_stats_all);
	if (!cdev->stats)
		goto err_tables;
	err = gro_cells_init(&cdev->gro, dev);
	if (err)
		goto err_stats;
	err = register_netdevice(dev);
	if (err)
		goto err_gro;

	mutex_lock(&devices_lock);
	cdev->id = ++last_device_id;
	list_add_tail(&cdev->list, &devices);
	mutex_unlock(&devices_lock);
	/* From here on the device cleans up by itself. */
	dev->priv_destructor = device_destruct;
	return 0;

err_gro:
	gro_cells_destroy(&cdev->gro);
err_stats:
	free_percpu(cdev->stats);
err_tables:
	cpns_prefix_table_destroy(&cdev->prefixes);
	rhashtable_destroy(&cdev->sids);
	rhashtable_destroy(&cdev->peers);
err_lock:
	mutex_destroy(&cdev->lock);
	NL_SET_ERR_MSG(extack, "device can't be made");
	return err;
}

CPNS_COMPAT_NEWLINK(link_newlink, device_newlink)

static struct rtnl_link_ops link_ops __read_mostly = {
	.kind = CPNS_LINK_KIND,
	.priv_size = sizeof(struct cpns_device),
	.setup = device_setup,
	.newlink = link_newlink,
};

bool cpns_device_is(const struct net_device *dev)
{
	return dev->rtnl_link_ops == &link_ops;
}

/* @net NULL is for all namespaces. */
static struct cpns_device *next_device(const struct net *net, u64 id)
{
	struct cpns_device *cdev;

	mutex_lock(&devices_lock);
	list_for_each_entry(cdev, &devices, list) {
		if (cdev->id <= id || (net && dev_net(cdev->dev) != net))
			continue;
		dev_hold(cdev->dev);
		mutex_unlock(&devices_lock);
		return cdev;
	}
	mutex_unlock(&devices_lock);
	return NULL;
}

struct cpns_device *cpns_device_next(struct net *net, u64 id)
{
	return next_device(net, id);
}

void cpns_device_kill_keys(int cause)
{
	struct cpns_device *cdev;
	struct cpns_peer *peer;
	u64 id = 0;

	while ((cdev = next_device(NULL, id))) {
		mutex_lock(&cdev->lock);
		list_for_each_entry(peer, &cdev->peer_list, list)
			cpns_session_kill_all(peer, cause);
		mutex_unlock(&cdev->lock);
		id = cdev->id;
		dev_put(cdev->dev);
	}
}

/*
 * The namespace of the outer datagrams goes. A device that has moved to another
 * one stays there, down and without a way out.
 */
static void __net_exit net_pre_exit(struct net *net)
{
	struct cpns_device *cdev;
	struct cpns_peer *peer;
	u64 id = 0;

	rtnl_lock();
	while ((cdev = next_device(NULL, id))) {
		if (cdev->net == net) {
			dev_close(cdev->dev);
			cdev->net = NULL;
			mutex_lock(&cdev->lock);
			list_for_each_entry(peer, &cdev->peer_list, list)
				dst_cache_reset(&peer->dst_cache);
			mutex_unlock(&cdev->lock);
		}
		id = cdev->id;
		dev_put(cdev->dev);
	}
	rtnl_unlock();
}

static struct pernet_operations net_ops = { .pre_exit = net_pre_exit };

/* What was said of an interface must not hold for the next one with its number. */
static void forget_interface(const struct net_device *dev)
{
	struct cpns_device *cdev;
	u64 id = 0;

	while ((cdev = next_device(NULL, id))) {
		mutex_lock(&cdev->lock);
		if (cdev->net == dev_net(dev)) {
			cpns_relay_forget_interface(cdev, dev->ifindex);
			cpns_pan_forget_interface(cdev, dev->ifindex);
		}
		mutex_unlock(&cdev->lock);
		id = cdev->id;
		dev_put(cdev->dev);
	}
}

/* An interface that moves to another namespace unregisters from this one. */
static int device_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	if (event == NETDEV_UNREGISTER)
		forget_interface(netdev_notifier_info_to_dev(ptr));
	return NOTIFY_DONE;
}

static struct notifier_block device_notifier = { .notifier_call = device_event };

int cpns_device_init(void)
{
	int err;

	err = register_pernet_device(&net_ops);
	if (err)
		return err;
	err = register_netdevice_notifier(&device_notifier);
	if (err)
		goto err_pernet;
	err = rtnl_link_register(&link_ops);
	if (err)
		goto err_notifier;
	return 0;

err_notifier:
	unregister_netdevice_notifier(&device_notifier);
err_pernet:
	unregister_pernet_device(&net_ops);
	return err;
}

void cpns_device_exit(void)
{
	rtnl_link_unregister(&link_ops);
	unregister_netdevice_notifier(&device_notifier);
	unregister_pernet_device(&net_ops);
}
