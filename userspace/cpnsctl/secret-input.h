/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Passwords and codes that a person gives: on the terminal, over standard
 * input or in a file, never as an argument.
 */
#ifndef CPNSCTL_SECRET_INPUT_H
#define CPNSCTL_SECRET_INPUT_H

#include <stdbool.h>
#include <stddef.h>

enum { SECRET_MAX = 1024 };	/* bytes of a password */

/**
 * struct secret - a password or code, to be erased with secret_wipe()
 * @len: bytes
 * @text: ended by a NUL that is not part of it
 */
struct secret {
	size_t	len;
	char	text[SECRET_MAX + 1];
};

/**
 * secret_read() - get a password or code
 * @secret: result
 * @what: "password", "one-time code", for the prompt and errors
 * @file: where it is, "-" for standard input, or NULL: the terminal, without
 *	echo; where standard input is no terminal, standard input
 * @twice: on a terminal, have it typed twice
 *
 * The first line is taken, without its line feed. A regular file that others
 * can read is refused.
 *
 * Return: 0 or -errno; an error has been told.
 */
int secret_read(struct secret *secret, const char *what, const char *file, bool twice);

/** secret_wipe() - erase it */
void secret_wipe(struct secret *secret);

#endif /* CPNSCTL_SECRET_INPUT_H */
