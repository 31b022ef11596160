/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon: sockets, timers and signals around the sessions of an entity. */
#ifndef CPNSD_DAEMON_H
#define CPNSD_DAEMON_H

#include "session.h"

struct daemon;
struct downgrade;
struct enrol_forward;
struct entity;
struct server;

/**
 * daemon_start() - take the device and go on with its sessions
 * @d: result, for daemon_free() on an error, too
 * @files: configuration files, valid as long as the daemon
 * @n_files: how many
 * @conf: what was read from them; owned from now on
 *
 * Errors are logged.
 *
 * Return: 0 or -errno.
 */
int daemon_start(struct daemon **d, const char *const *files, size_t n_files,
		 struct conf *conf);

/**
 * daemon_run() - run until a signal or the end of the device
 * @d: started
 *
 * Return: 0 after SIGTERM or SIGINT, -ENODEV where the device is gone.
 */
int daemon_run(struct daemon *d);

/** daemon_free() - an orderly end; takes NULL */
void daemon_free(struct daemon *d);

/**
 * daemon_reload() - read the configuration files again
 * @d: running
 * @fault: called for each fault
 * @arg: for @fault
 *
 * Return: 0 or -errno; what runs is as it was on an error.
 */
int daemon_reload(struct daemon *d, conf_fault_t fault, void *arg);

/**
 * daemon_apply() - put a text in force as the configuration
 * @d: running
 * @name: what faults call the text
 * @text: in the form of a configuration file
 * @len: its bytes
 * @mode: what becomes of living sessions
 * @fault: called for each fault
 * @arg: for @fault
 *
 * Return: 0 or -errno; what runs is as it was on an error.
 */
int daemon_apply(struct daemon *d, const char *name, const char *text, size_t len,
		 enum session_apply_mode mode, conf_fault_t fault, void *arg);

/**
 * daemon_peer_put() - put one peer in force, with its routes and its name
 * @d: running
 * @peer: as it is to be; owned from now on
 * @gone: what becomes of the sessions of keys that it has no longer
 *
 * A refusal of the kernel is logged.
 *
 * Return: 0 or -errno; then nothing has changed.
 */
int daemon_peer_put(struct daemon *d, struct conf_peer *peer, enum session_gone gone);

/** daemon_peer_drop() - end the sessions of a peer and forget it */
void daemon_peer_drop(struct daemon *d, uint64_t eid);

/** daemon_connect() - begin a handshake with a peer now */
void daemon_connect(struct daemon *d, uint64_t eid);

/** daemon_event() - give an event of the kernel, or one held back, to the sessions */
void daemon_event(struct daemon *d, const struct cpns_event *event);

/**
 * daemon_code() - ask the Server for an enrolment code
 * @d: running
 * @role: of the device that is to enrol
 * @client: of the control socket; it is answered some time
 *
 * Return: 0, -EOPNOTSUPP (this is no enrolled entity) or as stream_client_code().
 */
int daemon_code(struct daemon *d, const char *role, uint64_t client);

/** daemon_entity() - the enrolled entity, or NULL */
const struct entity *daemon_entity(const struct daemon *d);

/** daemon_server() - the Server with its registrar, or NULL */
const struct server *daemon_server(const struct daemon *d);

/** daemon_downgrade() - packets with less protection than is demanded */
const struct downgrade *daemon_downgrade(const struct daemon *d);

/** daemon_forward() - enrolments that are passed on */
const struct enrol_forward *daemon_forward(const struct daemon *d);

/** daemon_session() - the sessions */
struct session *daemon_session(struct daemon *d);

/** daemon_now() - the time */
void daemon_now(struct daemon *d, struct cpns_now *now);

/** daemon_arm() - set the timer after a call into the sessions */
void daemon_arm(struct daemon *d);

/** daemon_files() - the configuration files; returns how many */
size_t daemon_files(const struct daemon *d, const char *const **files);

/**
 * daemon_generation() - number of the configuration in force
 *
 * It grows with each that is put in force.
 */
uint64_t daemon_generation(const struct daemon *d);

/** daemon_from_files() - is the configuration in force that of the files */
bool daemon_from_files(const struct daemon *d);

#endif /* CPNSD_DAEMON_H */
