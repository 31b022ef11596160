/* SPDX-License-Identifier: GPL-2.0 */
/* The requests of the control socket, without the socket. */
#ifndef CPNSD_CONTROL_OPS_H
#define CPNSD_CONTROL_OPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;

/**
 * control_answer() - answer one request
 * @d: the daemon
 * @line: the request
 * @len: its bytes
 * @client: who asks
 * @later: set where control_answer_code() will give the answer
 *
 * Return: the answer, for json_decref(), or NULL without memory.
 */
json_t *control_answer(struct daemon *d, const char *line, size_t len, uint64_t client,
		       bool *later);

/** control_answer_anybody() - as control_answer(), for the requests that all may make */
json_t *control_answer_anybody(struct daemon *d, const char *line, size_t len);

/** control_code() - the answer that goes with what the Server says of a code */
json_t *control_code(const json_t *answer);

#endif /* CPNSD_CONTROL_OPS_H */
