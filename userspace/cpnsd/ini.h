/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reader of the ini form: [section], name = value, comments.
 *
 * The form is that of inih. inih itself cuts section names at 49 bytes and
 * lines at 200, which an Entity ID of 255 bytes does not fit in, and tells its
 * caller neither the line of a value nor of a section without values.
 */
#ifndef CPNSD_INI_H
#define CPNSD_INI_H

#include <stddef.h>

/* Bytes in a line, without its end. */
#define INI_LINE_MAX	1023

/**
 * struct ini_item - what a line of an ini file says
 * @line: number of the line, from 1
 * @section: section of the line: its first word, and
 * @label: the quoted word after it, "" where there is none
 * @name: left of the equals sign; NULL where the line opens the section
 * @value: right of it, without the white space around it
 */
struct ini_item {
	unsigned int	line;
	const char	*section;
	const char	*label;
	const char	*name;
	const char	*value;
};

/**
 * typedef ini_handler_t - called for each section line and each value
 * @arg: the caller's
 * @item: valid during the call
 */
typedef void (*ini_handler_t)(void *arg, const struct ini_item *item);

/**
 * typedef ini_fault_t - called for each line that is not of the form
 * @arg: the caller's
 * @line: number of the line, from 1
 * @what: what is wrong with it
 */
typedef void (*ini_fault_t)(void *arg, unsigned int line, const char *what);

/**
 * ini_read() - read a text in the ini form, to its end whatever it holds
 * @text: the text
 * @len: its length in bytes
 * @handler: gets what is good
 * @fault: gets what is not
 * @arg: for both
 *
 * A ';' or '#' at its begin makes a line a comment, a ';' after white space
 * the rest of it. White space at the begin of a line means nothing.
 */
void ini_read(const char *text, size_t len, ini_handler_t handler,
	      ini_fault_t fault, void *arg);

#endif /* CPNSD_INI_H */
