// SPDX-License-Identifier: GPL-2.0
/*
 * Key records: what two entities share, and the file that holds its key.
 */
#define _GNU_SOURCE	/* strptime(), timegm() */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "secret.h"
#include "text.h"
#include "util.h"

int cpns_party_set(struct cpns_party *party, const void *id, size_t len, unsigned int role,
		   const char **why)
{
	const char *unused;
	int ret;

	if (!why)
		why = &unused;
	memset(party, 0, sizeof(*party));
	if (!cpns_role_name(role)) {
		*why = "its role is not one of server, pn-gw and pne";
		return -EINVAL;
	}
	ret = cpns_entity_id_set(&party->id, id, len, why);
	if (ret)
		return ret;
	if (role == CPNS_ROLE_SERVER && party->id.text[len - 1] == '@') {
		*why = "the name of a server can't end in '@': its domain follows there";
		return -EINVAL;
	}
	ret = cpns_eid_from_name(&party->id, &party->eid);
	if (ret) {
		*why = ret == -ERANGE ? "its EID is not usable: choose another name" :
					"hashing failed";
		return ret;
	}
	party->role = (uint8_t)role;
	return 0;
}

int cpns_record_check(const struct cpns_key_record *record, const char **why)
{
	static const uint8_t zeros[CPNS_KEY_LEN];
	const char *unused;

	if (!why)
		why = &unused;
	if (!cpns_key_kind_name(record->kind))
		*why = "kind is not one of eukey, localeukey and static";
	else if (!record->own.eid || !record->peer.eid)
		*why = "one of the two entities is missing";
	else if (cpns_name_equal(&record->own.id, &record->peer.id))
		*why = "the two entities are the same: a key is shared by two different ones";
	else if (record->own.eid == record->peer.eid)
		*why = "the two entities have the same EID: one of them needs another name";
	else if (record->own.role == record->peer.role && record->kind != CPNS_KEY_STATIC)
		*why = "the two entities have the same role: only a static key may do that";
	else if (record->kind == CPNS_KEY_STATIC && record->user_id.len)
		*why = "a static key has no user-id: leave it out";
	else if (record->kind != CPNS_KEY_STATIC && !record->user_id.len)
		*why = "user-id is missing: an EUKey or LocalEUKey belongs to a CPNS User";
	else if (record->not_after && record->not_after <= record->not_before)
		*why = "not-after is not later than not-before: the key would never be valid";
	else if (cpns_equal(record->key, zeros, sizeof(zeros)))
		*why = "the key is missing";
	else if (cpns_equal(record->key_id, zeros, CPNS_KEY_ID_LEN))
		*why = "key-id is missing: 32 hex digits, the same at both ends";
	else
		return 0;
	return -EINVAL;
}

bool cpns_record_valid(const struct cpns_key_record *record, uint64_t now)
{
	return record->not_before <= now && (!record->not_after || now < record->not_after);
}

void cpns_record_wipe(struct cpns_key_record *record)
{
	cpns_wipe(record, sizeof(*record));
}

static const char *const kind_names[] = {
	[CPNS_KEY_EUKEY] = "eukey",
	[CPNS_KEY_LOCALEUKEY] = "localeukey",
	[CPNS_KEY_STATIC] = "static",
};

const char *cpns_key_kind_name(unsigned int kind)
{
	return kind < ARRAY_SIZE(kind_names) ? kind_names[kind] : NULL;
}

/* Seconds since 1970 as a number, or as a date with or without a time, in UTC. */
static int time_parse(const char *text, uint64_t *when)
{
	static const char *const form[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dZ", "%Y-%m-%d" };
	struct tm tm;
	time_t t;
	size_t i;

	if (!cpns_u64_parse(text, 0, INT64_MAX, when))
		return 0;
	for (i = 0; i < ARRAY_SIZE(form); i++) {
		const char *end;

		memset(&tm, 0, sizeof(tm));
		end = strptime(text, form[i], &tm);
		if (!end || *end)
			continue;
		t = timegm(&tm);
		if (t < 0)
			return -EINVAL;
		*when = (uint64_t)t;
		return 0;
	}
	return -EINVAL;
}

static int bool_parse(const char *text, bool *value)
{
	if (!strcmp(text, "yes"))
		*value = true;
	else if (!strcmp(text, "no"))
		*value = false;
	else
		return -EINVAL;
	return 0;
}

static int kind_parse(const char *text, uint8_t *kind)
{
	uint8_t k;

	for (k = CPNS_KEY_EUKEY; k < ARRAY_SIZE(kind_names); k++) {
		if (!strcmp(text, kind_names[k])) {
			*kind = k;
			return 0;
		}
	}
	return -EINVAL;
}

int cpns_record_set_field(struct cpns_key_record *record, const char *name, const char *value,
			  char *error)
{
	const char *wanted;
	uint64_t number;
	int ret;

	if (!strcmp(name, "key-id")) {
		wanted = "32 hex digits, the same at both ends";
		ret = cpns_hex_decode(value, strlen(value), record->key_id, CPNS_KEY_ID_LEN);
	} else if (!strcmp(name, "kind")) {
		wanted = "eukey, localeukey or static";
		ret = kind_parse(value, &record->kind);
	} else if (!strcmp(name, "user-id")) {
		wanted = "at most 255 bytes of UTF-8 without white space";
		ret = cpns_user_id_set(&record->user_id, value, strlen(value), NULL);
	} else if (!strcmp(name, "generation")) {
		wanted = "a number from 0 to 4294967295";
		ret = cpns_u64_parse(value, 0, UINT32_MAX, &number);
		if (!ret)
			record->generation = (uint32_t)number;
	} else if (!strcmp(name, "pure-psk")) {
		wanted = "yes or no";
		ret = bool_parse(value, &record->pure_psk);
	} else if (!strcmp(name, "not-before") || !strcmp(name, "not-after")) {
		wanted = "seconds since 1970 or UTC such as 2026-01-31 or 2026-01-31T12:00:00Z";
		ret = time_parse(value, &number);
		if (!ret && !strcmp(name, "not-before"))
			record->not_before = number;
		else if (!ret)
			record->not_after = number;
	} else {
		snprintf(error, CPNS_ERROR_TEXT, "there is no field of this name in a key record");
		return -ENOENT;
	}
	if (!ret)
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "%s wants %s", name, wanted);
	return -EINVAL;
}

