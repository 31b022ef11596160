/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket: lines of JSON, one request and one answer each.
 *
 *	{"v":1,"op":"status"}
 *	{"v":1,"ok":true,...}
 *	{"v":1,"ok":false,"code":"no-peer","error":"a sentence","faults":[...]}
 *
 * Only root and the daemon's own user may speak there. Beside it is a socket
 * for everybody, for the one request "whois" (Documentation/whois.md).
 */
#ifndef CPNSD_CONTROL_H
#define CPNSD_CONTROL_H

#include <jansson.h>
#include <stdint.h>

struct control;
struct daemon;
struct event_base;

enum control_version { CONTROL_VERSION = 1 };

/**
 * control_open() - listen
 * @control: result
 * @d: the daemon
 * @base: event loop
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * A socket that a killed daemon has left is replaced.
 *
 * Return: 0 or -errno.
 */
int control_open(struct control **control, struct daemon *d, struct event_base *base,
		 char *error);

/**
 * control_answer_code() - answer a request for an enrolment code
 * @control: socket; may be NULL
 * @client: who asked; may be gone by now
 * @answer: what the Server has answered, NULL where it has not
 */
void control_answer_code(struct control *control, uint64_t client, const json_t *answer);

/** control_close() - end all connections, remove the socket; takes NULL */
void control_close(struct control *control);

#endif /* CPNSD_CONTROL_H */
