/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON lines: one object a line, over a stream socket. What was read and
 * written is erased from the buffers, as it may hold keys.
 */
#ifndef _CPNS_JSON_LINE_H
#define _CPNS_JSON_LINE_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

struct cpns_json_lines;

/**
 * cpns_json_lines_new() - a reader of lines
 * @max: longest line that is accepted, in bytes, with its line feed
 *
 * Return: for cpns_json_lines_free(), or NULL without memory.
 */
struct cpns_json_lines *cpns_json_lines_new(size_t max);

/** cpns_json_lines_free() - erase what is left and free; takes NULL */
void cpns_json_lines_free(struct cpns_json_lines *lines);

/**
 * cpns_json_lines_read() - read once from a file descriptor
 * @lines: reader
 * @fd: blocking or not
 *
 * Return: bytes read, 0 at the end, -EAGAIN, -EMSGSIZE (a line is longer than
 * accepted: end the connection), -ENOMEM or -errno. Take the lines with
 * cpns_json_lines_next() before reading again.
 */
ssize_t cpns_json_lines_read(struct cpns_json_lines *lines, int fd);

/**
 * cpns_json_lines_feed() - give bytes that were read elsewhere
 * @lines: reader
 * @data: bytes
 * @len: how many
 *
 * Return: bytes taken, fewer than @len where the buffer is full: call
 * cpns_json_lines_next() and give the rest; or -EMSGSIZE, -ENOMEM.
 */
ssize_t cpns_json_lines_feed(struct cpns_json_lines *lines, const void *data, size_t len);

/**
 * cpns_json_lines_next() - next object
 * @lines: reader
 * @object: result, for json_decref(); NULL where there is none
 *
 * Return: 1, 0 where no whole line is there, or -EBADMSG for a line that is no
 * JSON object. That line is then gone, and the next one can be read.
 */
int cpns_json_lines_next(struct cpns_json_lines *lines, json_t **object);

/**
 * cpns_json_line_make() - an object as a line
 * @object: stays the caller's
 * @line: result with its line feed, for cpns_json_text_free()
 * @len: its bytes
 *
 * Return: 0, or -ENOMEM.
 */
int cpns_json_line_make(const json_t *object, char **line, size_t *len);

/**
 * cpns_json_line_send() - write an object as a line to a blocking socket
 * @fd: socket
 * @object: stays the caller's
 *
 * Return: 0, -EAGAIN (its send timeout is over), -ENOMEM or -errno.
 */
int cpns_json_line_send(int fd, const json_t *object);

#endif /* _CPNS_JSON_LINE_H */
