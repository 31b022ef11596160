// SPDX-License-Identifier: GPL-2.0
/*
 * Handling of secret bytes: erasing and comparing.
 */
#include "secret.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

void cpns_wipe(void *p, size_t len)
{
	if (len)
		OPENSSL_cleanse(p, len);
}

void cpns_free_secret(void *p, size_t len)
{
	if (!p)
		return;
	cpns_wipe(p, len);
	free(p);
}

void cpns_free_wiped(void *p)
{
	if (p)
		cpns_free_secret(p, malloc_usable_size(p));
}

void *cpns_realloc_wiped(void *p, size_t size)
{
	size_t before = p ? malloc_usable_size(p) : 0;
	void *new = malloc(size);

	if (!new)
		return NULL;
	if (p)
		memcpy(new, p, before < size ? before : size);
	cpns_free_secret(p, before);
	return new;
}

bool cpns_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

int cpns_random(void *buf, size_t len)
{
	unsigned char *p = buf;

	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -EIO;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}
