// SPDX-License-Identifier: GPL-2.0
/*
 * JSON that holds keys, passwords or codes: nothing of it stays in freed memory.
 */
#include "json-secret.h"

#include <stdlib.h>

#include "secret.h"

void cpns_json_wipe_on_free(void)
{
	/* The memory is malloc()'s either way, so it does not matter who frees it. */
	json_set_alloc_funcs(malloc, cpns_free_wiped);
}

void cpns_json_text_free(char *text)
{
	cpns_free_wiped(text);
}
