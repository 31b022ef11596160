/* SPDX-License-Identifier: GPL-2.0 */
/* Reports packets that came with less protection than is demanded of them. */
#ifndef CPNSD_DOWNGRADE_H
#define CPNSD_DOWNGRADE_H

#include "conf.h"
#include "kernel.h"

/**
 * struct downgrade - what has been reported; zeros at the start
 * @begun: the counter has been read
 * @seen: what it was
 * @packets: reported since the start
 * @last: when that was last so, seconds since 1970
 */
struct downgrade {
	bool		begun;
	uint64_t	seen;
	uint64_t	packets;
	uint64_t	last;
};

/**
 * downgrade_look() - read the device's counter, and log what is new
 * @g: what has been reported
 * @kernel: the device
 * @conf: names of its peers
 * @now: seconds since 1970
 */
void downgrade_look(struct downgrade *g, struct kernel *kernel, const struct conf *conf,
		    uint64_t now);

#endif /* CPNSD_DOWNGRADE_H */
