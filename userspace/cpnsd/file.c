// SPDX-License-Identifier: GPL-2.0
/* Small files, read whole and replaced whole. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

int file_read(const char *path, size_t max, char **text, size_t *len, mode_t *mode)
{
	struct stat st;
	ssize_t got;
	int fd, ret;

	*text = NULL;
	*len = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = -EINVAL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		goto out;
	ret = -EFBIG;
	if ((size_t)st.st_size > max)
		goto out;
	ret = -ENOMEM;
	*text = malloc(st.st_size + 1);
	if (!*text)
		goto out;
	do {
		got = read(fd, *text + *len, st.st_size + 1 - *len);
		if (got > 0)
			*len += got;
	} while (got > 0 && *len <= (size_t)st.st_size);
	ret = got < 0 ? -errno : got ? -EAGAIN : 0;
	if (!ret) {
		(*text)[*len] = 0;
		if (mode)
			*mode = st.st_mode & 0777;
	}
out:
	if (ret) {
		free(*text);
		*text = NULL;
		*len = 0;
	}
	close(fd);
	return ret;
}

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0)
			return -errno;
		text += n;
		len -= n;
	}
	return 0;
}

int file_replace(const char *path, const char *text, size_t len, mode_t mode)
{
	char temporary[PATH_MAX];
	struct stat st;
	int fd, ret;

	ret = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if (ret < 0 || (size_t)ret >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, text, len);
	/* Who may read the old one shall read the new one. */
	if (!ret && !stat(path, &st) && fchown(fd, st.st_uid, st.st_gid) &&
	    (st.st_uid != geteuid() || st.st_gid != getegid()))
		ret = -errno;
	if (!ret && (fchmod(fd, mode) || fsync(fd)))
		ret = -errno;
	close(fd);
	if (!ret && rename(temporary, path))
		ret = -errno;
	if (ret)
		unlink(temporary);
	return ret;
}
