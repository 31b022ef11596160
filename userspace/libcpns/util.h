/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What several files of the library want and nobody else.
 */
#ifndef _CPNS_UTIL_H
#define _CPNS_UTIL_H

/** ARRAY_SIZE() - elements of an array */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/** container_of() - structure that holds a member */
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#endif /* _CPNS_UTIL_H */
