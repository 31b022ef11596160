// SPDX-License-Identifier: GPL-2.0
/* Where cpnsd and cpnsctl meet. */
#include <stdio.h>
#include <sys/stat.h>

#include "paths.h"

void paths_default(char *path, size_t size, const char *device, const char *suffix)
{
	struct stat st = { 0 };

	/* Without /proc all namespaces share a name, which is the best there is. */
	if (stat("/proc/self/ns/net", &st))
		st.st_ino = 0;
	snprintf(path, size, PATHS_RUN "/%s.%lu.%s", device, (unsigned long)st.st_ino, suffix);
}
