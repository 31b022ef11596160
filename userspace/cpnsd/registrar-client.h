/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Server's connection to the registrar, over its local socket: requests
 * that are answered some time, and events. It connects by itself, again and
 * again; requests that wait meanwhile are asked once it is back.
 */
#ifndef CPNSD_REGISTRAR_CLIENT_H
#define CPNSD_REGISTRAR_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

struct event_base;
struct registrar;

/**
 * struct registrar_ops - what the registrar tells
 * @up: it is there (again), and events are heard from now on: what it would
 *	have told meanwhile is to be asked
 * @away: it is gone; @why is a word about it
 * @event: an event, valid in the call
 */
struct registrar_ops {
	void	(*up)(void *arg);
	void	(*away)(void *arg, const char *why);
	void	(*event)(void *arg, const json_t *event);
};

/**
 * typedef registrar_answer_t - the answer to a request; called exactly once
 * @arg: the caller's
 * @answer: what was answered, valid in the call, where @code is NULL
 * @code: NULL, the registrar's word for its refusal, or "away" where there was
 *	no answer
 */
typedef void (*registrar_answer_t)(void *arg, const json_t *answer, const char *code);

/**
 * registrar_new() - connect
 * @base: event loop
 * @path: the registrar's socket
 * @ops: valid as long as the result
 * @arg: for @ops
 *
 * Return: the connection, or NULL without memory.
 */
struct registrar *registrar_new(struct event_base *base, const char *path,
				const struct registrar_ops *ops, void *arg);

/** registrar_move() - another socket from now on; requests that wait are asked there */
void registrar_move(struct registrar *r, const char *path);

/** registrar_free() - end; requests that wait are answered "away"; takes NULL */
void registrar_free(struct registrar *r);

/** registrar_is_up() - is the registrar there */
bool registrar_is_up(const struct registrar *r);

/**
 * registrar_ask() - make a request
 * @r: connection
 * @request: object with "op" and its arguments; owned from now on, may be NULL
 * @answer: called once, not before this returns
 * @arg: for @answer
 *
 * Return: 0, -ENOMEM, or -EBUSY where too many wait; @answer is not called
 * then.
 */
int registrar_ask(struct registrar *r, json_t *request, registrar_answer_t answer, void *arg);

#endif /* CPNSD_REGISTRAR_CLIENT_H */
