/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An enrolled entity: its state file, the peers that follow from the keys and
 * permits in it, and whether its Server is there.
 */
#ifndef CPNSD_ENTITY_H
#define CPNSD_ENTITY_H

#include <jansson.h>

#include "conf.h"
#include "session.h"

struct daemon;
struct entity;

/**
 * entity_new() - read the state file
 * @e: result, for entity_free(); NULL on an error
 * @d: the daemon
 * @conf: configuration with a state file
 * @now: time
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Return: 0 or -errno.
 */
int entity_new(struct entity **e, struct daemon *d, const struct conf *conf,
	       const struct cpns_now *now, char *error);

/** entity_free() - erase and free; takes NULL */
void entity_free(struct entity *e);

/**
 * entity_complete() - put the peers of the state file into a configuration
 * @e: entity
 * @conf: configuration that is to be
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -ENOMEM.
 */
int entity_complete(struct entity *e, struct conf *conf, char *error);

/**
 * entity_reread() - take what an enrolment has put into the state file
 * @e: entity
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * New EUKeys and the Server's endpoints are taken; all else in memory is newer
 * than the file.
 *
 * Return: 0, -EBUSY (the file is another entity's now) or -errno.
 */
int entity_reread(struct entity *e, char *error);

/** entity_reloaded() - another configuration is in force: look at all peers again */
void entity_reloaded(struct entity *e);

/*
 * What the Server says. Each of these takes it into memory; entity_commit()
 * then stores it and puts it in force. Each returns 0 or -errno, and a sentence
 * in @error (CPNS_ERROR_TEXT characters).
 */

/** entity_take_key() - a LocalEUKey, or a newer EUKey; @kind is the one due */
int entity_take_key(struct entity *e, const json_t *record, unsigned int kind, char *error);

/** entity_take_revoked() - key_ids that are not to be used any more */
int entity_take_revoked(struct entity *e, const json_t *key_ids, char *error);

/** entity_take_permits() - all permits of this entity */
int entity_take_permits(struct entity *e, const json_t *permits, char *error);

/**
 * entity_commit() - store what was taken, and put it in force
 * @e: entity
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * It comes in force also where it can't be stored; it must not be
 * acknowledged then.
 *
 * Return: 0 or -errno.
 */
int entity_commit(struct entity *e, char *error);

/** entity_established() - a handshake with a key was completed */
void entity_established(struct entity *e, uint64_t eid, const uint8_t *key_id);

/** entity_silent() - nothing is heard of a peer */
void entity_silent(struct entity *e, uint64_t eid);

/**
 * entity_connected() - a control stream to the Server is there
 *
 * A newer EUKey gets its first handshake where that has not been done: this
 * daemon or the Server's may have ended meanwhile.
 */
void entity_connected(struct entity *e);

/** entity_heard() - the Server has said something inside its session */
void entity_heard(struct entity *e);

/** entity_tick() - every half minute: keys that have expired, another endpoint */
void entity_tick(struct entity *e);

/** entity_server() - EID of the Server */
uint64_t entity_server(const struct entity *e);

/** entity_own() - who the entity is */
const struct cpns_party *entity_own(const struct entity *e);

/** entity_have() - key_ids that the entity has, as a JSON list, or NULL */
json_t *entity_have(const struct entity *e);

/** entity_revoked() - key_ids known as revoked, as a JSON list, or NULL */
json_t *entity_revoked(const struct entity *e);

/** entity_status() - for the control socket: the Server, and since when it is away */
json_t *entity_status(const struct entity *e, const struct cpns_now *now);

#endif /* CPNSD_ENTITY_H */
