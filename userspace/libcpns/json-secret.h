/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON that holds keys, passwords or codes: nothing of it stays in freed memory.
 */
#ifndef _CPNS_JSON_SECRET_H
#define _CPNS_JSON_SECRET_H

#include <jansson.h>

/**
 * cpns_json_wipe_on_free() - from now on jansson erases what it frees
 *
 * That takes in its values, its buffers and the texts of json_dumps(), where
 * these are freed with cpns_json_text_free(). It may be called at any time and
 * any number of times; what was allocated before is erased, too. Programs call
 * it first thing in main().
 */
void cpns_json_wipe_on_free(void);

/** cpns_json_text_free() - erase and free a text of json_dumps(); takes NULL */
void cpns_json_text_free(char *text);

#endif /* _CPNS_JSON_SECRET_H */
