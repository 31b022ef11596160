// SPDX-License-Identifier: GPL-2.0
/* Changes the text of a configuration. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cpnsd/ini.h"
#include "../cpnsd/macros.h"
#include "edit.h"

/**
 * struct place - where a section is
 * @label: peer that is looked for
 * @values: names that are to go
 * @n: how many
 * @inside: the reader is in the section
 * @first: line of the section, 0 where there is none
 * @last: last line with a value of it
 * @keys: how many keys it has
 * @gone: bit map of lines below @first that hold one of @values
 * @size: bits of @gone
 * @no_memory: @gone could not grow
 */
struct place {
	const char		*label;
	const struct edit_value	*values;
	size_t			n;
	bool			inside;
	unsigned int		first;
	unsigned int		last;
	unsigned int		keys;
	bool			*gone;
	unsigned int		size;
	bool			no_memory;
};

static void mark_gone(struct place *p, unsigned int line)
{
	bool *bigger;

	if (line >= p->size) {
		bigger = realloc(p->gone, line + 64);
		if (!bigger) {
			p->no_memory = true;
			return;
		}
		memset(bigger + p->size, 0, line + 64 - p->size);
		p->gone = bigger;
		p->size = line + 64;
	}
	p->gone[line] = true;
}

static void look(void *arg, const struct ini_item *item)
{
	struct place *p = arg;
	size_t i;

	if (!item->name) {
		p->inside = !p->first && !strcmp(item->section, "peer") &&
			    !strcmp(item->label, p->label);
		if (p->inside) {
			p->first = item->line;
			p->last = item->line;
		}
		return;
	}
	if (!p->inside)
		return;
	p->last = item->line;
	if (!strcmp(item->name, "key-file"))
		p->keys++;
	for (i = 0; i < p->n; i++)
		if (!strcmp(item->name, p->values[i].name))
			mark_gone(p, item->line);
}

static void overlook(void *arg, unsigned int line, const char *what)
{
	(void)arg;
	(void)line;
	(void)what;
}

static void find(struct place *p, const char *text, const char *label,
		 const struct edit_value *values, size_t n)
{
	memset(p, 0, sizeof(*p));
	p->label = label;
	p->values = values;
	p->n = n;
	ini_read(text, strlen(text), look, overlook, p);
}

static void write_values(FILE *out, const struct edit_value *values, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (*values[i].value)
			fprintf(out, "%s = %s\n", values[i].name, values[i].value);
}

/* Ends the stream; what it has written is the result where nothing failed. */
static int finish(FILE *out, char **result)
{
	if (!fclose(out))
		return 0;
	free(*result);
	*result = NULL;
	return -ENOMEM;
}

int edit_add_peer(const char *text, const char *label, const struct edit_value *values,
		  size_t n, char **result)
{
	size_t len = strlen(text), size;
	struct place p;
	FILE *out;

	*result = NULL;
	find(&p, text, label, NULL, 0);
	if (p.first)
		return -EEXIST;
	out = open_memstream(result, &size);
	if (!out)
		return -ENOMEM;
	fputs(text, out);
	if (len && text[len - 1] != '\n')
		putc('\n', out);
	fprintf(out, "\n[peer \"%s\"]\n", label);
	write_values(out, values, n);
	return finish(out, result);
}

static bool belongs_to_key(const char *name)
{
	static const char *const names[] = {
		"key-file", "key-id", "kind", "user-id", "generation", "pure-psk",
		"not-before", "not-after",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* The new values follow the last line of the section that holds one. */
static int rewrite_section(const char *text, const struct place *p, char **result)
{
	unsigned int line = 0;
	const char *nl;
	size_t size;
	FILE *out;

	out = open_memstream(result, &size);
	if (!out)
		return -ENOMEM;
	for (; *text; text = nl) {
		nl = strchr(text, '\n');
		nl = nl ? nl + 1 : text + strlen(text);
		line++;
		if (line >= p->size || !p->gone[line]) {
			fwrite(text, 1, nl - text, out);
			if (nl[-1] != '\n')
				putc('\n', out);
		}
		if (line == p->last)
			write_values(out, p->values, p->n);
	}
	return finish(out, result);
}

int edit_set_peer(const char *text, const char *label, const struct edit_value *values,
		  size_t n, char **result)
{
	struct place p;
	size_t i;
	int ret = -ENOENT;

	*result = NULL;
	find(&p, text, label, values, n);
	if (!p.first)
		goto out;
	ret = -ENOMEM;
	if (p.no_memory)
		goto out;
	ret = -ENOTUNIQ;
	for (i = 0; i < n && p.keys > 1; i++)
		if (belongs_to_key(values[i].name))
			goto out;
	ret = rewrite_section(text, &p, result);
out:
	free(p.gone);
	return ret;
}

static bool is_blank(const char *line)
{
	while (*line == ' ' || *line == '\t' || *line == '\r')
		line++;
	return *line == '\n' || !*line;
}

/*
 * Comments and empty lines after the last value are taken to be of what
 * follows, and stay.
 */
int edit_del_peer(const char *text, const char *label, char **result)
{
	unsigned int line = 0;
	struct place p;
	const char *nl;
	size_t size;
	FILE *out;

	*result = NULL;
	find(&p, text, label, NULL, 0);
	if (!p.first)
		return -ENOENT;
	out = open_memstream(result, &size);
	if (!out)
		return -ENOMEM;
	for (; *text; text = nl) {
		nl = strchr(text, '\n');
		nl = nl ? nl + 1 : text + strlen(text);
		line++;
		/* One empty line less, where the section stood between two. */
		if (line == p.last + 1 && is_blank(text))
			continue;
		if (line < p.first || line > p.last)
			fwrite(text, 1, nl - text, out);
	}
	return finish(out, result);
}
