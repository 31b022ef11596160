/* SPDX-License-Identifier: GPL-2.0 */
/* Writes what several subcommands show. */
#ifndef CPNSCTL_PRINT_H
#define CPNSCTL_PRINT_H

#include "ctl.h"
#include "names.h"

/**
 * struct view - a device with all that is known of it
 * @dev: device
 * @names: names, and what the daemon says
 * @peers: its peers
 * @n_peers: how many
 * @keys: its keys
 * @n_keys: how many
 */
struct view {
	struct cpns_dev		dev;
	struct names		names;
	struct cpns_peer	*peers;
	size_t			n_peers;
	struct cpns_key		*keys;
	size_t			n_keys;
};

/**
 * view_get() - ask the kernel and the daemon about a device
 * @ctl: options
 * @dev: device
 * @view: result, for view_free(), always
 *
 * Return: enum ctl_exit; an error has been told
 */
int view_get(struct ctl *ctl, const struct cpns_dev *dev, struct view *view);

/** view_free() - free what view_get() gave */
void view_free(struct view *view);

/**
 * view_current() - the key that sends to a peer
 * @view: device
 * @eid: peer
 *
 * Return: the key, or NULL.
 */
const struct cpns_key *view_current(const struct view *view, uint64_t eid);

/**
 * print_each() - open a writer and show each device that is meant
 * @ctl: options
 * @name: device named as an argument, or NULL
 * @show: shows one
 * @arg: for @show
 *
 * In JSON the devices are a list "devices".
 *
 * Return: enum ctl_exit
 */
int print_each(struct ctl *ctl, const char *name,
	       int (*show)(struct ctl *ctl, struct cpns_out *out, const struct view *view,
			   void *arg),
	       void *arg);

/** print_state() - "up", "ready", "connecting" or "down", and its colour */
const char *print_state(const struct view *view, const struct cpns_peer *peer,
			enum cpns_out_mood *mood);

/** print_rx_drops() - all that was dropped on arrival */
uint64_t print_rx_drops(const struct cpns_stats *stats);

/** print_tx_drops() - all that was dropped on the way out */
uint64_t print_tx_drops(const struct cpns_stats *stats);

/**
 * print_stats() - counters; in text without those that are zero
 * @ctl: options
 * @out: writer
 * @name: name of the object
 * @stats: counters
 */
void print_stats(struct ctl *ctl, struct cpns_out *out, const char *name,
		 const struct cpns_stats *stats);

/** print_endpoint() - address and port, or none */
void print_endpoint(struct cpns_out *out, const char *name, const struct cpns_endpoint *endpoint);

/** print_prefixes() - a list of prefixes; in text left out where it is empty */
void print_prefixes(struct ctl *ctl, struct cpns_out *out, const char *name,
		    const struct cpns_prefix_list *list);

/** print_moment() - seconds since 1970: a date in UTC in text, a number else */
void print_moment(struct ctl *ctl, struct cpns_out *out, const char *name, int64_t seconds);

/**
 * print_relays() - the provisional relay entries of a device
 * @ctl: options
 * @out: writer
 * @view: device
 *
 * In text they are left out where there are none.
 *
 * Return: enum ctl_exit; an error has been told.
 */
int print_relays(struct ctl *ctl, struct cpns_out *out, const struct view *view);

/**
 * print_server() - is the Server there, as the daemon of an enrolled entity says
 * @out: writer
 * @daemon: its answer to "status"
 *
 * Nothing is written where the entity is not enrolled.
 */
void print_server(struct cpns_out *out, const json_t *daemon);

/** print_json() - write a value that came as JSON; NULL is left out in text */
void print_json(struct cpns_out *out, const char *name, const json_t *value);

#endif /* CPNSCTL_PRINT_H */
