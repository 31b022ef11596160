// SPDX-License-Identifier: GPL-2.0
/* The time, also where there is no clock. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "file.h"
#include "log.h"
#include "state.h"

void state_open(struct state *state, const char *dir)
{
	char *text;
	size_t len;
	int ret;

	state->saved = 0;
	snprintf(state->path, sizeof(state->path), "%.200s/time", dir);
	if (mkdir(dir, 0755) && errno != EEXIST)
		log_msg(LOG_INFO, "%s can't be made: %s; the time is not saved", dir,
			strerror(errno));
	ret = file_read(state->path, 64, &text, &len, NULL);
	if (!ret && len && text[len - 1] == '\n')
		text[len - 1] = 0;
	if (!ret && cpns_u64_parse(text, 0, INT64_MAX, &state->saved))
		ret = -EINVAL;
	if (ret && ret != -ENOENT)
		log_msg(LOG_WARNING, "saved time %s can't be used: %s", state->path,
			strerror(-ret));
	free(text);
	if (state->saved > (uint64_t)time(NULL))
		log_msg(LOG_WARNING,
			"the clock is behind the time saved in %s: that is used for the validity of keys",
			state->path);
}

void state_now(const struct state *state, struct cpns_now *now)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	now->ms = (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	now->real = time(NULL);
	if (now->real < state->saved)
		now->real = state->saved;
}

void state_save(struct state *state)
{
	uint64_t now = time(NULL);
	char text[32];
	int len;

	if (now <= state->saved)
		return;
	len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)now);
	if (!file_replace(state->path, text, len, 0644))
		state->saved = now;
}
