/* SPDX-License-Identifier: GPL-2.0 */
/* What the registrar does by itself from time to time. */
#ifndef CPNS_REGISTRAR_CHORES_H
#define CPNS_REGISTRAR_CHORES_H

#include "registrar.h"

/**
 * chores_run() - delete what is of no use any more, tell what is to be renewed,
 *	warn of EUKeys that end
 * @registrar: the registrar
 * @warn: warn, too
 *
 * Return: 0 or -errno.
 */
int chores_run(struct registrar *registrar, bool warn);

#endif /* CPNS_REGISTRAR_CHORES_H */
