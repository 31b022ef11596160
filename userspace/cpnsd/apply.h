/* SPDX-License-Identifier: GPL-2.0 */
/* Makes the kernel's peers and classes those of a configuration. */
#ifndef CPNSD_APPLY_H
#define CPNSD_APPLY_H

#include "conf.h"
#include "kernel.h"

/**
 * apply_to_kernel() - differences only, found by a dump
 * @kernel: the device
 * @old: configuration in force, NULL where that is not known
 * @new: configuration that is to be
 * @keep: peers that neither configuration has stay, else they are deleted
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * A peer that is as it should be is not touched. The endpoint of one that is
 * there is set only where @old and @new differ in it, as the kernel's own is
 * newer. Peers are deleted last, when nothing has been refused: so a call with
 * the old configuration takes back what a refused one has done.
 *
 * Return: 0 or -errno.
 */
int apply_to_kernel(struct kernel *kernel, const struct conf *old, const struct conf *new,
		    bool keep, char *error);

/**
 * apply_peer_to_kernel() - one peer
 * @kernel: the device
 * @old: as it is now, NULL where that is not known, or it is not there
 * @new: as it is to be
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Return: 0 or -errno; then the peer is as it was.
 */
int apply_peer_to_kernel(struct kernel *kernel, const struct conf_peer *old,
			 const struct conf_peer *new, char *error);

#endif /* CPNSD_APPLY_H */
