// SPDX-License-Identifier: GPL-2.0
/*
 * One writer for text, JSON and TSV.
 */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"
#include "text.h"

enum {
	DEPTH = 16,		/* objects and lists inside each other */
	INDENT = 2,		/* columns a level, text */
};

/** enum kind - what a level is */
enum kind { TOP, OBJECT, LIST, ROW };

/**
 * struct level - one level of the tree
 * @kind: enum kind
 * @count: values and objects written in it
 * @heading: has it a heading, so that what is inside is indented
 */
struct level {
	enum kind kind;
	unsigned int count;
	bool heading;
};

/**
 * struct cpns_out - a writer
 * @stream: written to
 * @form: enum cpns_out_form
 * @colour: are colours on
 * @level: levels; [0] is the top
 * @depth: index of the innermost one
 * @error: first one met
 * @lines: lines written; text
 * @row: depth of the row that is open, 0 = none; TSV
 * @columns: values written in it; TSV
 */
struct cpns_out {
	FILE *stream;
	enum cpns_out_form form;
	bool colour;
	struct level level[DEPTH];
	unsigned int depth;
	int error;
	unsigned int lines;
	unsigned int row;
	unsigned int columns;
};

static const char *const colours[] = {
	[CPNS_MOOD_PLAIN] = "",
	[CPNS_MOOD_GOOD] = "\033[32m",
	[CPNS_MOOD_WARN] = "\033[33m",
	[CPNS_MOOD_BAD] = "\033[31m",
};

static const char bold[] = "\033[1m";
static const char plain[] = "\033[0m";

struct cpns_out *cpns_out_open(FILE *stream, enum cpns_out_form form,
			       enum cpns_out_colour colour)
{
	struct cpns_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->stream = stream;
	out->form = form;
	if (form == CPNS_OUT_TEXT)
		out->colour = colour == CPNS_COLOUR_ALWAYS ||
			      (colour == CPNS_COLOUR_AUTO && isatty(fileno(stream)) &&
			       !getenv("NO_COLOR"));
	return out;
}

int cpns_out_close(struct cpns_out *out)
{
	int ret;

	if (!out)
		return 0;
	if (out->form == CPNS_OUT_JSON && out->level[0].count)
		fputc('\n', out->stream);
	ret = out->error;
	if (!ret && out->depth)
		ret = -EINVAL;
	if (fflush(out->stream) && !ret)
		ret = -errno;
	if (ferror(out->stream) && !ret)
		ret = -EIO;
	free(out);
	return ret;
}

static void json_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

/* What would end a column or a line, or act on a terminal, becomes '?'. */
static void clean_string(FILE *f, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		fputc(c < 0x20 || c == 0x7f ? '?' : c, f);
	}
}

/* Columns in front of a line: levels that have a heading. Return them. */
static unsigned int indent(const struct cpns_out *out)
{
	unsigned int i, columns = 0;

	for (i = 1; i <= out->depth; i++)
		if (out->level[i].heading)
			columns += INDENT;
	fprintf(out->stream, "%*s", (int)columns, "");
	return columns;
}

/* Comma, new line and name, as they come before any JSON value. */
static void json_before(struct cpns_out *out, const char *name)
{
	struct level *l = &out->level[out->depth];
	unsigned int i;

	if (l->count)
		fputc(',', out->stream);
	if (out->depth || l->count) {
		fputc('\n', out->stream);
		for (i = 0; i < out->depth; i++)
			fputs("  ", out->stream);
	}
	if (name && l->kind != LIST && l->kind != TOP) {
		json_string(out->stream, name);
		fputs(": ", out->stream);
	}
	l->count++;
}

/* ---- levels ---- */

static void begin(struct cpns_out *out, enum kind kind, const char *name, const char *title)
{
	const char *heading = title ? title : name;

	if (out->depth + 1 == DEPTH) {
		out->error = -EOVERFLOW;
		return;
	}
	if (out->form == CPNS_OUT_JSON) {
		json_before(out, name);
		fputc(kind == LIST ? '[' : '{', out->stream);
	} else if (out->form == CPNS_OUT_TEXT && heading) {
		/* An empty line before what stands at the margin. */
		if (!indent(out) && out->lines)
			fputc('\n', out->stream);
		fputs(out->colour ? bold : "", out->stream);
		clean_string(out->stream, heading);
		fprintf(out->stream, "%s:\n", out->colour ? plain : "");
		out->lines++;
	}
	out->depth++;
	out->level[out->depth] = (struct level){ .kind = kind, .heading = heading };
	if (kind == ROW && !out->row) {
		out->row = out->depth;
		out->columns = 0;
	}
}

static void end(struct cpns_out *out, enum kind kind)
{
	if (!out->depth || out->level[out->depth].kind != kind) {
		out->error = -EINVAL;
		return;
	}
	if (out->form == CPNS_OUT_JSON) {
		unsigned int i;

		if (out->level[out->depth].count) {
			fputc('\n', out->stream);
			for (i = 1; i < out->depth; i++)
				fputs("  ", out->stream);
		}
		fputc(kind == LIST ? ']' : '}', out->stream);
	}
	if (out->form == CPNS_OUT_TSV) {
		/* An empty list inside a row still has its column. */
		if (kind == LIST && out->row && out->depth > out->row &&
		    !out->level[out->depth].count)
			fprintf(out->stream, "%s-", out->columns++ ? "\t" : "");
		if (out->depth == out->row)
			fputc('\n', out->stream);
	}
	if (out->depth == out->row)
		out->row = 0;
	out->depth--;
}

