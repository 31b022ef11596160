// SPDX-License-Identifier: GPL-2.0
/* The control stream: what both of its ends share. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <codec.h>
#include <identity.h>

#include "control-stream.h"

void control_stream_address(struct sockaddr_in6 *addr, uint64_t eid, uint32_t ifindex,
			    uint16_t port)
{
	memset(addr, 0, sizeof(*addr));
	addr->sin6_family = AF_INET6;
	addr->sin6_port = htons(port);
	addr->sin6_scope_id = ifindex;
	cpns_link_local_address(eid, &addr->sin6_addr);
}

uint64_t control_stream_eid(const struct sockaddr_in6 *addr, uint32_t ifindex)
{
	struct in6_addr same;
	uint64_t eid;

	if (addr->sin6_family != AF_INET6 || addr->sin6_scope_id != ifindex)
		return 0;
	eid = cpns_get_u64(addr->sin6_addr.s6_addr + 8);
	cpns_link_local_address(eid, &same);
	return memcmp(&same, &addr->sin6_addr, sizeof(same)) ? 0 : eid;
}

int control_stream_socket(const char *device, const struct sockaddr_in6 *addr)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, ret;

	if (fd < 0)
		return -errno;
	/* After a restart of the daemon old connections are still in TIME_WAIT. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)) &&
	    !bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

json_t *control_stream_message(const char *type)
{
	return json_pack("{s:i, s:s}", "v", CONTROL_STREAM_VERSION, "type", type);
}

const char *control_stream_type(const json_t *message)
{
	const json_t *version = json_object_get(message, "v");
	const char *type = json_string_value(json_object_get(message, "type"));

	if (!json_is_integer(version) || json_integer_value(version) != CONTROL_STREAM_VERSION)
		return "";
	return type ? type : "";
}
