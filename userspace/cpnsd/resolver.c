// SPDX-License-Identifier: GPL-2.0
/* Looks up names in a thread of its own. */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "resolver.h"

#define STACK_BYTES	(512 * 1024)

/**
 * struct job - a question, and its answer
 * @next: in its queue
 * @eid: of the caller
 * @port: put into the answers
 * @error: of getaddrinfo(), 0 where there is an answer
 * @n: how many addresses
 * @list: the addresses
 * @host: name
 */
struct job {
	struct job		*next;
	uint64_t		eid;
	uint16_t		port;
	int			error;
	size_t			n;
	struct cpns_endpoint	list[RESOLVER_ADDRESSES_MAX];
	char			host[];
};

/**
 * struct queue - jobs, first in first out
 * @head: first
 * @tail: where the next goes
 */
struct queue {
	struct job	*head;
	struct job	**tail;
};

/**
 * struct resolver - shared by the thread and the caller, freed by the last
 * @lock: of what follows
 * @wake: questions are there, or the end
 * @questions: for the thread
 * @answers: for the caller
 * @fd: eventfd that tells of answers
 * @end: the caller is gone
 */
struct resolver {
	pthread_mutex_t	lock;
	pthread_cond_t	wake;
	struct queue	questions;
	struct queue	answers;
	int		fd;
	bool		end;
};

static void queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_put(struct queue *q, struct job *job)
{
	job->next = NULL;
	*q->tail = job;
	q->tail = &job->next;
}

static struct job *queue_take(struct queue *q)
{
	struct job *job = q->head;

	if (job) {
		q->head = job->next;
		if (!q->head)
			q->tail = &q->head;
	}
	return job;
}

static void destroy(struct resolver *r)
{
	struct job *job;

	while ((job = queue_take(&r->questions)))
		free(job);
	while ((job = queue_take(&r->answers)))
		free(job);
	close(r->fd);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void look_up(struct job *job)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_ADDRCONFIG,
	};
	struct addrinfo *found, *a;

	job->error = getaddrinfo(job->host, NULL, &hints, &found);
	if (job->error)
		return;
	for (a = found; a && job->n < RESOLVER_ADDRESSES_MAX; a = a->ai_next) {
		struct cpns_endpoint *ep = &job->list[job->n];

		if (cpns_endpoint_from_sockaddr(ep, a->ai_addr, a->ai_addrlen))
			continue;
		ep->port = job->port;
		job->n++;
	}
	freeaddrinfo(found);
}

static void *run(void *arg)
{
	struct resolver *r = arg;
	uint64_t one = 1;
	struct job *job;

	pthread_mutex_lock(&r->lock);
	while (!r->end) {
		job = queue_take(&r->questions);
		if (!job) {
			pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		pthread_mutex_unlock(&r->lock);
		look_up(job);
		pthread_mutex_lock(&r->lock);
		queue_put(&r->answers, job);
		/* The counter can't overflow: the caller takes all at once. */
		(void)!write(r->fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&r->lock);
	destroy(r);
	return NULL;
}

struct resolver *resolver_new(void)
{
	struct resolver *r = calloc(1, sizeof(*r));
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	if (!r)
		return NULL;
	queue_init(&r->questions);
	queue_init(&r->answers);
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->fd < 0) {
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&thread, &attr, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (ret) {
		destroy(r);
		return NULL;
	}
	return r;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->end = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

int resolver_fd(const struct resolver *r)
{
	return r->fd;
}

int resolver_ask(struct resolver *r, uint64_t eid, const char *host, uint16_t port)
{
	struct job *job = calloc(1, sizeof(*job) + strlen(host) + 1);

	if (!job)
		return -ENOMEM;
	job->eid = eid;
	job->port = port;
	memcpy(job->host, host, strlen(host) + 1);
	pthread_mutex_lock(&r->lock);
	queue_put(&r->questions, job);
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

void resolver_receive(struct resolver *r, resolver_answer_t answer, void *arg)
{
	uint64_t count;
	struct job *job;

	(void)!read(r->fd, &count, sizeof(count));
	for (;;) {
		pthread_mutex_lock(&r->lock);
		job = queue_take(&r->answers);
		pthread_mutex_unlock(&r->lock);
		if (!job)
			return;
		answer(arg, job->eid, job->host, job->list, job->n,
		       job->error ? gai_strerror(job->error) : "it has no address");
		free(job);
	}
}