int cpns_key_parse(const char *text, size_t len, uint8_t *key)
{
	static const uint8_t zeros[CPNS_KEY_LEN];

	if (len && text[len - 1] == '\n')
		len--;
	if (cpns_hex_decode(text, len, key, CPNS_KEY_LEN) ||
	    cpns_equal(key, zeros, CPNS_KEY_LEN)) {
		cpns_wipe(key, CPNS_KEY_LEN);
		return -EINVAL;
	}
	return 0;
}

/* Read to the end and parse; 0, -errno of reading, or -EBADMSG for no key. */
static int key_read(int fd, uint8_t *key)
{
	/* One byte more than a key can have shows what is too long. */
	char text[CPNS_KEY_TEXT];
	size_t len = 0;
	int ret = 0;

	cpns_wipe(key, CPNS_KEY_LEN);
	while (len < sizeof(text)) {
		ssize_t n = read(fd, text + len, sizeof(text) - len);

		if (n > 0) {
			len += (size_t)n;
		} else if (!n) {
			break;
		} else if (errno != EINTR) {
			ret = -errno;
			break;
		}
	}
	if (!ret && cpns_key_parse(text, len, key))
		ret = -EBADMSG;
	cpns_wipe(text, sizeof(text));
	return ret;
}

/* What key_read() met, in words that never hold what was read. */
static const char *key_read_error(int code)
{
	return code == -EBADMSG ?
	       "this is no key: it must be 64 hex digits and nothing else" :
	       strerror(-code);
}

int cpns_key_fd_read(int fd, uint8_t *key, char *error)
{
	int ret = key_read(fd, key);

	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "%s", key_read_error(ret));
	return ret;
}

/* Is this open file fit to hold a secret. */
static int file_check(int fd, const char *path, char *error)
{
	struct stat st;

	if (fstat(fd, &st)) {
		snprintf(error, CPNS_ERROR_TEXT, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(error, CPNS_ERROR_TEXT, "%s: a key file must be a regular file", path);
		return -EPERM;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "%s: the key file belongs to another user; chown it to the user that runs this",
			 path);
		return -EPERM;
	}
	if (st.st_mode & 0077) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "%s: others may read or write the key file; do chmod 600, and make a new key if others have read it",
			 path);
		return -EPERM;
	}
	return 0;
}

int cpns_key_file_read(const char *path, uint8_t *key, char *error)
{
	int fd, ret;

	cpns_wipe(key, CPNS_KEY_LEN);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		ret = -errno;
		if (ret == -ELOOP)
			snprintf(error, CPNS_ERROR_TEXT,
				 "%s: a key file can't be a symbolic link; name the file itself",
				 path);
		else
			snprintf(error, CPNS_ERROR_TEXT, "%s: %s", path, strerror(-ret));
		return ret;
	}
	ret = file_check(fd, path, error);
	if (!ret) {
		ret = key_read(fd, key);
		if (ret)
			snprintf(error, CPNS_ERROR_TEXT, "%s: %s", path, key_read_error(ret));
	}
	close(fd);
	return ret;
}

int cpns_key_file_write(const char *path, const uint8_t *key, char *error)
{
	char text[CPNS_KEY_TEXT];
	size_t done = 0;
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		ret = -errno;
		snprintf(error, CPNS_ERROR_TEXT, "%s: %s%s", path, strerror(-ret),
			 ret == -EEXIST ? "; nothing was changed, choose another name" : "");
		return ret;
	}
	cpns_hex_encode(key, CPNS_KEY_LEN, text);
	text[CPNS_KEY_TEXT - 2] = '\n';
	while (!ret && done < CPNS_KEY_TEXT - 1) {
		ssize_t n = write(fd, text + done, CPNS_KEY_TEXT - 1 - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			ret = -errno;
	}
	cpns_wipe(text, sizeof(text));
	if (!ret && fsync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "%s: %s", path, strerror(-ret));
		unlink(path);
	}
	return ret;
}
