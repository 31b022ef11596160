/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local sockets: JSON lines, one request a line.
 *
 *	{"v":1, "id":N, "op":"...", ...} ->
 *	{"v":1, "id":N, "ok":true, ...} or
 *	{"v":1, "id":N, "ok":false, "error":"code", "text":"what to do"}
 */
#ifndef CPNS_REGISTRAR_LOCAL_H
#define CPNS_REGISTRAR_LOCAL_H

#include "registrar.h"

enum { LOCAL_WHO_TEXT = 40 };

/**
 * struct local_call - a request being answered
 * @registrar: the registrar
 * @local: its socket
 * @client: serial number of the connection
 * @who: "uid N" of it
 * @request: JSON object
 * @answer: object that gets the fields of the answer
 * @code: refusal, else NULL
 * @text: of the refusal
 */
struct local_call {
	struct registrar	*registrar;
	struct local		*local;
	uint64_t		client;
	char			who[LOCAL_WHO_TEXT];
	const json_t		*request;
	json_t			*answer;
	const char		*code;
	char			text[CPNS_ERROR_TEXT];
};

/**
 * struct local_op - an operation
 * @name: as in a request
 * @run: fills the answer; returns 0, what local_refuse() returns, or
 *	-EINPROGRESS after local_defer()
 */
struct local_op {
	const char	*name;
	int		(*run)(struct local_call *call);
};

/**
 * local_open() - make a socket
 * @local: result
 * @registrar: the registrar
 * @name: of the socket in the directory for running things
 * @group: that may use it, or NULL
 * @ops: operations, ended by one without a name
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -errno.
 */
int local_open(struct local **local, struct registrar *registrar, const char *name,
	       const char *group, const struct local_op *ops, char *error);

/** local_close() - end and remove the socket; takes NULL */
void local_close(struct local *local);

/**
 * local_refuse() - refuse a request
 * @call: request
 * @code: word for a program
 * @fmt: sentence that says what to do
 *
 * Return: -ECANCELED.
 */
__printf(3, 4)
int local_refuse(struct local_call *call, const char *code, const char *fmt, ...);

/** local_failed() - refuse as the registrar has failed; its log says why */
int local_failed(struct local_call *call);

/** local_watch() - from now on this connection gets events */
void local_watch(struct local_call *call);

/** local_event() - tell all connections that watch */
void local_event(struct local *local, const json_t *event);

/**
 * local_defer() - keep a request to answer it later
 * @call: request; its JSON is not kept
 *
 * Return: for local_finish(), or NULL without memory.
 */
struct local_call *local_defer(const struct local_call *call);

/**
 * local_finish() - answer a request that was kept, if its client is still there
 * @call: of local_defer(); freed
 */
void local_finish(struct local_call *call);

/** keys_ops - operations of keys.sock */
extern const struct local_op keys_ops[];

/** admin_ops - operations of admin.sock */
extern const struct local_op admin_ops[];

#endif /* CPNS_REGISTRAR_LOCAL_H */
