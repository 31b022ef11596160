/* SPDX-License-Identifier: GPL-2.0 */
/* Changes the text of a configuration, and leaves the rest of it as it is. */
#ifndef CPNSCTL_EDIT_H
#define CPNSCTL_EDIT_H

#include <stddef.h>

/**
 * struct edit_value - name = value
 * @name: left of the equals sign
 * @value: right of it; "" takes the name away
 */
struct edit_value {
	const char	*name;
	const char	*value;
};

/**
 * edit_add_peer() - add a section at the end
 * @text: configuration
 * @label: name of the peer
 * @values: what goes into it
 * @n: how many
 * @result: new text, for free()
 *
 * Return: 0, -EEXIST (there is such a peer) or -ENOMEM.
 */
int edit_add_peer(const char *text, const char *label, const struct edit_value *values,
		  size_t n, char **result);

/**
 * edit_set_peer() - replace values of a section
 * @text: configuration
 * @label: name of the peer
 * @values: what is to be there instead of all lines of that name
 * @n: how many
 * @result: new text, for free()
 *
 * Return: 0, -ENOENT (no such peer), -ENOTUNIQ (it has several keys, and one
 * of @values belongs to a key) or -ENOMEM.
 */
int edit_set_peer(const char *text, const char *label, const struct edit_value *values,
		  size_t n, char **result);

/**
 * edit_del_peer() - take a section out
 * @text: configuration
 * @label: name of the peer
 * @result: new text, for free()
 *
 * Return: 0, -ENOENT or -ENOMEM.
 */
int edit_del_peer(const char *text, const char *label, char **result);

#endif /* CPNSCTL_EDIT_H */
