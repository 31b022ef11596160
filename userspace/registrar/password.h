/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Passwords: Argon2id in worker threads, a bounded number at a time, so that
 * the event loop never waits for one.
 */
#ifndef CPNS_REGISTRAR_PASSWORD_H
#define CPNS_REGISTRAR_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "storage.h"

struct event_base;
struct passwords;

/**
 * struct password_cost - what a hash costs
 * @memory: bytes
 * @passes: over the memory
 * @workers: hashes made at a time
 * @queue: further ones that may wait
 */
struct password_cost {
	size_t		memory;
	unsigned int	passes;
	unsigned int	workers;
	unsigned int	queue;
};

/**
 * typedef password_done_t - a job has ended, in the event loop
 * @arg: the caller's
 * @result: 0 (the password was right, or the hash is made), -EACCES (it was
 *	wrong), -ENOMEM or -ECANCELED (the workers were stopped before)
 * @hash: made; or the password's at the cost of now, where the one given had
 *	another cost; else NULL
 */
typedef void (*password_done_t)(void *arg, int result, const char *hash);

/**
 * passwords_start() - start the workers
 * @passwords: result
 * @base: event loop that is told
 * @cost: of hashes that are made
 *
 * Return: 0 or -errno.
 */
int passwords_start(struct passwords **passwords, struct event_base *base,
		    const struct password_cost *cost);

/**
 * passwords_stop() - end the workers: what waits is cancelled; takes NULL
 * @passwords: workers; from now on nothing is taken
 */
void passwords_stop(struct passwords *passwords);

/** passwords_free() - after passwords_stop(), when nobody can ask any more */
void passwords_free(struct passwords *passwords);

/**
 * password_verify() - is a password right
 * @passwords: workers
 * @password: text; copied
 * @hash: to compare with; NULL = of nobody: the same work, and never right
 * @done: told of the result
 * @arg: for @done
 *
 * Return: 0, -EBUSY (too many wait), -ECANCELED (the workers were stopped),
 * -EINVAL (too long) or -ENOMEM.
 */
int password_verify(struct passwords *passwords, const char *password, const char *hash,
		    password_done_t done, void *arg);

/** password_make() - make the hash of a password; as password_verify() */
int password_make(struct passwords *passwords, const char *password, password_done_t done,
		  void *arg);

/** passwords_dummy() - hash of nobody's password, at the cost of now */
const char *passwords_dummy(const struct passwords *passwords);

#endif /* CPNS_REGISTRAR_PASSWORD_H */
