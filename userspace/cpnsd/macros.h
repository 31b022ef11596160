/* SPDX-License-Identifier: GPL-2.0 */
/* What several files of cpnsd and cpnsctl want. */
#ifndef CPNSD_MACROS_H
#define CPNSD_MACROS_H

/** ARRAY_SIZE() - elements of an array */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/** __printf() - a function takes a format as argument @fmt, values from @first on */
#define __printf(fmt, first) \
	__attribute__((format(printf, fmt, first)))

#endif /* CPNSD_MACROS_H */
