/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one function of a fuzz target. libFuzzer calls it by a name of its own,
 * which module.mk puts in the place of ours.
 */
#ifndef _CPNS_FUZZ_TARGET_H
#define _CPNS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/** fuzz_one_input() - try one input; returns 0, aborts on what must not be */
int fuzz_one_input(const uint8_t *data, size_t size);

#endif /* _CPNS_FUZZ_TARGET_H */
