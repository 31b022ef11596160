/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stands in for the kernel behind a netlink socket: takes what libcpns sends
 * and gives back datagrams that a test has laid out. The linker puts it in the
 * place of send(), recvmsg() and poll() (--wrap), and of resolving the family.
 */
#ifndef _CPNS_FAKE_KERNEL_H
#define _CPNS_FAKE_KERNEL_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_FAMILY = 0x77, FAKE_GROUP = 5, FAKE_DATAGRAM = 16384 };

/** fake_on() - from now on; false = the real kernel again */
void fake_on(bool on);

/** fake_reply() - one more datagram that waits to be received, or -errno */
void fake_reply(const void *datagram, int len);

/** fake_clear() - nothing waits, nothing was sent */
void fake_clear(void);

/** fake_sent() - the last request, @len bytes */
const struct nlmsghdr *fake_sent(size_t *len);

/** fake_sends() - requests sent */
unsigned int fake_sends(void);

/** fake_fail_send() - the next send fails with this errno */
void fake_fail_send(int error);

/** fake_port() - sender of what is received; 0 is the kernel */
void fake_port(uint32_t port);

/* Laying out a datagram: several messages, each with attributes. */

/**
 * struct fake - a datagram being laid out
 * @len: bytes
 * @message: where the last message starts
 * @words: aligns @bytes
 * @bytes: what was laid out
 */
struct fake {
	size_t len;
	size_t message;
	union {
		uint64_t words[FAKE_DATAGRAM / sizeof(uint64_t)];
		uint8_t bytes[FAKE_DATAGRAM];
	};
};

/** fake_begin() - one more message; @cmd of the family, @seq 0 = an event */
void fake_begin(struct fake *f, uint16_t type, uint16_t flags, uint32_t seq, uint32_t port,
		uint8_t cmd);

/** fake_answer() - one more message that answers the last request */
void fake_answer(struct fake *f, uint16_t flags, uint8_t cmd);

/** fake_attr() - one more attribute of the message */
void fake_attr(struct fake *f, uint16_t type, const void *data, size_t len);

/** fake_u8() and so on - attributes with a number */
void fake_u8(struct fake *f, uint16_t type, uint8_t v);
void fake_u16(struct fake *f, uint16_t type, uint16_t v);
void fake_u32(struct fake *f, uint16_t type, uint32_t v);
void fake_u64(struct fake *f, uint16_t type, uint64_t v);

/** fake_nest() - begin a nest; returns what fake_nest_end() wants */
size_t fake_nest(struct fake *f, uint16_t type);
void fake_nest_end(struct fake *f, size_t nest);

/** fake_error() - NLMSG_ERROR for the last request, with words if any */
void fake_error(struct fake *f, int code, const char *words, uint32_t offset, uint32_t missing);

/** fake_done() - NLMSG_DONE for the last request */
void fake_done(struct fake *f, int code, uint16_t flags);

/** fake_deliver() - what was laid out waits to be received */
void fake_deliver(struct fake *f);

#endif /* _CPNS_FAKE_KERNEL_H */
