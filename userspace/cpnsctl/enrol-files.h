/* SPDX-License-Identifier: GPL-2.0 */
/* The files of an enrolled entity: its state, and a configuration to begin with. */
#ifndef CPNSCTL_ENROL_FILES_H
#define CPNSCTL_ENROL_FILES_H

#include <limits.h>
#include <stdbool.h>

#include <record.h>

/**
 * struct enrol_files - where the files are
 * @device: name of the net device
 * @state: state file
 * @conf: configuration
 * @conf_given: did a person name the configuration
 * @unit: systemd unit that reads @conf, or "" where none does
 */
struct enrol_files {
	const char	*device;
	char		state[PATH_MAX];
	char		conf[PATH_MAX];
	bool		conf_given;
	char		unit[64];
};

/** enum enrol_conf - what is with the configuration */
enum enrol_conf {
	ENROL_CONF_WRITTEN,	/* there was none */
	ENROL_CONF_USES_STATE,	/* it names the state file already */
	ENROL_CONF_LACKS_STATE,	/* a person must add a line to it */
};

/**
 * enrol_files_choose() - which files
 * @files: result
 * @device: net device
 * @state: state file that a person named, or NULL: /var/lib/cpns/DEVICE.json
 * @conf: configuration that a person named, or NULL: /etc/cpns/cpnsd.conf, or
 *	/etc/cpns/DEVICE.conf where that one is another device's
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int enrol_files_choose(struct enrol_files *files, const char *device, const char *state,
		       const char *conf);

/**
 * enrol_room_make() - make sure that the state can be written
 * @files: files
 * @error: CPNS_ERROR_TEXT characters
 *
 * The directory is made where it is not there, and room is taken in it until
 * enrol_room_free(): what the registrar answers must not be lost to a disk that
 * is full or read-only.
 *
 * Return: 0 or -errno.
 */
int enrol_room_make(const struct enrol_files *files, char *error);

/** enrol_room_free() - give the room back */
void enrol_room_free(const struct enrol_files *files);

/**
 * enrol_conf_check() - what is with the configuration now
 * @files: files
 * @result: enum enrol_conf; WRITTEN = there is none yet
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -errno (it can't be read).
 */
int enrol_conf_check(const struct enrol_files *files, enum enrol_conf *result, char *error);

/**
 * enrol_conf_write() - write a configuration where there is none
 * @files: files
 * @role: of the entity
 * @via: ADDR:PORT through which a PNE reaches the Server, or NULL
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -errno.
 */
int enrol_conf_write(const struct enrol_files *files, unsigned int role, const char *via,
		     char *error);

#endif /* CPNSCTL_ENROL_FILES_H */
