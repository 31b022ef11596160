/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limits on guessing: per user, per source (/32, /64) and in all, kept in the
 * store. A wait grows to a cap and no further, so nobody is locked out for
 * good; a source that has enrolled as a user before is measured by itself alone.
 */
#ifndef CPNS_REGISTRAR_THROTTLE_H
#define CPNS_REGISTRAR_THROTTLE_H

#include "registry.h"

enum { THROTTLE_SOURCE_TEXT = 64 };

/**
 * throttle_source() - what counts as one source
 * @address: numeric address
 * @source: THROTTLE_SOURCE_TEXT characters: an IPv4 address or a /64
 */
void throttle_source(const char *address, char *source);

/**
 * throttle_check() - may somebody try now
 * @r: registry
 * @now_ms: ms since 1970
 * @user: what was given as User ID, or NULL with a code
 * @source: of throttle_source()
 * @wait_s: result: seconds to wait, where not
 *
 * Return: 0, -EAGAIN or -EIO.
 */
int throttle_check(struct registry *r, uint64_t now_ms, const char *user, const char *source,
		   uint64_t *wait_s);

/** throttle_failed() - count a failure, in a transaction; as throttle_check() */
int throttle_failed(struct registry *r, uint64_t now_ms, const char *user, const char *source);

/**
 * throttle_succeeded() - remember that a user has enrolled from a source
 *
 * In a transaction. No count of failures is taken back.
 */
int throttle_succeeded(struct registry *r, uint64_t now_ms, const char *user,
		       const char *source);

#endif /* CPNS_REGISTRAR_THROTTLE_H */
