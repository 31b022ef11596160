// SPDX-License-Identifier: GPL-2.0
/* cpnsctl monitor: events of the kernel, a line each. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "names.h"
#include "print.h"

/**
 * struct monitor - what is watched
 * @ctl: options
 * @only: device to be shown, 0 for all
 * @dev: device that @names are of
 * @names: names
 */
struct monitor {
	struct ctl	*ctl;
	uint32_t	only;
	struct cpns_dev	dev;
	struct names	names;
};

/* The names of another device, or anew where an EID has none. */
static void refresh(struct monitor *m, const struct cpns_event *event)
{
	bool same = m->dev.ifindex == event->ifindex;

	if (same && (!event->eid || names_id(&m->names, event->eid)))
		return;
	if (!same && cpns_dev_get(m->ctl->nl, event->ifindex, &m->dev)) {
		memset(&m->dev, 0, sizeof(m->dev));
		m->dev.ifindex = event->ifindex;
	}
	names_free(&m->names);
	names_get(m->ctl, &m->dev, &m->names);
}

static json_t *event_json(struct monitor *m, const struct cpns_event *event,
			  const struct timespec *ts)
{
	char eid[CPNS_EID_TEXT], sid[16], endpoint[CPNS_ENDPOINT_TEXT];
	const char *name = names_name(&m->names, event->eid);
	json_t *o;

	o = json_pack("{s:f, s:s, s:s}", "time", ts->tv_sec + ts->tv_nsec / 1e9,
		      "device", m->dev.ifname, "event", cpns_event_name(event->cmd));
	if (event->eid) {
		cpns_eid_format(event->eid, eid);
		json_object_set_new(o, "eid", json_string(eid));
		json_object_set_new(o, "peer", name ? json_string(name) : json_null());
	}
	if (event->sid) {
		snprintf(sid, sizeof(sid), "%08x", event->sid);
		json_object_set_new(o, "sid", json_string(sid));
	}
	if (event->has_cause)
		json_object_set_new(o, "cause", json_string(cpns_cause_name(event->cause)));
	if (event->path.remote.family) {
		cpns_endpoint_format(&event->path.remote, endpoint);
		json_object_set_new(o, "endpoint", json_string(endpoint));
	}
	return o;
}

static void print_text(struct monitor *m, const struct cpns_event *event,
		       const struct timespec *ts)
{
	char endpoint[CPNS_ENDPOINT_TEXT], eid[CPNS_EID_TEXT], when[32];
	struct tm tm;

	localtime_r(&ts->tv_sec, &tm);
	strftime(when, sizeof(when), "%H:%M:%S", &tm);
	printf("%s.%03ld %s %s", when, ts->tv_nsec / 1000000, m->dev.ifname,
	       cpns_event_name(event->cmd));
	if (event->eid)
		printf(" peer %s", names_label(&m->names, event->eid, eid));
	if (event->sid)
		printf(" sid %08x", event->sid);
	if (event->has_cause)
		printf(" cause %s", cpns_cause_name(event->cause));
	if (event->path.remote.family) {
		cpns_endpoint_format(&event->path.remote, endpoint);
		printf(" endpoint %s", endpoint);
	}
	putchar('\n');
}

static int take_event(void *ctx, const struct nlmsghdr *nlh)
{
	struct monitor *m = ctx;
	struct cpns_event event;
	struct timespec ts;
	json_t *o;

	if (cpns_event_parse(nlh, &event) || !cpns_event_name(event.cmd) ||
	    (m->only && m->only != event.ifindex))
		return 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	refresh(m, &event);
	if (m->ctl->form == CPNS_OUT_JSON) {
		o = event_json(m, &event, &ts);
		json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
		putchar('\n');
		json_decref(o);
	} else {
		print_text(m, &event, &ts);
	}
	return fflush(stdout) ? -EPIPE : 0;
}

static int watch(struct monitor *m, struct cpns_nl *events)
{
	struct pollfd pfd = { .fd = cpns_nl_fd(events), .events = POLLIN };
	int ret;

	while (poll(&pfd, 1, -1) >= 0 || errno == EINTR) {
		ret = cpns_nl_receive(events, take_event, m);
		if (ret == -EPIPE)
			return CTL_OK;
		if (ret == -ENOBUFS) {
			ctl_error("events were lost: there were more than could be written");
		} else if (ret) {
			ctl_error("no more events: %s", strerror(-ret));
			return CTL_FAIL;
		}
	}
	return CTL_FAIL;
}

int cmd_monitor(struct ctl *ctl, int argc, char **argv)
{
	struct monitor m = { .ctl = ctl };
	struct cpns_nl *events;
	struct cpns_dev *devs;
	size_t n;
	int ret;

	if (argc > 2)
		return ctl_usage(argv[0]);
	ret = ctl_devices(ctl, argc > 1 ? argv[1] : NULL, &devs, &n);
	if (ret)
		return ret;
	if (argc > 1 || ctl->device)
		m.only = devs[0].ifindex;
	free(devs);
	ret = cpns_genl_open_events(&events);
	if (ret) {
		ctl_error("the events can't be heard: %s", strerror(-ret));
		return ret == -EPERM ? CTL_PERMISSION : CTL_FAIL;
	}
	ret = watch(&m, events);
	names_free(&m.names);
	cpns_nl_close(events);
	return ret;
}
