/* SPDX-License-Identifier: GPL-2.0 */
/* What enrolment does to the state of an entity, before it is on the disk. */
#ifndef CPNSCTL_ENROL_STATE_H
#define CPNSCTL_ENROL_STATE_H

#include <jansson.h>

#include <state-file.h>

/**
 * struct enrol_who - what a person has asked for
 * @own: Entity ID and role
 * @user: User ID; empty where a one-time code names it
 */
struct enrol_who {
	struct cpns_party	own;
	struct cpns_name	user;
};

/**
 * enrol_may_replace() - is a state that of the same enrolment
 * @state: what is there
 * @who: what is asked for
 * @server: what the registrar says of its Server
 * @why: result: what differs, as the end of a sentence
 *
 * Return: true where the new key goes into it.
 */
bool enrol_may_replace(const struct cpns_state *state, const struct enrol_who *who,
		       const struct cpns_party *server, const char **why);

/**
 * enrol_server() - what the registrar says of its Server
 * @body: answer to GET /v1/server
 * @server: result
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -EINVAL.
 */
int enrol_server(const json_t *body, struct cpns_party *server, char *error);

/**
 * enrol_domain_check() - can this Server issue a key for this entity
 * @who: entity
 * @server: Server
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -EINVAL.
 */
int enrol_domain_check(const struct enrol_who *who, const struct cpns_party *server,
		       char *error);

/**
 * enrol_take() - take the answer of an enrolment into a state
 * @body: answer to POST /v1/enrol
 * @who: what was asked for
 * @server: the Server that was named before
 * @state: an empty state, or that of the same enrolment; changed on success
 * @key: result: the new key in @state
 * @error: CPNS_ERROR_TEXT characters
 *
 * A key that is not an EUKey of this entity, in this role, of this user, with
 * this Server is refused.
 *
 * Return: 0, -EINVAL, -EPERM or -ENOMEM.
 */
int enrol_take(const json_t *body, const struct enrol_who *who, const struct cpns_party *server,
	       struct cpns_state *state, const struct cpns_key_record **key, char *error);

#endif /* CPNSCTL_ENROL_STATE_H */
