// SPDX-License-Identifier: GPL-2.0
/* cpnsctl key: makes keys. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <record.h>
#include <secret.h>
#include <text.h>

#include "ctl.h"

static int print_key_id(const char *format)
{
	uint8_t key_id[CPNS_KEY_ID_LEN];
	char text[CPNS_KEY_ID_TEXT];

	if (cpns_random(key_id, sizeof(key_id))) {
		ctl_error("the system has no random bytes");
		return CTL_FAIL;
	}
	cpns_hex_encode(key_id, sizeof(key_id), text);
	printf(format, text);
	return CTL_OK;
}

static int write_key(const char *path, const uint8_t *key)
{
	char error[CPNS_ERROR_TEXT], *absolute;
	int ret;

	ret = cpns_key_file_write(path, key, error);
	if (ret) {
		ctl_error("%s", error);
		return ret == -EACCES || ret == -EPERM ? CTL_PERMISSION : CTL_FAIL;
	}
	absolute = realpath(path, NULL);
	printf("key-file = %s\n", absolute ? absolute : path);
	free(absolute);
	return print_key_id("key-id = %s\n");
}

static int print_key(const uint8_t *key)
{
	char text[CPNS_KEY_TEXT];
	int ret = CTL_OK;

	cpns_hex_encode(key, CPNS_KEY_LEN, text);
	/* Unbuffered, so that no copy is left in a buffer of the library. */
	setvbuf(stdout, NULL, _IONBF, 0);
	if (puts(text) < 0) {
		ctl_error("the key can't be written: %s", strerror(errno));
		ret = CTL_FAIL;
	}
	cpns_wipe(text, sizeof(text));
	return ret;
}

static int gen(const char *path)
{
	uint8_t key[CPNS_KEY_LEN];
	int ret;

	if (cpns_random(key, sizeof(key))) {
		ctl_error("the system has no random bytes");
		return CTL_FAIL;
	}
	ret = path ? write_key(path, key) : print_key(key);
	cpns_wipe(key, sizeof(key));
	return ret;
}

int cmd_key(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	if (argc >= 2 && argc <= 3 && !strcmp(argv[1], "gen"))
		return gen(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "id"))
		return print_key_id("%s\n");
	return ctl_usage(argv[0]);
}