void cpns_out_object_begin(struct cpns_out *out, const char *name, const char *title)
{
	begin(out, OBJECT, name, title);
}

void cpns_out_object_end(struct cpns_out *out)
{
	end(out, OBJECT);
}

void cpns_out_list_begin(struct cpns_out *out, const char *name, const char *title)
{
	begin(out, LIST, name, title);
}

void cpns_out_list_end(struct cpns_out *out)
{
	end(out, LIST);
}

void cpns_out_row_begin(struct cpns_out *out, const char *title)
{
	begin(out, ROW, NULL, title);
}

void cpns_out_row_end(struct cpns_out *out)
{
	end(out, ROW);
}

/* ---- values ---- */

/**
 * struct value - one value in each of the forms
 * @text: for people; NULL = left out
 * @json: as it stands there, but for @quote
 * @quote: is @json to be a string
 * @tsv: for programs that read columns
 * @mood: colour
 */
struct value {
	const char *text;
	const char *json;
	bool quote;
	const char *tsv;
	enum cpns_out_mood mood;
};

static void text_value(struct cpns_out *out, const char *name, const struct value *v)
{
	const char *colour = out->colour ? colours[v->mood] : "";

	if (!v->text)
		return;
	indent(out);
	if (name && out->level[out->depth].kind != LIST) {
		clean_string(out->stream, name);
		fputs(": ", out->stream);
	}
	fputs(colour, out->stream);
	clean_string(out->stream, v->text);
	fprintf(out->stream, "%s\n", *colour ? plain : "");
	out->lines++;
}

static void tsv_value(struct cpns_out *out, const struct value *v)
{
	struct level *l = &out->level[out->depth];

	if (!out->row)
		return;
	if (l->kind == LIST && l->count)
		fputc(',', out->stream);
	else if (out->columns++)
		fputc('\t', out->stream);
	clean_string(out->stream, v->tsv);
	l->count++;
}

static void write_value(struct cpns_out *out, const char *name, const struct value *v)
{
	switch (out->form) {
	case CPNS_OUT_TEXT:
		text_value(out, name, v);
		break;
	case CPNS_OUT_JSON:
		json_before(out, name);
		if (v->quote)
			json_string(out->stream, v->json);
		else
			fputs(v->json, out->stream);
		break;
	case CPNS_OUT_TSV:
		tsv_value(out, v);
		break;
	}
}

void cpns_out_state(struct cpns_out *out, const char *name, const char *value,
		    enum cpns_out_mood mood)
{
	if (value)
		write_value(out, name, &(struct value){ value, value, true, value, mood });
	else
		write_value(out, name, &(struct value){ NULL, "null", false, "-", mood });
}

void cpns_out_string(struct cpns_out *out, const char *name, const char *value)
{
	cpns_out_state(out, name, value, CPNS_MOOD_PLAIN);
}

void cpns_out_number(struct cpns_out *out, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	write_value(out, name, &(struct value){ text, text, false, text, CPNS_MOOD_PLAIN });
}

void cpns_out_bool(struct cpns_out *out, const char *name, bool value)
{
	const char *word = value ? "yes" : "no";
	const char *json = value ? "true" : "false";

	write_value(out, name, &(struct value){ word, json, false, word, CPNS_MOOD_PLAIN });
}

void cpns_out_eid(struct cpns_out *out, const char *name, uint64_t eid)
{
	char text[CPNS_EID_TEXT];

	cpns_eid_format(eid, text);
	cpns_out_string(out, name, text);
}

void cpns_out_hex32(struct cpns_out *out, const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%08x", value);
	cpns_out_string(out, name, text);
}

void cpns_out_bytes(struct cpns_out *out, const char *name, uint64_t bytes)
{
	char text[CPNS_BYTES_TEXT], number[24];

	cpns_bytes_format(bytes, text);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)bytes);
	write_value(out, name, &(struct value){ text, number, false, number, CPNS_MOOD_PLAIN });
}

void cpns_out_age(struct cpns_out *out, const char *name, bool known, uint64_t seconds)
{
	char age[CPNS_DURATION_TEXT], text[CPNS_DURATION_TEXT + 4], number[24];

	if (!known) {
		write_value(out, name,
			    &(struct value){ "never", "null", false, "-", CPNS_MOOD_PLAIN });
		return;
	}
	cpns_duration_format(seconds, age);
	snprintf(text, sizeof(text), seconds ? "%s ago" : "%s", age);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)seconds);
	write_value(out, name, &(struct value){ text, number, false, number, CPNS_MOOD_PLAIN });
}

void cpns_out_duration(struct cpns_out *out, const char *name, uint64_t seconds)
{
	char text[CPNS_DURATION_TEXT], number[24];

	if (seconds)
		cpns_duration_format(seconds, text);
	else
		snprintf(text, sizeof(text), "0 s");
	snprintf(number, sizeof(number), "%llu", (unsigned long long)seconds);
	write_value(out, name, &(struct value){ text, number, false, number, CPNS_MOOD_PLAIN });
}
