/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the parts of the configuration's parser. */
#ifndef CPNSD_CONF_PARSE_H
#define CPNSD_CONF_PARSE_H

#include <codec.h>

#include "conf.h"
#include "macros.h"

/**
 * struct conf_parser - a configuration being read
 * @conf: what has been read
 * @fault: the caller's, may be NULL
 * @arg: for @fault
 * @faults: how many there were
 * @no_memory: memory ran out
 * @source: name of the file being read or checked
 * @line: line being read
 * @entity_source: file of [entity]
 * @entity_line: its line, 0 where there was none
 * @server_line: line of [server], 0 where there was none
 * @relay_line: line of [relay], 0 where there was none
 * @peer: section being read, or NULL
 * @class: section being read, or NULL
 * @seen: bit map of the keys that the section has had
 * @skip: the section is faulty: its values are passed over
 */
struct conf_parser {
	struct conf		*conf;
	conf_fault_t		fault;
	void			*arg;
	unsigned int		faults;
	bool			no_memory;
	const char		*source;
	unsigned int		line;
	const char		*entity_source;
	unsigned int		entity_line;
	unsigned int		server_line;
	unsigned int		relay_line;
	struct conf_peer	*peer;
	struct conf_class	*class;
	uint64_t		seen;
	bool			skip;
};

/**
 * conf_fault() - report a fault of the file being read
 * @p: parser
 * @line: line of it, 0 for the whole
 * @fmt: what is wrong and what to write instead
 */
__printf(3, 4)
void conf_fault(struct conf_parser *p, unsigned int line, const char *fmt, ...);

/**
 * conf_parse_source() - read one text into the configuration
 * @p: parser
 * @source: text
 */
void conf_parse_source(struct conf_parser *p, const struct conf_source *source);

#endif /* CPNSD_CONF_PARSE_H */
