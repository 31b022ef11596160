// SPDX-License-Identifier: GPL-2.0
#include <cpns/wire.h>
#include "control.h"
#include "device.h"
#include "netlink-common.h"
#include "netlink-gen.h"
#include "peer.h"
#include "socket.h"
#include "stats.h"

static int bind_owner(struct sk_buff *skb, struct genl_info *info, struct cpns_device *cdev)
{
	int err = cpns_nl_check_transport(skb, info, cdev);

	if (!err)
		err = cpns_control_bind(cdev, genl_info_net(info), info->snd_portid);
	if (err == -EBUSY)
		NL_SET_ERR_MSG(info->extack,
			       "another daemon owns the device: stop that one first");
	return err;
}

int cpns_nl_msg_bind_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, true);
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = bind_owner(skb, info, cdev);
	cpns_nl_unlock_device(cdev, true);
	return err;
}

static int check_datagram(struct genl_info *info, const struct nlattr *attr)
{
	const u8 *data = nla_data(attr);

	if (nla_len(attr) < CPNS_HEADER_LEN || nla_len(attr) > CPNS_DATAGRAM_MAX)
		return refuse(info->extack, attr, -EINVAL,
			      "a datagram has from 24 to 65507 bytes");
	if (data[0] >> 4 != CPNS_VERSION)
		return refuse(info->extack, attr, -EINVAL,
			      "the datagram does not begin with version 1");
	if ((data[0] & 0xf) == CPNS_MSG_DATA)
		return refuse(info->extack, attr, -EINVAL,
			      "DATA is sent by the kernel only: send it through the device");
	return 0;
}

static int send_datagram(struct genl_info *info, struct cpns_device *cdev)
{
	const struct nlattr *datagram = info->attrs[CPNS_A_MSG_DATAGRAM];
	struct cpns_endpoint ep;
	int err;

	if (!cpns_control_is_owner(cdev, genl_info_net(info), info->snd_portid))
		return refuse(info->extack, NULL, -EPERM,
			      "only the owner of the device may send: use msg-bind on this socket first");
	if (GENL_REQ_ATTR_CHECK(info, CPNS_A_MSG_ENDPOINT) ||
	    GENL_REQ_ATTR_CHECK(info, CPNS_A_MSG_DATAGRAM))
		return refuse(info->extack, NULL, -EINVAL, "give endpoint and datagram");
	err = check_datagram(info, datagram);
	if (!err)
		err = cpns_nl_parse_endpoint(info->attrs[CPNS_A_MSG_ENDPOINT], &ep, info->extack);
	if (err)
		return err;

	err = cpns_socket_send_to(cdev, &ep, nla_data(datagram), nla_len(datagram));
	if (err == -ENOTCONN)
		return refuse(info->extack, NULL, err, "the device is down: set it up first");
	if (err)
		return refuse(info->extack, info->attrs[CPNS_A_MSG_ENDPOINT], err,
			      "the datagram could not be sent: look at the route to the endpoint");
	cpns_stats_inc(cdev, NULL, CPNS_A_STATS_TX_CONTROL);
	return 0;
}

int cpns_nl_msg_send_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = send_datagram(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return err;
}
