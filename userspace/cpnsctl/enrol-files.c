// SPDX-License-Identifier: GPL-2.0
/* The files of an enrolled entity. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cpnsd/conf.h"
#include "../cpnsd/file.h"
#include "../cpnsd/ini.h"
#include "../cpnsd/macros.h"
#include "../cpnsd/paths.h"
#include "enrol-files.h"

#define DEVICE_DEFAULT	"cpns0"
#define CONF_DIR	"/etc/cpns"
#define DAEMON_USER	"cpns"

enum {
	ROOM = 64 << 10,	/* more than a state with one key needs */
	LISTEN_PORT = 4500,
};

/**
 * struct conf_view - what is looked for in a configuration
 * @device: of [entity]
 * @state: of [entity]
 */
struct conf_view {
	char	device[64];
	char	state[PATH_MAX];
};

static void look(void *arg, const struct ini_item *item)
{
	struct conf_view *view = arg;

	if (strcmp(item->section, "entity") || !item->name)
		return;
	if (!strcmp(item->name, "device"))
		snprintf(view->device, sizeof(view->device), "%s", item->value);
	if (!strcmp(item->name, "state"))
		snprintf(view->state, sizeof(view->state), "%s", item->value);
}

static void ignore(void *arg, unsigned int line, const char *what)
{
	(void)arg;
	(void)line;
	(void)what;
}

static int view_conf(const char *path, struct conf_view *view)
{
	char *text;
	size_t len;
	int ret;

	*view = (struct conf_view){ .device = DEVICE_DEFAULT };
	ret = file_read(path, CONF_FILE_MAX, &text, &len, NULL);
	if (ret)
		return ret;
	ini_read(text, len, look, ignore, view);
	free(text);
	return 0;
}

static int set_path(char *path, const char *given, const char *fmt, const char *device)
{
	char name[PATH_MAX];
	const char *text = given;
	int n;

	if (!given) {
		n = snprintf(name, sizeof(name), "%s/%s%s", fmt, device,
			     strcmp(fmt, CONF_DIR) ? ".json" : ".conf");
		text = name;
	} else {
		n = (int)strlen(given);
	}
	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, text, (size_t)n + 1);
	return 0;
}

int enrol_files_choose(struct enrol_files *files, const char *device, const char *state,
		       const char *conf)
{
	struct conf_view view;
	int ret;

	memset(files, 0, sizeof(*files));
	files->device = device;
	files->conf_given = conf;
	ret = set_path(files->state, state, PATHS_STATE, device);
	if (ret || conf)
		return ret ? ret : set_path(files->conf, conf, NULL, NULL);
	/* The first device has the file without a name in it. */
	if (view_conf(PATHS_CONFIG, &view) || !strcmp(view.device, device)) {
		snprintf(files->unit, sizeof(files->unit), "cpnsd");
		return set_path(files->conf, PATHS_CONFIG, NULL, NULL);
	}
	snprintf(files->unit, sizeof(files->unit), "cpnsd@%s", device);
	return set_path(files->conf, NULL, CONF_DIR, device);
}

/* The directory belongs to the daemon's user where there is one. */
static int make_dir(const char *dir)
{
	const struct passwd *user;

	if (mkdir(dir, 0755))
		return errno == EEXIST ? 0 : -errno;
	user = geteuid() ? NULL : getpwnam(DAEMON_USER);
	if (user && chown(dir, user->pw_uid, user->pw_gid))
		return -errno;
	return 0;
}

static void room_path(const struct enrol_files *files, char *path, size_t size)
{
	snprintf(path, size, "%s.room", files->state);
}

static int take_room(const char *path)
{
	static const char zeros[4096];
	int fd, ret = 0, i;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (i = 0; i < ROOM / (int)sizeof(zeros) && !ret; i++) {
		ssize_t n = write(fd, zeros, sizeof(zeros));

		if (n < 0)
			ret = -errno;
		else if (n < (ssize_t)sizeof(zeros))
			ret = -ENOSPC;
	}
	if (!ret && fsync(fd))
		ret = -errno;
	close(fd);
	if (ret)
		unlink(path);
	return ret;
}

int enrol_room_make(const struct enrol_files *files, char *error)
{
	char room[PATH_MAX + 8], dir[PATH_MAX];
	int ret;

	snprintf(dir, sizeof(dir), "%s", files->state);
	room_path(files, room, sizeof(room));
	ret = make_dir(dirname(dir));
	if (!ret)
		ret = take_room(room);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT,
			 "%.200s can't be written: %s; nothing was asked of the registrar yet",
			 files->state, strerror(-ret));
	return ret;
}

void enrol_room_free(const struct enrol_files *files)
{
	char room[PATH_MAX + 8];

	room_path(files, room, sizeof(room));
	unlink(room);
}

int enrol_conf_check(const struct enrol_files *files, enum enrol_conf *result, char *error)
{
	struct conf_view view;
	int ret = view_conf(files->conf, &view);

	*result = ENROL_CONF_WRITTEN;
	if (ret == -ENOENT)
		return 0;
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "%.250s can't be read: %s", files->conf,
			 strerror(-ret));
		return ret;
	}
	*result = strcmp(view.state, files->state) || strcmp(view.device, files->device) ?
		  ENROL_CONF_LACKS_STATE : ENROL_CONF_USES_STATE;
	return 0;
}

int enrol_conf_write(const struct enrol_files *files, unsigned int role, const char *via,
		     char *error)
{
	char dir[PATH_MAX], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int ret;

	if (!out) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	fprintf(out, "# Written by cpnsctl enrol; cpnsd.conf(5) has all that can stand here.\n");
	fprintf(out, "[entity]\ndevice = %s\nstate = %s\n", files->device, files->state);
	if (via)
		fprintf(out, "via = %s\n", via);
	if (role == CPNS_ROLE_PNGW)
		fprintf(out,
			"listen-port = %d\n\n# The interfaces on which PNE come in:\n# [relay]\n# pan = wlan0\n",
			LISTEN_PORT);
	ret = fclose(out) ? -ENOMEM : 0;
	snprintf(dir, sizeof(dir), "%s", files->conf);
	if (!ret && mkdir(dirname(dir), 0755) && errno != EEXIST)
		ret = -errno;
	if (!ret)
		ret = file_replace(files->conf, text, len, 0644);
	free(text);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "%.250s can't be written: %s", files->conf,
			 strerror(-ret));
	return ret;
}
