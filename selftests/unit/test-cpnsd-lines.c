// SPDX-License-Identifier: GPL-2.0
/* Lines of JSON: channels, the addresses of the control stream, the registrar. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../userspace/cpnsd/channel.h"
#include "../../userspace/cpnsd/control-stream.h"
#include "../../userspace/cpnsd/registrar-client.h"
#include "test-cpnsd.h"

/* A channel, and the plain other end of its socket. */
struct world {
	struct event_base	*base;
	struct channel		*ch;
	int			fd;
	unsigned int		lines;
	unsigned int		batches;
	char			ended[64];
	bool			free_in_line;
};

static void on_line(void *arg, json_t *object)
{
	struct world *w = arg;

	assert_true(json_is_object(object));
	w->lines++;
	if (w->free_in_line) {
		channel_free(w->ch);
		w->ch = NULL;
	}
}

static void on_batch(void *arg)
{
	struct world *w = arg;

	w->batches++;
}

static void on_ended(void *arg, const char *why)
{
	struct world *w = arg;

	snprintf(w->ended, sizeof(w->ended), "%s", why);
	channel_free(w->ch);
	w->ch = NULL;
}

static const struct channel_ops ops = {
	.line = on_line, .batch = on_batch, .ended = on_ended,
};

static void begin(struct world *w, size_t line, unsigned int lines, size_t queued)
{
	const struct channel_limits limits = { .line = line, .lines = lines, .queued = queued };
	int fds[2];

	memset(w, 0, sizeof(*w));
	w->base = event_base_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	w->ch = channel_new(w->base, fds[0], &limits, &ops, w);
	assert_non_null(w->ch);
	w->fd = fds[1];
}

static void end(struct world *w)
{
	channel_free(w->ch);
	close(w->fd);
	event_base_free(w->base);
}

static void say(struct world *w, const char *text)
{
	assert_int_equal(write(w->fd, text, strlen(text)), strlen(text));
	event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void lines_come_and_go(void **state)
{
	char text[64] = "";
	struct world w;

	(void)state;
	begin(&w, 100, 100, 1000);
	say(&w, "{\"a\":1}\n{\"b\":");
	assert_int_equal(w.lines, 1);
	say(&w, "2}\n{}\n");
	assert_int_equal(w.lines, 3);
	assert_int_equal(w.batches, 2);
	assert_int_equal(channel_send(w.ch, json_pack("{s:i}", "c", 3)), 0);
	event_base_loop(w.base, EVLOOP_NONBLOCK);
	assert_int_equal(read(w.fd, text, sizeof(text) - 1), 8);
	assert_string_equal(text, "{\"c\":3}\n");
	shutdown(w.fd, SHUT_RDWR);
	event_base_loop(w.base, EVLOOP_ONCE);
	assert_non_null(strstr(w.ended, "closed"));
	end(&w);
}

static void owner_may_end_it_in_a_line(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 100, 100, 1000);
	w.free_in_line = true;
	say(&w, "{}\n{}\n{}\n");
	assert_int_equal(w.lines, 1);
	assert_int_equal(w.batches, 0);
	assert_string_equal(w.ended, "");
	end(&w);
}

static void bad_lines_end_it(void **state)
{
	static const char *const bad[] = { "nonsense\n", "[]\n", "{\"a\":1,\"a\":2}\n", "\n" };
	char longer[200];
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		begin(&w, 100, 100, 1000);
		say(&w, bad[i]);
		assert_non_null(strstr(w.ended, "no JSON object"));
		assert_int_equal(w.lines, 0);
		end(&w);
	}
	memset(longer, ' ', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	begin(&w, 100, 100, 1000);
	say(&w, longer);
	event_base_loop(w.base, EVLOOP_NONBLOCK);
	assert_non_null(strstr(w.ended, "too long"));
	end(&w);
}

