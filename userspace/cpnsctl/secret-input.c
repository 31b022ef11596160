// SPDX-License-Identifier: GPL-2.0
/* Passwords and codes that a person gives. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <secret.h>

#include "ctl.h"
#include "secret-input.h"

void secret_wipe(struct secret *secret)
{
	cpns_wipe(secret, sizeof(*secret));
}

/* Reads up to a line feed or the end, a byte at a time: what follows is not ours. */
static int read_line(int fd, struct secret *secret)
{
	char c;

	secret->len = 0;
	for (;;) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno != EINTR)
			return -errno;
		/* A signal handler has been run where the terminal is read. */
		if (n < 0)
			return -EINTR;
		if (!n || c == '\n')
			break;
		if (secret->len == SECRET_MAX)
			return -EMSGSIZE;
		secret->text[secret->len++] = c;
	}
	secret->text[secret->len] = 0;
	c = 0;
	if (!secret->len)
		return -ENODATA;
	return memchr(secret->text, 0, secret->len) ? -EBADMSG : 0;
}

static void interrupted(int signo)
{
	(void)signo;
}

/* A prompt, a line without echo; the terminal is as it was, whatever comes. */
static int ask(int tty, const char *prompt, struct secret *secret)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction handler = { .sa_handler = interrupted }, old[ARRAY_SIZE(signals)];
	struct termios before, quiet;
	size_t i;
	int ret;

	if (tcgetattr(tty, &before))
		return -errno;
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &handler, &old[i]);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	ret = tcsetattr(tty, TCSAFLUSH, &quiet) ? -errno : 0;
	if (!ret) {
		dprintf(tty, "%s", prompt);
		ret = read_line(tty, secret);
		tcsetattr(tty, TCSAFLUSH, &before);
		dprintf(tty, "\n");
	}
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	return ret;
}

static int from_terminal(struct secret *secret, const char *what, bool twice)
{
	struct secret again = { 0 };
	char prompt[64];
	int tty, ret;

	tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return -errno;
	snprintf(prompt, sizeof(prompt), "%s: ", what);
	ret = ask(tty, prompt, secret);
	if (!ret && twice) {
		snprintf(prompt, sizeof(prompt), "%s again: ", what);
		ret = ask(tty, prompt, &again);
		if (!ret && (again.len != secret->len ||
			     !cpns_equal(again.text, secret->text, secret->len)))
			ret = -EKEYREJECTED;
	}
	secret_wipe(&again);
	close(tty);
	return ret;
}

static int from_file(struct secret *secret, const char *file)
{
	struct stat st;
	int fd, ret;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	ret = S_ISREG(st.st_mode) && (st.st_mode & 0077) ? -EPERM : read_line(fd, secret);
	close(fd);
	return ret;
}

static void tell(int ret, const char *what, const char *source)
{
	switch (ret) {
	case -EPERM:
		ctl_error("%s: others may read or write the file of the %s; do chmod 600 %s",
			  source, what, source);
		break;
	case -ENODATA:
		ctl_error("the %s is empty", what);
		break;
	case -EMSGSIZE:
		ctl_error("the %s is longer than %d bytes", what, SECRET_MAX);
		break;
	case -EBADMSG:
		ctl_error("the %s has a NUL in it", what);
		break;
	case -EKEYREJECTED:
		ctl_error("the two are not the same; nothing was changed");
		break;
	case -EINTR:
		ctl_error("given up");
		break;
	default:
		ctl_error("no %s from %s: %s", what, source, strerror(-ret));
	}
}

int secret_read(struct secret *secret, const char *what, const char *file, bool twice)
{
	const char *source = file;
	int ret;

	/* Neither a debugger nor a core dump shall find it. */
	prctl(PR_SET_DUMPABLE, 0);
	memset(secret, 0, sizeof(*secret));
	if (file && strcmp(file, "-")) {
		ret = from_file(secret, file);
	} else if (!file && isatty(STDIN_FILENO)) {
		source = "the terminal";
		ret = from_terminal(secret, what, twice);
	} else {
		source = "standard input";
		ret = read_line(STDIN_FILENO, secret);
	}
	if (ret) {
		secret_wipe(secret);
		tell(ret, what, source);
	}
	return ret;
}
