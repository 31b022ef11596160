/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Enrolment: the rules by which an entity gets its EUKey. Pure over the
 * registry: who asks, and whether the password was right, is told by the caller.
 */
#ifndef CPNS_REGISTRAR_ENROL_H
#define CPNS_REGISTRAR_ENROL_H

#include "registry.h"
#include "throttle.h"

enum {
	ENROL_CODE_TEXT = 10,		/* XXXX-XXXX and the NUL */
	ENROL_PASSWORD_MIN = 8,
	ENROL_PASSWORD_MAX = 1024,
	ENROL_CODES_MAX = 16,		/* that a user may have open */
};

/**
 * struct enrol_request - what a device asks for
 * @user: User ID; empty with a code
 * @entity: Entity ID
 * @eid: its EID
 * @role: enum cpns_role
 * @device: name for people, may be empty
 * @code: one-time code in its normal form, or ""
 * @source: where it comes from
 */
struct enrol_request {
	struct cpns_name	user;
	struct cpns_name	entity;
	uint64_t		eid;
	unsigned int		role;
	char			device[STORE_DEVICE_MAX];
	char			code[ENROL_CODE_TEXT];
	char			source[THROTTLE_SOURCE_TEXT];
};

/**
 * enrol_parse() - read a request
 * @r: registry
 * @body: JSON
 * @request: result, but for its source
 * @password: result: the password, as long as @body lives, or NULL with a code
 * @error: CPNS_ERROR_TEXT characters; a sentence that says what to write
 *
 * Return: 0 or -EINVAL.
 */
int enrol_parse(const struct registry *r, const json_t *body, struct enrol_request *request,
		const char **password, char *error);

/**
 * enrol_finish() - enrol, or refuse
 * @r: registry
 * @request: request
 * @hash: of the password that was checked, NULL with a code
 * @right: the password was right
 * @now_ms: ms since 1970
 * @record: result with the key, for cpns_record_wipe()
 * @error: CPNS_ERROR_TEXT characters; a sentence for -EEXIST
 *
 * One transaction: what is answered after it is kept, and a code is used up
 * with the enrolment or not at all. A refusal is counted and audited.
 *
 * Return: 0, -EACCES (user, password or code), -EEXIST (the Entity ID can't be
 * had) or -EIO.
 */
int enrol_finish(struct registry *r, const struct enrol_request *request, const char *hash,
		 bool right, uint64_t now_ms, struct cpns_key_record *record, char *error);

/**
 * enrol_code_new() - make a one-time code, in a transaction
 * @r: registry
 * @user: User ID
 * @role: enum cpns_role
 * @now: seconds since 1970
 * @code: ENROL_CODE_TEXT characters
 * @expires: result: seconds since 1970
 *
 * Return: 0, -EDQUOT (the user has enough of them) or -EIO.
 */
int enrol_code_new(struct registry *r, const char *user, unsigned int role, uint64_t now,
		   char *code, uint64_t *expires);

/**
 * enrol_code_parse() - a code as people write it
 * @text: with or without the dash, in either case, O for 0, I and L for 1
 * @code: ENROL_CODE_TEXT characters: the normal form
 *
 * Return: 0 or -EINVAL.
 */
int enrol_code_parse(const char *text, char *code);

/**
 * enrol_entity_check() - may this registry give out keys for an Entity ID
 * @r: registry
 * @entity: Entity ID
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -EINVAL.
 */
int enrol_entity_check(const struct registry *r, const struct cpns_name *entity, char *error);

#endif /* CPNS_REGISTRAR_ENROL_H */
