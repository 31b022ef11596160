// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/percpu.h>

#include "pages.h"

/* As many as some trains on their way to a slow network card hold: 1 MiB a CPU. */
enum { RING_SIZE = 256 };

/**
 * struct page_ring - pages of a CPU, given out in turn
 * @next: the one whose turn it is
 * @page: pages, each with a reference of the ring, or NULL
 */
struct page_ring {
	unsigned int next;
	struct page *page[RING_SIZE];
};

static DEFINE_PER_CPU(struct page_ring, ring);

struct page *cpns_pages_get(void)
{
	struct page_ring *r = this_cpu_ptr(&ring);
	struct page **slot = &r->page[r->next];
	struct page *page = *slot;

	r->next = (r->next + 1) % RING_SIZE;
	if (likely(page && page_ref_count(page) == 1)) {
		get_page(page);
		return page;
	}
	if (page)
		put_page(page);
	*slot = NULL;
	page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
	/* A page of the emergency reserve goes back there. */
	if (page && !page_is_pfmemalloc(page)) {
		get_page(page);
		*slot = page;
	}
	return page;
}

void cpns_pages_exit(void)
{
	struct page_ring *r;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		r = per_cpu_ptr(&ring, cpu);
		for (i = 0; i < RING_SIZE; i++)
			if (r->page[i])
				put_page(r->page[i]);
	}
}
