/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that trains are built in, used again as soon as nobody else has them:
 * where the kernel clears each page that it hands out, that costs as much as a
 * tenth of the packet.
 */
#ifndef _CPNS_PAGES_H
#define _CPNS_PAGES_H

struct page;

/**
 * cpns_pages_get() - a page for datagrams
 *
 * What is in it is arbitrary.
 *
 * Context: BH disabled.
 * Return: a page in the linear mapping, whose reference is the caller's, or NULL.
 */
struct page *cpns_pages_get(void);

/**
 * cpns_pages_exit() - free what is kept
 *
 * Context: module unload, after the last packet.
 */
void cpns_pages_exit(void);

#endif /* _CPNS_PAGES_H */
