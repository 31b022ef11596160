// SPDX-License-Identifier: GPL-2.0
/* Reader of the ini form. */
#include <ctype.h>
#include <string.h>

#include "ini.h"

struct reader {
	ini_handler_t	handler;
	ini_fault_t	fault;
	void		*arg;
	unsigned int	line;
	char		section[INI_LINE_MAX + 1];
	char		label[INI_LINE_MAX + 1];
	char		buf[INI_LINE_MAX + 1];
};

static char *skip_space(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static void cut_space(char *s)
{
	size_t n = strlen(s);

	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	s[n] = 0;
}

static void cut_comment(char *s)
{
	char *p;

	for (p = s; (p = strchr(p, ';')); p++) {
		if (p == s || isspace((unsigned char)p[-1])) {
			*p = 0;
			return;
		}
	}
}

static void emit(struct reader *r, const char *name, const char *value)
{
	struct ini_item item = {
		.line = r->line,
		.section = r->section,
		.label = r->label,
		.name = name,
		.value = value,
	};

	r->handler(r->arg, &item);
}

/* Leaves no section behind that values of a broken one could fall into. */
static void read_section(struct reader *r, char *s)
{
	char *end = strrchr(s, ']'), *quote, *close;

	r->section[0] = 0;
	r->label[0] = 0;
	if (!end || *skip_space(end + 1)) {
		r->fault(r->arg, r->line, "a section is written [name] or [name \"label\"]");
		return;
	}
	*end = 0;
	s = skip_space(s + 1);
	quote = strchr(s, '"');
	if (quote) {
		close = strrchr(quote + 1, '"');
		if (!close || close == quote + 1 || *skip_space(close + 1) ||
		    strchr(quote + 1, '"') != close) {
			r->fault(r->arg, r->line,
				 "the label of a section is written \"label\", and not empty");
			return;
		}
		*close = 0;
		*quote = 0;
	}
	cut_space(s);
	if (!*s || strpbrk(s, " \t")) {
		r->fault(r->arg, r->line, "a section is written [name] or [name \"label\"]");
		return;
	}
	memcpy(r->section, s, strlen(s) + 1);
	if (quote)
		memcpy(r->label, quote + 1, strlen(quote + 1) + 1);
	emit(r, NULL, NULL);
}

static void read_line(struct reader *r, const char *text, size_t len)
{
	char *s, *equals;

	r->line++;
	if (len && text[len - 1] == '\r')
		len--;
	if (len > INI_LINE_MAX) {
		r->fault(r->arg, r->line, "the line is longer than 1023 bytes");
		return;
	}
	if (memchr(text, 0, len)) {
		r->fault(r->arg, r->line, "the line holds a zero byte");
		return;
	}
	memcpy(r->buf, text, len);
	r->buf[len] = 0;

	s = skip_space(r->buf);
	if (!*s || *s == ';' || *s == '#')
		return;
	cut_comment(s);
	cut_space(s);
	if (*s == '[') {
		read_section(r, s);
		return;
	}
	equals = strchr(s, '=');
	if (!equals || equals == s) {
		r->fault(r->arg, r->line, "neither a [section] nor name = value");
		return;
	}
	*equals = 0;
	cut_space(s);
	if (!r->section[0]) {
		r->fault(r->arg, r->line, "a value before the first good [section]");
		return;
	}
	emit(r, s, skip_space(equals + 1));
}

void ini_read(const char *text, size_t len, ini_handler_t handler,
	      ini_fault_t fault, void *arg)
{
	struct reader r = { .handler = handler, .fault = fault, .arg = arg };
	const char *end = text + len, *nl;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	while (text < end) {
		nl = memchr(text, '\n', end - text);
		if (!nl)
			nl = end;
		read_line(&r, text, nl - text);
		text = nl < end ? nl + 1 : end;
	}
}
