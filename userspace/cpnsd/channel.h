/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lines of JSON over a socket of the event loop, both ways. What has been read
 * or written is erased, as it may hold keys.
 */
#ifndef CPNSD_CHANNEL_H
#define CPNSD_CHANNEL_H

#include <jansson.h>
#include <stddef.h>

struct channel;
struct event_base;

/**
 * struct channel_ops - what a channel tells its owner
 * @connected: the connection is there; may be NULL
 * @line: an object has come; it stays the channel's
 * @batch: the objects that had come together have been given; may be NULL
 * @ended: the channel is over, and the owner frees it: @why is a word about it
 *
 * channel_free() may be called in each of them.
 */
struct channel_ops {
	void	(*connected)(void *arg);
	void	(*line)(void *arg, json_t *object);
	void	(*batch)(void *arg);
	void	(*ended)(void *arg, const char *why);
};

/**
 * struct channel_limits - what the other end may do
 * @line: bytes in a line
 * @lines: lines a second; more are read later
 * @queued: bytes that may wait to be sent; the channel is over beyond
 * @connect_s: seconds until the connection must be there, 0 where it is
 */
struct channel_limits {
	size_t		line;
	unsigned int	lines;
	size_t		queued;
	unsigned int	connect_s;
};

/**
 * channel_new() - lines over a socket
 * @base: event loop
 * @fd: non-blocking stream socket; the channel's own where this succeeds
 * @limits: copied
 * @ops: valid as long as the channel
 * @arg: given to @ops
 *
 * Return: the channel, or NULL without memory.
 */
struct channel *channel_new(struct event_base *base, int fd,
			    const struct channel_limits *limits,
			    const struct channel_ops *ops, void *arg);

/** channel_free() - close and erase; takes NULL */
void channel_free(struct channel *ch);

/**
 * channel_send() - send an object as a line
 * @ch: channel
 * @object: the channel's from now on, also on an error; may be NULL
 *
 * Return: 0, -ENOMEM, or -ENOBUFS where too much waits already; the channel is
 * then about to end.
 */
int channel_send(struct channel *ch, json_t *object);

#endif /* CPNSD_CHANNEL_H */
