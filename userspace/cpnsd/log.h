/* SPDX-License-Identifier: GPL-2.0 */
/* Log lines: to standard error, or to syslog once in the background. */
#ifndef CPNSD_LOG_H
#define CPNSD_LOG_H

#include <stdbool.h>
#include <syslog.h>

#include "macros.h"

/**
 * log_open() - choose where log lines go
 * @level: the highest LOG_* level that is written
 * @syslog: to syslog; else to standard error, with a level in front of each
 *	line where that is the journal
 */
void log_open(int level, bool syslog);

/** log_is_syslog() - where log lines go now */
bool log_is_syslog(void);

/**
 * log_level_parse() - the LOG_* level of a word
 * @word: error, warning, notice, info or debug
 *
 * Return: the level, or -EINVAL
 */
int log_level_parse(const char *word);

/**
 * log_msg() - write one line
 * @level: LOG_*
 * @fmt: as printf(), without a newline; never anything secret
 */
__printf(2, 3)
void log_msg(int level, const char *fmt, ...);

#endif /* CPNSD_LOG_H */
