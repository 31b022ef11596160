// SPDX-License-Identifier: GPL-2.0
/* Passwords. */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <secret.h>
#include <text.h>

#include "enrol.h"
#include "password.h"

static_assert(crypto_pwhash_STRBYTES <= STORE_HASH_MAX, "room for a hash");

/**
 * struct job - a password to hash
 * @next: in its queue
 * @password: erased when done
 * @hash: to compare with, then the one that was made
 * @verify: compare
 * @nobody: it is nobody's hash: never right
 * @result: result
 * @made: @hash is a new one
 * @done: told
 * @arg: for @done
 */
struct job {
	struct job	*next;
	char		password[ENROL_PASSWORD_MAX + 1];
	char		hash[STORE_HASH_MAX];
	bool		verify;
	bool		nobody;
	int		result;
	bool		made;
	password_done_t	done;
	void		*arg;
};

struct queue {
	struct job	*first;
	struct job	**last;
};

/**
 * struct passwords - the workers
 * @cost: of new hashes
 * @dummy: hash of a password that nobody knows
 * @lock: for what follows
 * @wake: a job waits, or the end has come
 * @waiting: jobs to do
 * @n_waiting: how many
 * @finished: jobs done
 * @stop: the end has come
 * @threads: workers
 * @n_threads: how many run
 * @fd: tells the event loop of finished jobs
 * @event: the loop's end of it
 */
struct passwords {
	struct password_cost	cost;
	char			dummy[STORE_HASH_MAX];
	pthread_mutex_t		lock;
	pthread_cond_t		wake;
	struct queue		waiting;
	unsigned int		n_waiting;
	struct queue		finished;
	bool			stop;
	pthread_t		*threads;
	unsigned int		n_threads;
	int			fd;
	struct event		*event;
};

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_put(struct queue *q, struct job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct job *queue_get(struct queue *q)
{
	struct job *job = q->first;

	if (job) {
		q->first = job->next;
		if (!q->first)
			q->last = &q->first;
	}
	return job;
}

static bool make_hash(const struct passwords *p, const char *password, char *hash)
{
	return !crypto_pwhash_str_alg(hash, password, strlen(password), p->cost.passes,
				      p->cost.memory, crypto_pwhash_ALG_ARGON2ID13);
}

static void work(const struct passwords *p, struct job *job)
{
	if (!job->verify) {
		job->made = make_hash(p, job->password, job->hash);
		job->result = job->made ? 0 : -ENOMEM;
		return;
	}
	if (crypto_pwhash_str_verify(job->hash, job->password, strlen(job->password)) ||
	    job->nobody)
		job->result = -EACCES;
	if (job->result)
		return;
	if (crypto_pwhash_str_needs_rehash(job->hash, p->cost.passes, p->cost.memory))
		job->made = make_hash(p, job->password, job->hash);
}

static void *worker(void *arg)
{
	struct passwords *p = arg;
	const uint64_t one = 1;
	struct job *job;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		job = queue_get(&p->waiting);
		if (!job) {
			pthread_cond_wait(&p->wake, &p->lock);
			continue;
		}
		p->n_waiting--;
		pthread_mutex_unlock(&p->lock);
		work(p, job);
		cpns_wipe(job->password, sizeof(job->password));
		pthread_mutex_lock(&p->lock);
		queue_put(&p->finished, job);
		(void)!write(p->fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void end_job(struct job *job)
{
	job->done(job->arg, job->result, job->made ? job->hash : NULL);
	cpns_free_secret(job, sizeof(*job));
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct passwords *p = arg;
	struct job *job;
	uint64_t n;

	(void)what;
	(void)!read(fd, &n, sizeof(n));
	for (;;) {
		pthread_mutex_lock(&p->lock);
		job = queue_get(&p->finished);
		pthread_mutex_unlock(&p->lock);
		if (!job)
			return;
		end_job(job);
	}
}

/* Signals are the event loop's. */
static int start_threads(struct passwords *p)
{
	sigset_t all, old;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (!ret && p->n_threads < p->cost.workers) {
		ret = -pthread_create(&p->threads[p->n_threads], NULL, worker, p);
		if (!ret)
			p->n_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

static int make_dummy(struct passwords *p)
{
	uint8_t random[16];
	char text[2 * sizeof(random) + 1];
	int ret;

	if (cpns_random(random, sizeof(random)))
		return -EIO;
	cpns_hex_encode(random, sizeof(random), text);
	ret = make_hash(p, text, p->dummy) ? 0 : -ENOMEM;
	cpns_wipe(random, sizeof(random));
	cpns_wipe(text, sizeof(text));
	return ret;
}

int passwords_start(struct passwords **passwords, struct event_base *base,
		    const struct password_cost *cost)
{
	struct passwords *p = calloc(1, sizeof(*p));
	int ret = -ENOMEM;

	*passwords = NULL;
	if (!p)
		return -ENOMEM;
	p->cost = *cost;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	queue_init(&p->waiting);
	queue_init(&p->finished);
	p->threads = calloc(cost->workers, sizeof(*p->threads));
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fd >= 0)
		p->event = event_new(base, p->fd, EV_READ | EV_PERSIST, on_finished, p);
	if (p->threads && p->event && !event_add(p->event, NULL))
		ret = make_dummy(p);
	if (!ret)
		ret = start_threads(p);
	if (ret) {
		passwords_stop(p);
		passwords_free(p);
		return ret;
	}
	*passwords = p;
	return 0;
}

void passwords_stop(struct passwords *p)
{
	struct job *job;
	unsigned int i;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	p->n_threads = 0;
	while ((job = queue_get(&p->waiting)) || (job = queue_get(&p->finished))) {
		job->result = -ECANCELED;
		job->made = false;
		end_job(job);
	}
}

void passwords_free(struct passwords *p)
{
	if (!p)
		return;
	if (p->event)
		event_free(p->event);
	if (p->fd >= 0)
		close(p->fd);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}

static int submit(struct passwords *p, const char *password, const char *hash, bool verify,
		  password_done_t done, void *arg)
{
	struct job *job;
	int ret = 0;

	if (strlen(password) > ENROL_PASSWORD_MAX)
		return -EINVAL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->verify = verify;
	job->nobody = verify && !hash;
	job->done = done;
	job->arg = arg;
	memcpy(job->password, password, strlen(password) + 1);
	if (verify)
		snprintf(job->hash, sizeof(job->hash), "%s", hash ? hash : p->dummy);
	pthread_mutex_lock(&p->lock);
	if (p->stop) {
		ret = -ECANCELED;
	} else if (p->n_waiting >= p->cost.queue) {
		ret = -EBUSY;
	} else {
		queue_put(&p->waiting, job);
		p->n_waiting++;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	if (ret)
		cpns_free_secret(job, sizeof(*job));
	return ret;
}

int password_verify(struct passwords *p, const char *password, const char *hash,
		    password_done_t done, void *arg)
{
	return submit(p, password, hash, true, done, arg);
}

int password_make(struct passwords *p, const char *password, password_done_t done, void *arg)
{
	return submit(p, password, NULL, false, done, arg);
}

const char *passwords_dummy(const struct passwords *p)
{
	return p->dummy;
}
