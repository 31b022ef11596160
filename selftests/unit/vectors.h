/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sections of the vectors runner share: reading JSON strictly, and
 * telling what differs.
 */
#ifndef _CPNS_VECTORS_H
#define _CPNS_VECTORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keysched.h"
#include "record.h"

enum { BYTES_MAX = 16384 };

/**
 * struct bytes - a hex string of the file
 * @len: bytes
 * @data: them
 */
struct bytes {
	size_t len;
	uint8_t data[BYTES_MAX];
};

extern bool strict_reasons;

/* A case: begun, then anything that differs is told, then ended and counted. */
void begin_case(const char *section, const char *name);
void tell_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool is_wrong(void);
void end_case(void);

/* Members of an object; what is missing or of another form is told as wrong. */
const char *get_string(const json_t *object, const char *key);
uint64_t get_number(const json_t *object, const char *key);
bool get_bool(const json_t *object, const char *key);
const json_t *get_list(const json_t *object, const char *key);
const json_t *get_object(const json_t *object, const char *key);
void get_bytes(const json_t *object, const char *key, struct bytes *bytes);
uint64_t get_hex(const json_t *object, const char *key, size_t len);
void bytes_from(const json_t *string, const char *key, struct bytes *bytes);

/* Computed values against members. */
void expect_bytes(const json_t *object, const char *key, const void *data, size_t len);
void expect_hex(const json_t *object, const char *key, uint64_t value, size_t len);
void expect_string(const json_t *object, const char *key, const char *value);
void expect_number(const json_t *object, const char *key, uint64_t value);
void expect_bool(const json_t *object, const char *key, bool value);
void expect_reason(const json_t *object, const char *const *known, const char *reason);
void expect_utf8(const json_t *object, const char *key);

/**
 * struct handshake - one entry of "handshakes", as the other sections use it
 * @name: its name
 * @json: the entry
 * @suite: chosen
 * @record: as the initiator holds it
 * @ks: key schedule; @ks.i and @ks.r are the keys of DATA
 * @sid_i: of the initiator
 * @sid_r: of the responder
 */
struct handshake {
	const char *name;
	const json_t *json;
	uint16_t suite;
	struct cpns_key_record record;
	struct cpns_keysched ks;
	uint32_t sid_i;
	uint32_t sid_r;
};

const struct handshake *handshake_find(const char *name);

/* The handshake between these two whose responder has this sid; 0 = any sid. */
const struct handshake *handshake_between(uint64_t initiator, uint64_t responder,
					  uint32_t sid_r);

void run_handshakes(const json_t *list);
void run_hints(const json_t *list);
void run_rejects(const json_t *list);
void run_malformed(const json_t *list);
void run_data(const json_t *list);
void run_data_rejects(const json_t *list);
void run_unprotected(const json_t *list);
void run_windows(const json_t *list);

#endif /* _CPNS_VECTORS_H */
