// SPDX-License-Identifier: GPL-2.0
/* The names of entities in a hosts file. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "hosts.h"

#define HOSTS_MAX	(4 << 20)	/* bytes */

static void write_line(FILE *out, const struct conf *conf, const struct cpns_party *party,
		       const char *label)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	const char *c;

	cpns_overlay_address(conf->prefix, party->eid, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	fprintf(out, "%s\t", text);
	/* A '#' would begin a comment. */
	if (!strchr(party->id.text, '#'))
		fprintf(out, "%s ", party->id.text);
	for (c = label; *c && (isalnum((unsigned char)*c) || *c == '-' || *c == '_'); c++)
		;
	if (!*c)
		fprintf(out, "%s.%s", label, conf->device);
	putc('\n', out);
}

static void write_block(FILE *out, const struct conf *conf)
{
	size_t i;

	fprintf(out, "# begin cpnsd %s: written by cpnsd, changes are lost\n", conf->device);
	write_line(out, conf, &conf->own, "self");
	for (i = 0; i < conf->n_peers; i++)
		write_line(out, conf, &conf->peers[i]->party, conf->peers[i]->name);
	fprintf(out, "# end cpnsd %s\n", conf->device);
}

static bool is_mark(const char *line, size_t len, const char *word, const char *device)
{
	char mark[64];
	size_t n;

	n = snprintf(mark, sizeof(mark), "# %s cpnsd %s", word, device);
	return len >= n && !memcmp(line, mark, n) &&
	       (len == n || line[n] == ':' || isspace((unsigned char)line[n]));
}

/*
 * Copies a text without the block of a device. The new block, where there is
 * one, takes the place of the old one.
 */
static void replace_block(FILE *out, const char *text, size_t len, const char *device,
			  const struct conf *conf)
{
	const char *end = text + len, *nl;
	bool inside = false, written = !conf;
	size_t n;

	for (; text < end; text = nl) {
		nl = memchr(text, '\n', end - text);
		nl = nl ? nl + 1 : end;
		n = nl - text;
		if (is_mark(text, n, "begin", device)) {
			inside = true;
			if (!written)
				write_block(out, conf);
			written = true;
		} else if (inside) {
			inside = !is_mark(text, n, "end", device);
		} else {
			fwrite(text, 1, n, out);
			if (nl == end && text[n - 1] != '\n')
				putc('\n', out);
		}
	}
	if (!written)
		write_block(out, conf);
}

static int rewrite(const char *path, const char *device, const struct conf *conf, char *error)
{
	char *old = NULL, *new = NULL;
	size_t old_len = 0, new_len = 0;
	mode_t mode = 0644;
	FILE *out;
	int ret;

	ret = file_read(path, HOSTS_MAX, &old, &old_len, &mode);
	if (ret == -ENOENT && !conf)
		return 0;
	if (ret && ret != -ENOENT)
		goto out;
	ret = -ENOMEM;
	out = open_memstream(&new, &new_len);
	if (!out)
		goto out;
	replace_block(out, old ? old : "", old_len, device, conf);
	if (fclose(out))
		goto out;
	ret = 0;
	if (new_len == old_len && old && !memcmp(old, new, new_len))
		goto out;
	if (!new_len && !conf)
		ret = unlink(path) ? -errno : 0;
	else
		ret = file_replace(path, new, new_len, mode);
out:
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "hosts file %s can't be written: %s", path,
			 strerror(-ret));
	free(old);
	free(new);
	return ret;
}

int hosts_write(const char *path, const struct conf *conf, char *error)
{
	return rewrite(path, conf->device, conf, error);
}

int hosts_remove(const char *path, const char *device, char *error)
{
	return rewrite(path, device, NULL, error);
}
