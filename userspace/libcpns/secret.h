/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handling of secret bytes: erasing and comparing.
 */
#ifndef _CPNS_SECRET_H
#define _CPNS_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/**
 * cpns_wipe() - erase secret bytes so that the compiler can't leave it out
 * @p: start; may be NULL when @len is 0
 * @len: bytes to erase
 */
void cpns_wipe(void *p, size_t len);

/**
 * cpns_free_secret() - erase and free
 * @p: memory from malloc() or calloc(), or NULL
 * @len: bytes to erase
 */
void cpns_free_secret(void *p, size_t len);

/**
 * cpns_free_wiped() - erase all of an allocation and free it
 * @p: memory from malloc(), calloc() or realloc(), or NULL
 *
 * For libraries that take a free() of the caller's.
 */
void cpns_free_wiped(void *p);

/**
 * cpns_realloc_wiped() - realloc() that leaves no copy behind
 * @p: memory, or NULL
 * @size: bytes wanted
 *
 * Return: as realloc().
 */
void *cpns_realloc_wiped(void *p, size_t size);

/**
 * cpns_equal() - compare in a time that does not depend on the contents
 * @a: bytes
 * @b: bytes
 * @len: bytes to compare
 *
 * Return: true when all bytes are equal.
 */
bool cpns_equal(const void *a, const void *b, size_t len);

/**
 * cpns_random() - random bytes from the system
 * @buf: filled
 * @len: bytes wanted
 *
 * Return: 0, or -EIO when the system has none.
 */
int cpns_random(void *buf, size_t len);

#endif /* _CPNS_SECRET_H */