static void too_many_lines_wait(void **state)
{
	unsigned int turns = 0;
	struct world w;

	(void)state;
	begin(&w, 100, 10, 1000);
	say(&w, "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n");
	assert_int_equal(w.lines, 10);
	while (w.lines < 15 && turns++ < 100)
		event_base_loop(w.base, EVLOOP_ONCE);
	assert_int_equal(w.lines, 15);
	assert_string_equal(w.ended, "");
	end(&w);
}

static void who_does_not_read_is_cut_off(void **state)
{
	unsigned int i;
	struct world w;

	(void)state;
	begin(&w, 100, 100, 1000);
	for (i = 0; i < 1000; i++)
		if (channel_send(w.ch, json_pack("{s:i}", "number", i)))
			break;
	assert_in_range(i, 30, 100);
	/* Not in the call: whoever sends does not expect to lose its channel. */
	assert_string_equal(w.ended, "");
	event_base_loop(w.base, EVLOOP_NONBLOCK);
	assert_non_null(strstr(w.ended, "does not read"));
	end(&w);
}

static void entity_follows_from_the_address(void **state)
{
	struct sockaddr_in6 addr;

	(void)state;
	control_stream_address(&addr, 0x1122334455667788, 7, 4789);
	assert_int_equal(ntohs(addr.sin6_port), 4789);
	assert_true(control_stream_eid(&addr, 7) == 0x1122334455667788);
	assert_int_equal(control_stream_eid(&addr, 8), 0);
	addr.sin6_addr.s6_addr[0] = 0xfd;
	assert_int_equal(control_stream_eid(&addr, 7), 0);
	addr.sin6_addr.s6_addr[0] = 0xfe;
	addr.sin6_addr.s6_addr[7] = 1;
	assert_int_equal(control_stream_eid(&addr, 7), 0);
	addr.sin6_addr.s6_addr[7] = 0;
	addr.sin6_family = AF_INET;
	assert_int_equal(control_stream_eid(&addr, 7), 0);
}

static void other_versions_have_no_type(void **state)
{
	json_t *o = control_stream_message("ping");

	(void)state;
	assert_string_equal(control_stream_type(o), "ping");
	json_object_set_new(o, "v", json_integer(2));
	assert_string_equal(control_stream_type(o), "");
	json_object_set_new(o, "v", json_string("1"));
	assert_string_equal(control_stream_type(o), "");
	json_object_set_new(o, "v", json_integer(1));
	json_object_set_new(o, "type", json_integer(1));
	assert_string_equal(control_stream_type(o), "");
	json_decref(o);
}

/* The registrar's client, and a registrar that the test is itself */

struct client {
	struct event_base	*base;
	struct registrar	*r;
	char			path[64];
	int			listener;
	int			asks;
	int			hears;
	unsigned int		ups;
	unsigned int		aways;
	unsigned int		events;
	unsigned int		answers;
	char			code[32];
};

static void on_up(void *arg)
{
	((struct client *)arg)->ups++;
}

static void on_away(void *arg, const char *why)
{
	(void)why;
	((struct client *)arg)->aways++;
}

static void on_event(void *arg, const json_t *event)
{
	(void)event;
	((struct client *)arg)->events++;
}

static void on_answer(void *arg, const json_t *answer, const char *code)
{
	struct client *c = arg;

	assert_true(!answer == !!code);
	c->answers++;
	snprintf(c->code, sizeof(c->code), "%s", code ? code : "");
}

static const struct registrar_ops registrar_ops = { on_up, on_away, on_event };

static void registrar_listen(struct client *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", c->path);
	c->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(c->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(c->listener, 4), 0);
}

static void turn(struct client *c, unsigned int turns)
{
	while (turns--)
		event_base_loop(c->base, EVLOOP_NONBLOCK);
}

