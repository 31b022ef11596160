/* SPDX-License-Identifier: GPL-2.0 */
/* Small files, read whole and replaced whole. */
#ifndef CPNSD_FILE_H
#define CPNSD_FILE_H

#include <stddef.h>
#include <sys/types.h>

/**
 * file_read() - read a regular file
 * @path: file
 * @max: bytes that are accepted
 * @text: result, ended by a NUL, for free(); NULL on an error
 * @len: its bytes without the NUL
 * @mode: permission bits of the file; may be NULL
 *
 * Return: 0, -EFBIG, -EINVAL (no regular file), -EAGAIN (it changed while it
 * was read) or -errno.
 */
int file_read(const char *path, size_t max, char **text, size_t *len, mode_t *mode);

/**
 * file_replace() - put a text in place of a file, or of none
 * @path: file
 * @text: bytes
 * @len: how many
 * @mode: permission bits
 *
 * Who reads the file gets the old or the new one, also after a crash. The
 * owner stays who it was. Where a file can't be made beside it the old one
 * stays.
 *
 * Return: 0 or -errno.
 */
int file_replace(const char *path, const char *text, size_t len, mode_t mode);

#endif /* CPNSD_FILE_H */
