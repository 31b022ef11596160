// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams and requests for selftests/bench, at next to no cost of their own:
 * one process has a socket in each of two namespaces, sends a burst from the
 * one and takes it from the other. Nobody waits, nothing is lost in a queue,
 * and with -icount the time that passes is what the packets cost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 32, LARGE = 1 << 16, PORT = 7007, WAIT_S = 5 };

static char buffers[BURST][2048];
static char large[LARGE];

static const char usage[] =
	"packets one|mmsg|gso NETNS ADDRESS NETNS ADDRESS SIZE COUNT\n"
	"	UDP datagrams of SIZE bytes from the first to the second: one\n"
	"	a call, 32 a call of sendmmsg(), or 32 in one with UDP_SEGMENT\n"
	"packets rr NETNS ADDRESS NETNS ADDRESS SIZE COUNT\n"
	"	requests and answers of SIZE bytes over one TCP connection\n"
	"Prints what arrived and the nanoseconds it took.\n";

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Of a test's own namespaces, which are named in /run/netns. */
static void enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		error(1, errno, "%s: not entered; name one of 'ip netns'", path);
	close(fd);
}

static struct addrinfo *resolve(const char *address, int port, int type)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICHOST }, *found;
	char service[8];
	int err;

	snprintf(service, sizeof(service), "%d", port);
	err = getaddrinfo(address, service, &hints, &found);
	if (err)
		error(1, 0, "%s: %s; give an IPv4 or IPv6 address", address, gai_strerror(err));
	return found;
}

static int open_at(const char *netns, const char *address, int port, int type)
{
	struct addrinfo *at = resolve(address, port, type);
	struct timeval wait = { .tv_sec = WAIT_S };
	int fd, room = 1 << 24;

	enter(netns);
	fd = socket(at->ai_family, type, 0);
	if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen))
		error(1, errno, "%s port %d: no socket", address, port);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	freeaddrinfo(at);
	return fd;
}

static void connect_to(int fd, const char *address, int type)
{
	struct addrinfo *to = resolve(address, PORT, type);

	if (connect(fd, to->ai_addr, to->ai_addrlen))
		error(1, errno, "%s: not connected", address);
	freeaddrinfo(to);
}

static void messages_of(struct mmsghdr *messages, struct iovec *parts, size_t size)
{
	memset(messages, 0, BURST * sizeof(*messages));
	for (int i = 0; i < BURST; i++) {
		parts[i] = (struct iovec){ buffers[i], size };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

/* Takes as many datagrams as were sent; returns how many came. */
static int take(int fd, int count)
{
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];
	int came = 0, n;

	messages_of(messages, parts, sizeof(buffers[0]));
	while (came < count) {
		n = recvmmsg(fd, messages, count - came, MSG_WAITFORONE, NULL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		came += n;
	}
	return came;
}

static void send_one_by_one(int fd, size_t size)
{
	for (int i = 0; i < BURST; i++)
		if (send(fd, large, size, 0) < 0)
			error(1, errno, "send");
}

static void send_many(int fd, size_t size)
{
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];

	messages_of(messages, parts, size);
	if (sendmmsg(fd, messages, BURST, 0) != BURST)
		error(1, errno, "sendmmsg");
}

static void send_segments(int fd, size_t size)
{
	if (send(fd, large, size * BURST, 0) < 0)
		error(1, errno, "send with UDP_SEGMENT");
}

static void flood(const char *how, char *const where[], size_t size, long count)
{
	void (*burst)(int fd, size_t size) = send_one_by_one;
	int to = open_at(where[2], where[3], PORT, SOCK_DGRAM);
	int from = open_at(where[0], where[1], 0, SOCK_DGRAM);
	int segment = size;
	long long begin;
	long came = 0;

	if (!strcmp(how, "mmsg"))
		burst = send_many;
	if (!strcmp(how, "gso")) {
		burst = send_segments;
		if (setsockopt(from, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
			error(1, errno, "UDP_SEGMENT");
	}
	connect_to(from, where[3], SOCK_DGRAM);
	/* Neighbours, routes and caches are there after the first ones. */
	for (int i = 0; i < 4; i++) {
		burst(from, size);
		take(to, BURST);
	}
	begin = now_ns();
	for (long sent = 0; sent < count; sent += BURST) {
		burst(from, size);
		came += take(to, BURST);
	}
	printf("%ld %lld\n", came, now_ns() - begin);
}

static void pass_on(int from, int to, size_t size)
{
	if (send(from, large, size, 0) != (ssize_t)size ||
	    recv(to, large, size, MSG_WAITALL) != (ssize_t)size)
		error(1, errno, "a request or an answer was lost");
}

static void ask(char *const where[], size_t size, long count)
{
	int listener = open_at(where[2], where[3], PORT, SOCK_STREAM);
	int client = open_at(where[0], where[1], 0, SOCK_STREAM);
	int server, on = 1;
	long long begin;

	if (listen(listener, 1))
		error(1, errno, "listen");
	connect_to(client, where[3], SOCK_STREAM);
	server = accept(listener, NULL, NULL);
	if (server < 0)
		error(1, errno, "accept");
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (int i = 0; i < BURST; i++) {
		pass_on(client, server, size);
		pass_on(server, client, size);
	}
	begin = now_ns();
	for (long i = 0; i < count; i++) {
		pass_on(client, server, size);
		pass_on(server, client, size);
	}
	printf("%ld %lld\n", count, now_ns() - begin);
}

int main(int argc, char *argv[])
{
	char *end_size, *end_count;
	long size, count;

	if (argc != 8) {
		fputs(usage, stderr);
		return 2;
	}
	size = strtol(argv[6], &end_size, 10);
	count = strtol(argv[7], &end_count, 10);
	if (*end_size || *end_count || size < 1 || size > (long)sizeof(buffers[0]) || count < 1)
		error(2, 0, "SIZE is 1 to %zu bytes, COUNT at least 1", sizeof(buffers[0]));
	if (!strcmp(argv[1], "rr")) {
		ask(argv + 2, size, count);
	} else if (!strcmp(argv[1], "one") || !strcmp(argv[1], "mmsg") ||
		   !strcmp(argv[1], "gso")) {
		if (!strcmp(argv[1], "gso") && size * BURST > 65000)
			error(2, 0, "SIZE with gso is %d bytes at most", 65000 / BURST);
		flood(argv[1], argv + 2, size, count);
	} else {
		fputs(usage, stderr);
		return 2;
	}
	return 0;
}
