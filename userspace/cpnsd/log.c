// SPDX-License-Identifier: GPL-2.0
/* Log lines. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Log lines come from everywhere: this is the one state of the process. */
static struct {
	int	level;
	bool	syslog;
	bool	journal;
} log_state = { .level = LOG_INFO };

void log_open(int level, bool syslog)
{
	log_state.level = level;
	log_state.journal = getenv("JOURNAL_STREAM");
	if (syslog && !log_state.syslog)
		openlog(NULL, LOG_PID, LOG_DAEMON);
	log_state.syslog = syslog;
}

bool log_is_syslog(void)
{
	return log_state.syslog;
}

int log_level_parse(const char *word)
{
	static const struct {
		const char	*word;
		int		level;
	} levels[] = {
		{ "error", LOG_ERR },
		{ "warning", LOG_WARNING },
		{ "notice", LOG_NOTICE },
		{ "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++)
		if (!strcmp(word, levels[i].word))
			return levels[i].level;
	return -EINVAL;
}

void log_msg(int level, const char *fmt, ...)
{
	va_list ap;

	if (level > log_state.level)
		return;
	va_start(ap, fmt);
	if (log_state.syslog) {
		vsyslog(level, fmt, ap);
	} else {
		char line[1024];

		vsnprintf(line, sizeof(line), fmt, ap);
		if (log_state.journal)
			fprintf(stderr, "<%d>%s\n", level, line);
		else
			fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
	}
	va_end(ap);
}