/* Takes both connections, and answers that which wants to watch. */
static void registrar_accept(struct client *c)
{
	static const char ok[] = "{\"v\":1,\"id\":0,\"ok\":true}\n";
	char text[200];

	c->asks = accept(c->listener, NULL, NULL);
	c->hears = accept(c->listener, NULL, NULL);
	turn(c, 4);
	assert_true(read(c->hears, text, sizeof(text)) > 0);
	assert_int_equal(write(c->hears, ok, sizeof(ok) - 1), sizeof(ok) - 1);
	turn(c, 4);
}

static void registrar_answer(struct client *c, const char *text)
{
	assert_int_equal(write(c->asks, text, strlen(text)), strlen(text));
	turn(c, 4);
}

static void requests_survive_the_registrar(void **state)
{
	char text[400] = "";
	struct client c = { 0 };
	unsigned int turns = 0;

	(void)state;
	c.base = event_base_new();
	snprintf(c.path, sizeof(c.path), "/tmp/cpnsd-test-keys.%d", getpid());
	unlink(c.path);
	registrar_listen(&c);
	c.r = registrar_new(c.base, c.path, &registrar_ops, &c);
	assert_false(registrar_is_up(c.r));
	registrar_accept(&c);
	assert_true(registrar_is_up(c.r));
	assert_int_equal(c.ups, 1);

	assert_int_equal(registrar_ask(c.r, json_pack("{s:s}", "op", "one"), on_answer, &c), 0);
	turn(&c, 4);
	assert_true(read(c.asks, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "\"op\":\"one\""));
	assert_non_null(strstr(text, "\"id\":1"));
	registrar_answer(&c, "{\"v\":1,\"id\":9,\"ok\":true}\n");
	assert_int_equal(c.answers, 0);
	registrar_answer(&c, "{\"v\":1,\"id\":1,\"ok\":true}\n");
	assert_int_equal(c.answers, 1);
	assert_string_equal(c.code, "");

	/* Asked, and not answered before it went: asked again. */
	assert_int_equal(registrar_ask(c.r, json_pack("{s:s}", "op", "two"), on_answer, &c), 0);
	turn(&c, 4);
	assert_true(read(c.asks, text, sizeof(text) - 1) > 0);
	close(c.asks);
	close(c.hears);
	close(c.listener);
	unlink(c.path);
	turn(&c, 4);
	assert_int_equal(c.aways, 1);
	assert_false(registrar_is_up(c.r));
	registrar_listen(&c);
	while (turns++ < 10 && !registrar_is_up(c.r)) {
		/* Until it tries again. */
		event_base_loop(c.base, EVLOOP_ONCE);
		registrar_accept(&c);
	}
	assert_int_equal(c.ups, 2);
	memset(text, 0, sizeof(text));
	assert_true(read(c.asks, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "\"op\":\"two\""));
	registrar_answer(&c, "{\"v\":1,\"id\":2,\"ok\":false,\"error\":\"unknown\"}\n");
	assert_int_equal(c.answers, 2);
	assert_string_equal(c.code, "unknown");

	assert_int_equal(write(c.hears, "{\"v\":1,\"event\":\"changed\"}\n", 26), 26);
	turn(&c, 4);
	assert_int_equal(c.events, 1);

	assert_int_equal(registrar_ask(c.r, json_pack("{s:s}", "op", "three"), on_answer, &c), 0);
	registrar_free(c.r);
	assert_int_equal(c.answers, 3);
	assert_string_equal(c.code, "away");
	close(c.asks);
	close(c.hears);
	close(c.listener);
	unlink(c.path);
	event_base_free(c.base);
}

struct unit_result test_cpnsd_lines(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(lines_come_and_go),
		cmocka_unit_test(owner_may_end_it_in_a_line),
		cmocka_unit_test(bad_lines_end_it),
		cmocka_unit_test(too_many_lines_wait),
		cmocka_unit_test(who_does_not_read_is_cut_off),
		cmocka_unit_test(entity_follows_from_the_address),
		cmocka_unit_test(other_versions_have_no_type),
		cmocka_unit_test(requests_survive_the_registrar),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, NULL, NULL) };
}
