// SPDX-License-Identifier: GPL-2.0
/* The state file of an enrolled entity: on the disk. */
#include "state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json-line.h"
#include "json-secret.h"
#include "secret.h"

/**
 * struct place - where a state file is
 * @dir: its directory, open
 * @owner: of the directory: who has it could put anything in place of the file
 * @group: of the directory
 * @name: the file in it
 * @temporary: what is written before it takes the place of the file
 */
struct place {
	int	dir;
	uid_t	owner;
	gid_t	group;
	char	name[NAME_MAX + 1];
	char	temporary[NAME_MAX + 1];
};

static int place_open(struct place *place, const char *path, char *error)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char dir[PATH_MAX] = ".";
	struct stat st;
	int n, ret;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	snprintf(place->name, sizeof(place->name), "%s", name);
	n = snprintf(place->temporary, sizeof(place->temporary), ".%s.new", name);
	if (!*name || n >= (int)sizeof(place->temporary) || strlen(path) >= sizeof(dir)) {
		snprintf(error, CPNS_ERROR_TEXT, "%.200s: this can't be the name of a state file",
			 path);
		return -EINVAL;
	}
	place->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->dir >= 0 && !fstat(place->dir, &st)) {
		place->owner = st.st_uid;
		place->group = st.st_gid;
		return 0;
	}
	ret = -errno;
	if (place->dir >= 0)
		close(place->dir);
	snprintf(error, CPNS_ERROR_TEXT, "%.200s: %s", dir, strerror(-ret));
	return ret;
}

/* Is this open file fit to hold keys. */
static int file_check(int fd, const struct place *place, const char *path, struct stat *st,
		      char *error)
{
	bool ours;

	if (fstat(fd, st)) {
		snprintf(error, CPNS_ERROR_TEXT, "%.200s: %s", path, strerror(errno));
		return -errno;
	}
	ours = st->st_uid == geteuid() || !st->st_uid ||
	       (!geteuid() && st->st_uid == place->owner);
	if (!S_ISREG(st->st_mode))
		snprintf(error, CPNS_ERROR_TEXT, "%.200s: a state file must be a regular file",
			 path);
	else if (!ours)
		snprintf(error, CPNS_ERROR_TEXT,
			 "%.200s: the state file belongs to another user; chown it to the user that runs this",
			 path);
	else if (st->st_mode & 0077)
		snprintf(error, CPNS_ERROR_TEXT,
			 "%.200s: others may read or write the state file; do chmod 600, and enrol anew if others have read it",
			 path);
	else
		return 0;
	return -EPERM;
}

static int read_all(int fd, size_t size, char **text, size_t *len)
{
	ssize_t n = 1;

	*len = 0;
	*text = malloc(size + 1);
	if (!*text)
		return -ENOMEM;
	while (n && *len <= size) {
		n = read(fd, *text + *len, size + 1 - *len);
		if (n > 0)
			*len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			return -errno;
	}
	/* The file is never written in place: who does is no friend. */
	return *len == size ? 0 : -EAGAIN;
}

static int parse(const char *text, size_t len, struct cpns_state **state, char *error)
{
	char what[CPNS_ERROR_TEXT];
	json_error_t where;
	json_t *json;
	int ret;

	cpns_json_wipe_on_free();
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!json) {
		snprintf(error, CPNS_ERROR_TEXT, "it is not JSON, at line %d", where.line);
		return -EINVAL;
	}
	ret = cpns_state_from_json(json, state, what);
	json_decref(json);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "%s", what);
	return ret;
}

static int load_from(const struct place *place, const char *path, struct cpns_state **state,
		     char *error)
{
	char what[CPNS_ERROR_TEXT], *text = NULL;
	struct stat st;
	size_t len;
	int fd, ret;

	fd = openat(place->dir, place->name,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		ret = -errno;
		snprintf(error, CPNS_ERROR_TEXT, "%.200s: %s", path, ret == -ELOOP ?
			 "a state file can't be a symbolic link; name the file itself" :
			 strerror(-ret));
		return ret;
	}
	ret = file_check(fd, place, path, &st, error);
	if (ret)
		goto out;
	ret = st.st_size > CPNS_STATE_FILE_MAX ? -EFBIG :
	      read_all(fd, (size_t)st.st_size, &text, &len);
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "%.200s: %s", path, strerror(-ret));
		goto out;
	}
	ret = parse(text, len, state, what);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT,
			 "%.100s: %.140s; restore it from a backup, or enrol anew with cpnsctl enrol --force",
			 path, what);
out:
	cpns_json_text_free(text);
	close(fd);
	return ret;
}

int cpns_state_load(const char *path, struct cpns_state **state, char *error)
{
	struct place place;
	int ret;

	*state = NULL;
	ret = place_open(&place, path, error);
	if (ret)
		return ret;
	ret = load_from(&place, path, state, error);
	close(place.dir);
	return ret;
}

/*
 * Opens the temporary file and has it alone. One that a crash left behind is
 * used again, so that no copy of the keys lies about.
 */
static int temporary_open(const struct place *place)
{
	struct stat ours, there;
	int fd, ret;

	for (;;) {
		fd = openat(place->dir, place->temporary,
			    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX) || fstat(fd, &ours)) {
			ret = -errno;
			break;
		}
		/* Another writer may have renamed it meanwhile. */
		if (fstatat(place->dir, place->temporary, &there, AT_SYMLINK_NOFOLLOW) ||
		    there.st_ino != ours.st_ino || there.st_dev != ours.st_dev) {
			close(fd);
			continue;
		}
		ret = -EPERM;
		if (!S_ISREG(ours.st_mode) || ours.st_nlink != 1)
			break;
		if (!fchmod(fd, 0600) && !ftruncate(fd, 0))
			return fd;
		ret = -errno;
		break;
	}
	close(fd);
	return ret;
}

/* Who may read the old file shall read the new one; a first one is the directory's owner's. */
static int give_away(int fd, const struct place *place)
{
	struct stat st;

	if (geteuid())
		return 0;
	if (fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) {
		st.st_uid = place->owner;
		st.st_gid = place->group;
	}
	return fchown(fd, st.st_uid, st.st_gid) ? -errno : 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

static int replace(const struct place *place, const char *text, size_t len)
{
	int fd = temporary_open(place), ret;

	if (fd < 0)
		return fd;
	ret = give_away(fd, place);
	if (!ret)
		ret = write_all(fd, text, len);
	if (!ret && renameat(place->dir, place->temporary, place->dir, place->name))
		ret = -errno;
	if (ret)
		unlinkat(place->dir, place->temporary, 0);
	else if (fsync(place->dir))
		ret = -errno;
	close(fd);
	return ret;
}

int cpns_state_save(const char *path, struct cpns_state *state, uint64_t now, char *error)
{
	char *text = NULL;
	struct place place;
	json_t *json;
	size_t len;
	int ret;

	ret = place_open(&place, path, error);
	if (ret)
		return ret;
	if (now > state->time)
		state->time = now;
	json = cpns_state_to_json(state);
	ret = json ? cpns_json_line_make(json, &text, &len) : -ENOMEM;
	json_decref(json);
	if (!ret)
		ret = replace(&place, text, len);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "%.200s can't be written: %s", path,
			 strerror(-ret));
	cpns_json_text_free(text);
	close(place.dir);
	return ret;
}
