/* SPDX-License-Identifier: GPL-2.0 */
/* Looks up names in a thread of its own, as getaddrinfo() blocks. */
#ifndef CPNSD_RESOLVER_H
#define CPNSD_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include <text.h>

struct resolver;

enum resolver_sizes {
	RESOLVER_ADDRESSES_MAX = 8,
};

/**
 * typedef resolver_answer_t - an answer, in the thread of resolver_receive()
 * @arg: the caller's
 * @eid: as asked
 * @host: as asked
 * @list: addresses with the port
 * @n: how many; 0 where there is no answer
 * @why: a sentence where there is none
 */
typedef void (*resolver_answer_t)(void *arg, uint64_t eid, const char *host,
				  const struct cpns_endpoint *list, size_t n, const char *why);

/**
 * resolver_new() - start the thread
 *
 * To be called after the process went to the background.
 *
 * Return: the resolver, or NULL without memory or thread.
 */
struct resolver *resolver_new(void);

/**
 * resolver_free() - end
 * @r: resolver, or NULL
 *
 * A lookup under way is not waited for.
 */
void resolver_free(struct resolver *r);

/** resolver_fd() - readable when there are answers */
int resolver_fd(const struct resolver *r);

/**
 * resolver_ask() - look up a name; never blocks
 * @r: resolver
 * @eid: given back
 * @host: name or numeric address
 * @port: put into the answers
 *
 * Return: 0 or -ENOMEM.
 */
int resolver_ask(struct resolver *r, uint64_t eid, const char *host, uint16_t port);

/**
 * resolver_receive() - take the answers that are there
 * @r: resolver
 * @answer: called for each
 * @arg: for @answer
 */
void resolver_receive(struct resolver *r, resolver_answer_t answer, void *arg);

#endif /* CPNSD_RESOLVER_H */
