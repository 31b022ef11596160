/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One writer for text, JSON and TSV: who shows something says it once, and the
 * form is chosen by the person who asked.
 *
 * What is written is a tree of objects and lists with named values.
 *
 *	JSON	the tree
 *	text	an object or list is a heading, its values indented lines
 *		"name: value"; an object's title is its heading
 *	TSV	one line a cpns_out_row_begin(), its values in the order written,
 *		names left out; values outside rows are left out
 *
 * A writer is opened on a stream, fed and closed. Errors are kept and told by
 * cpns_out_close().
 */
#ifndef _CPNS_OUTPUT_H
#define _CPNS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** enum cpns_out_form - how to write */
enum cpns_out_form {
	CPNS_OUT_TEXT,
	CPNS_OUT_JSON,
	CPNS_OUT_TSV,
};

/** enum cpns_out_colour - when to colour; text only */
enum cpns_out_colour {
	CPNS_COLOUR_AUTO,	/* on a terminal, and NO_COLOR is not set */
	CPNS_COLOUR_NEVER,
	CPNS_COLOUR_ALWAYS,
};

struct cpns_out;

/**
 * cpns_out_open() - begin
 * @stream: written to; stays the caller's
 * @form: enum cpns_out_form
 * @colour: enum cpns_out_colour
 *
 * Return: a writer, or NULL without memory.
 */
struct cpns_out *cpns_out_open(FILE *stream, enum cpns_out_form form,
			       enum cpns_out_colour colour);

/**
 * cpns_out_close() - end, flush and free
 * @out: writer, or NULL
 *
 * Return: 0, -errno of the stream, -EOVERFLOW (nested too deeply) or -EINVAL
 * (what was begun was not ended).
 */
int cpns_out_close(struct cpns_out *out);

/**
 * cpns_out_object_begin() - an object
 * @out: writer
 * @name: name in the object around it; NULL in a list and at the top
 * @title: heading in text; NULL = @name, or none
 */
void cpns_out_object_begin(struct cpns_out *out, const char *name, const char *title);

/** cpns_out_object_end() - end of an object */
void cpns_out_object_end(struct cpns_out *out);

/** cpns_out_list_begin() - a list; @name and @title as for an object */
void cpns_out_list_begin(struct cpns_out *out, const char *name, const char *title);

/** cpns_out_list_end() - end of a list */
void cpns_out_list_end(struct cpns_out *out);

/**
 * cpns_out_row_begin() - an object that is one line in TSV
 * @out: writer
 * @title: heading in text, or NULL
 *
 * Objects and lists inside a row have their values in the same line; a list's
 * are joined by commas in one column.
 */
void cpns_out_row_begin(struct cpns_out *out, const char *title);

/** cpns_out_row_end() - end of a row */
void cpns_out_row_end(struct cpns_out *out);

/** cpns_out_string() - text; NULL is null in JSON, "-" in TSV, left out in text */
void cpns_out_string(struct cpns_out *out, const char *name, const char *value);

/** cpns_out_number() - a whole number */
void cpns_out_number(struct cpns_out *out, const char *name, uint64_t value);

/** cpns_out_bool() - true or false; "yes" or "no" in text and TSV */
void cpns_out_bool(struct cpns_out *out, const char *name, bool value);

/** cpns_out_eid() - 16 hex digits in every form */
void cpns_out_eid(struct cpns_out *out, const char *name, uint64_t eid);

/** cpns_out_hex32() - 8 hex digits in every form: a sid */
void cpns_out_hex32(struct cpns_out *out, const char *name, uint32_t value);

/** cpns_out_bytes() - a size: "1.50 KiB" in text, a number else */
void cpns_out_bytes(struct cpns_out *out, const char *name, uint64_t bytes);

/**
 * cpns_out_age() - how long ago: "3 min 20 s ago" in text, seconds else
 * @out: writer
 * @name: name
 * @known: false = it never happened: "never", null in JSON, "-" in TSV
 * @seconds: age
 */
void cpns_out_age(struct cpns_out *out, const char *name, bool known, uint64_t seconds);

/** cpns_out_duration() - a time span: "3 min 20 s" in text, seconds else */
void cpns_out_duration(struct cpns_out *out, const char *name, uint64_t seconds);

/** enum cpns_out_mood - how a state is to be coloured */
enum cpns_out_mood {
	CPNS_MOOD_PLAIN,
	CPNS_MOOD_GOOD,
	CPNS_MOOD_WARN,
	CPNS_MOOD_BAD,
};

/** cpns_out_state() - text with a colour where colours are on */
void cpns_out_state(struct cpns_out *out, const char *name, const char *value,
		    enum cpns_out_mood mood);

#endif /* _CPNS_OUTPUT_H */
