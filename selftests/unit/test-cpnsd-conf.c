// SPDX-License-Identifier: GPL-2.0
/* Configuration of cpnsd: what is taken, what is refused and in which words. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/cpns.h>

#include "../../userspace/cpnsd/conf.h"
#include "test-cpnsd.h"

static char key_path[64];

#define ENTITY	"[entity]\nid = home.example\nrole = server\n"
#define GATEWAY	"[entity]\nid = gw@home.example\nrole = pn-gw\nserver = home.example\n"
#define KEY_ID	"key-id = 00112233445566778899aabbccddeeff\n"

struct faults {
	unsigned int	n;
	char		text[8192];
};

static void take_fault(void *arg, const char *fault)
{
	struct faults *faults = arg;
	size_t len = strlen(faults->text);

	faults->n++;
	snprintf(faults->text + len, sizeof(faults->text) - len, "%s\n", fault);
}

static struct conf *parse(const char *text, struct faults *faults)
{
	struct conf_source source = { .name = "f", .text = text, .len = strlen(text) };
	struct conf *conf;

	memset(faults, 0, sizeof(*faults));
	conf_parse(&conf, &source, 1, take_fault, faults);
	return conf;
}

static struct conf *parse_peer(const char *values, struct faults *faults)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 ENTITY "[peer \"gw\"]\nid = gw@home.example\nrole = pn-gw\nkey-file = %s\n"
		 KEY_ID "%s", key_path, values);
	return parse(text, faults);
}

static void smallest_configuration(void **state)
{
	struct faults faults;
	struct conf *conf = parse(ENTITY, &faults);

	(void)state;
	assert_non_null(conf);
	assert_int_equal(faults.n, 0);
	assert_string_equal(conf->device, "cpns0");
	assert_string_equal(conf->domain.text, "home.example");
	assert_int_equal(conf->own.role, CPNS_ROLE_SERVER);
	conf_free(conf);
}

static void defaults_of_a_peer(void **state)
{
	struct faults faults;
	struct conf *conf = parse_peer("", &faults);
	const struct conf_peer *peer;

	(void)state;
	assert_string_equal(faults.text, "");
	peer = conf->peers[0];
	assert_int_equal(peer->connect, CONF_CONNECT_ON_DEMAND);
	assert_int_equal(peer->keepalive, 0);
	assert_int_equal(peer->passive_keepalive, 10000);
	assert_int_equal(peer->timeout, 15000);
	assert_int_equal(peer->window, 8192);
	assert_int_equal(peer->min_mode, CPNS_MODE_ENCRYPT);
	assert_true(peer->routes);
	conf_free(conf);
}

static void all_values_are_read(void **state)
{
	struct faults faults;
	struct conf *conf = parse_peer("endpoint = [2001:db8::1]:4500\n"
		"suites = x25519-chacha20poly1305, x25519-aes256gcm\n"
		"lifetime = 2h\nsoft-packets = 1000\nhard-packets = 2000\nsoft-time = 2500ms\n"
		"keepalive = off\ntimeout = 20\nwindow = 128 ; small\n"
		"address = 10.1.0.0/16, 2001:db8:1::/48\naddress = 10.2.0.1\n"
		"allowed-dst = 10.3.0.0/16\naccept = clear:40\nmulticast = yes\n"
		"routes = no\nconnect = never\n", &faults);
	const struct conf_peer *peer;

	(void)state;
	assert_string_equal(faults.text, "");
	peer = conf->peers[0];
	assert_int_equal(peer->endpoint.family, AF_INET6);
	assert_int_equal(peer->endpoint.port, 4500);
	assert_int_equal(peer->suites.n, 2);
	assert_int_equal(peer->suites.list[0], CPNS_SUITE_X25519_CHACHA);
	assert_int_equal(peer->lifetime, 7200);
	assert_int_equal(peer->limits.soft_packets, 1000);
	assert_int_equal(peer->limits.soft_time, 2500);
	assert_int_equal(peer->keepalive, 0);
	assert_int_equal(peer->timeout, 20000);
	assert_int_equal(peer->window, 128);
	assert_int_equal(peer->addresses.n, 3);
	assert_int_equal(peer->allowed_dst.n, 1);
	assert_int_equal(peer->max_clear, 10);
	assert_true(peer->multicast);
	assert_false(peer->routes);
	assert_int_equal(peer->connect, CONF_CONNECT_NEVER);
	conf_free(conf);
}

static void a_name_as_endpoint(void **state)
{
	struct faults faults;
	struct conf *conf = parse_peer("endpoint = server.home.example:4500\n", &faults);

	(void)state;
	assert_string_equal(faults.text, "");
	assert_string_equal(conf->peers[0]->host, "server.home.example");
	assert_int_equal(conf->peers[0]->endpoint.port, 4500);
	assert_int_equal(conf->peers[0]->connect, CONF_CONNECT_ALWAYS);
	conf_free(conf);
}

static void what_is_written_reads_the_same(void **state)
{
	struct faults faults;
	struct conf *conf = parse_peer("endpoint = name:1\nsuites = x25519-aes256gcm\n"
		"keepalive = 1500ms\naddress = 10.1.0.0/16\naccept = auth\nconnect = always\n"
		"generation = 3\nnot-after = 2000000000\nhard-time = 90\nwindow = 64\n"
		"[class \"c\"]\nprio = 1\nmark = 0x10\nmask = 0xf0\nclear = 8\n", &faults);
	char *first = NULL, *second = NULL;
	size_t len;
	FILE *out;

	(void)state;
	assert_string_equal(faults.text, "");
	out = open_memstream(&first, &len);
	conf_write(conf, out);
	fclose(out);
	conf_free(conf);
	conf = parse(first, &faults);
	assert_string_equal(faults.text, "");
	out = open_memstream(&second, &len);
	conf_write(conf, out);
	fclose(out);
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "keepalive = 1500ms\n"));
	assert_non_null(strstr(first, "generation = 3\n"));
	assert_non_null(strstr(first, "clear = 8\n"));
	/* The key is 64 times '5'. */
	assert_null(strstr(first, "5555"));
	conf_free(conf);
	free(first);
	free(second);
}

/* Each text has exactly one fault, at this line, with these words. */
static void faults_are_told(void **state)
{
	static const struct {
		const char	*text;
		const char	*fault;
	} cases[] = {
		{ "", "f: there is no [entity]" },
		{ ENTITY "idd = x\n", "f:4: [entity] has no idd: did you mean id?" },
		{ ENTITY "endpoint = x\n", "f:4: [entity] has no endpoint: it goes into [peer]" },
		{ ENTITY "frobnicate = x\n", "f:4: [entity] has no frobnicate: cpnsd.conf(5)" },
		{ ENTITY "id = y\n", "f:4: id is given twice" },
		{ ENTITY "device =\n", "f:4: device has no value" },
		{ ENTITY "device = far-too-long-a-name\n", "f:4: device = far-too-long-a-name" },
		{ ENTITY "listen-port = 65536\n", "f:4: listen-port = 65536: write a number" },
		{ ENTITY "listen-port = -1\n", "f:4: listen-port" },
		{ ENTITY "mtu = 1279\n", "f:4: mtu = 1279" },
		{ ENTITY "fwmark = 0x1ffffffff\n", "f:4: fwmark" },
		{ ENTITY "address = 10.0.0.1/33\n", "f:4: address = 10.0.0.1/33" },
		{ ENTITY "local-address = 10.0.0.1/8\n", "f:4: local-address" },
		{ ENTITY "stop = maybe\n", "f:4: stop = maybe: write keep or purge" },
		{ ENTITY "log-level = loud\n", "f:4: log-level" },
		{ ENTITY "lifetime = 59\n", "f:4: lifetime = 59" },
		{ ENTITY "lifetime = 1x\n", "f:4: lifetime = 1x: write a time" },
		{ ENTITY "suites = rot13\n", "f:4: no suite is called rot13" },
		{ ENTITY "hosts-file = relative\n", "f:4: hosts-file = relative" },
		{ ENTITY "[entity]\n", "f:4: there is an [entity] already (f:1)" },
		{ ENTITY "[nonsense]\nx = y\n", "f:4: there is no section [nonsense]" },
		{ ENTITY "[peer]\nx = y\n", "f:4: write [peer \"name\"]" },
		{ ENTITY "[peer \"\"]\n", "f:4: the label of a section" },
		{ ENTITY "[peer \"a b\"]\n", "f:4: the name of a peer has" },
		{ ENTITY "[peer \"a\"\n", "f:4: a section is written" },
		{ ENTITY "junk\n", "f:4: neither a [section] nor name = value" },
		{ "[entity]\nid = a b\nrole = server\nserver = x\n", "f:2: id: " },
		{ "[entity]\nid = x\nrole = boss\nserver = x\n", "f:3: role = boss" },
		{ "[entity]\nid = x\nrole = pne\n", "f:1: [entity] has no server" },
		{ "[entity]\nid = x\nrole = pne\nserver = x@\n", "f:1: the server's Entity ID" },
		{ ENTITY "[class \"c\"]\nmark = 1\n", "f:4: class \"c\" has no prio" },
		{ ENTITY "[class \"c\"]\nprio = 1\n", "f:4: class \"c\" has no mark" },
		{ ENTITY "[class \"c\"]\nprio = 1\nmark = 3\nmask = 1\n", "f:4: the mark of" },
		{ ENTITY "[class \"c\"]\nprio = 1\nmark = 3\nclear = 3\n", "f:7: clear: " },
		{ ENTITY "[class \"c\"]\nprio = 1\nmark = 3\nmode = auth\nclear = 4\n",
		  "f:4: class \"c\" is not encrypted" },
	};
	struct faults faults;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_null(parse(cases[i].text, &faults));
		if (!strstr(faults.text, cases[i].fault))
			print_error("case %zu: '%s' is not in '%s'\n", i, cases[i].fault,
				    faults.text);
		assert_non_null(strstr(faults.text, cases[i].fault));
	}
}

static void faults_of_a_peer_are_told(void **state)
{
	static const struct {
		const char	*values;
		const char	*fault;
	} cases[] = {
		{ "endpoint = 10.0.0.1\n", "f:9: endpoint = 10.0.0.1: write address:port" },
		{ "endpoint = 2001:db8::1:4500\n", "f:9: endpoint" },
		{ "endpoint = a/b:1\n", "f:9: endpoint" },
		{ "endpoint = x:0\n", "f:9: endpoint" },
		{ "address = 10.0.0.1/8\n", "f:9: 10.0.0.1/8 has bits set" },
		{ "address = all\n", "f:9: all is no prefix" },
		{ "window = 100\n", "f:9: window = 100: write a multiple of 64" },
		{ "accept = clear:1024\n", "f:9: accept" },
		{ "accept = nothing\n", "f:9: accept = nothing" },
		{ "multicast = 1\n", "f:9: multicast = 1: write yes or no" },
		{ "connect = sometimes\n", "f:9: connect" },
		{ "soft-packets = 2\nhard-packets = 2\n", "f:4: soft-packets of peer" },
		{ "suites = psk-aes256gcm\n", "f:4: peer \"gw\" may use pure-PSK suites only" },
		{ "generation = x\n", "f:9: generation" },
		{ "key-file = 5555555555555555555555555555555555555555555555555555555555555555\n",
		  "f:9: key-file: write the absolute path" },
		{ "key-file = /nonexistent\nkey-id = 00112233445566778899aabbccddeef0\n"
		  "generation = 1\n", "f:9: key-file: /nonexistent" },
		{ "[peer \"gw\"]\n", "f:9: there is a peer \"gw\" already (f:4)" },
		{ "[peer \"b\"]\nid = gw@home.example\nrole = pne\n",
		  "f:9: peer \"b\" has the Entity" },
		{ "[peer \"b\"]\nid = home.example\nrole = pne\n",
		  "f:9: peer \"b\" is the entity itself" },
		{ "[peer \"b\"]\nkey-id = 00\n", "f:10: key-id belongs to a key" },
	};
	struct faults faults;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_null(parse_peer(cases[i].values, &faults));
		if (!strstr(faults.text, cases[i].fault))
			print_error("case %zu: '%s' is not in '%s'\n", i, cases[i].fault,
				    faults.text);
		assert_non_null(strstr(faults.text, cases[i].fault));
		/* What might be a key is never repeated. */
		assert_null(strstr(faults.text, "5555"));
	}
}

static const struct {
	const char	*text;
	const char	*fault;
} bad_systems[] = {
	{ ENTITY "[server]\n", "f:4: [server] has no registrar" },
	{ ENTITY "[server]\nregistrar = keys.sock\n", "absolute path" },
	{ ENTITY "[server \"x\"]\nregistrar = /k\n", "f:4: [server] has no name" },
	{ ENTITY "[server]\nregistrar = /k\n[server]\nregistrar = /k\n",
	  "f:6: there is a [server] already (line 4)" },
	{ ENTITY "[relay]\npan = eth1\n", "f:4: [relay] is for the role pn-gw only" },
	{ ENTITY "via = 10.0.0.1:1\n", "via is for who reaches the Server" },
	{ ENTITY "via = 10.0.0.1\n", "write address:port" },
	{ ENTITY "state = /none\n", "leave id, role and server out" },
	{ "[entity]\nstate = /none\n", "/none" },
	{ GATEWAY "[server]\nregistrar = /k\n", "[server] is for the role server only" },
	{ GATEWAY "[relay]\n", "f:5: [relay] has no pan" },
	{ GATEWAY "[relay]\npan = a/b\n", "name of an interface" },
	{ GATEWAY "[relay]\npan = a b c d e f g h i j k l m n o p q\n", "more than 16" },
	{ GATEWAY "[relay]\npan = a\nenrol-forward = 10.0.0.1:1\n", "ADDRESS:PORT ->" },
	{ GATEWAY "[relay]\npan = a\nenrol-forward = name:1 -> 10.0.0.1:1\n",
	  "ADDRESS:PORT ->" },
	{ GATEWAY "[relay]\npan = a\nenrol-forward = 10.0.0.1:1 -> x\n", "write address:port" },
};

static void faults_of_systems_are_told(void **state)
{
	struct faults faults;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad_systems); i++) {
		if (parse(bad_systems[i].text, &faults))
			fail_msg("taken: %s", bad_systems[i].text);
		if (!strstr(faults.text, bad_systems[i].fault))
			fail_msg("%s: %s", bad_systems[i].text, faults.text);
	}
}

static void systems_are_read_and_written(void **state)
{
	static const char *const texts[] = {
		ENTITY "[server]\nregistrar = /run/cpns-registrar/keys.sock\n"
		"[peer \"gw\"]\nid = gw@home.example\nrole = pn-gw\nwindow = 64\n",
		GATEWAY "[relay]\npan = eth1, wlan0\npan = eth1\n"
		"enrol-forward = [::]:4790 -> registrar.home.example:4790\n",
		GATEWAY "via = gw.home.example:4500\n",
		GATEWAY "via = [fd00::1]:4500\n",
	};
	char *again[2] = { NULL, NULL };
	struct faults faults;
	struct conf *conf;
	size_t i, j, len;
	FILE *out;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		for (j = 0; j < 2; j++) {
			conf = parse(j ? again[0] : texts[i], &faults);
			assert_string_equal(faults.text, "");
			if (i == 1) {
				assert_int_equal(conf->n_pans, 2);
				assert_string_equal(conf->pans[1], "wlan0");
				assert_int_equal(conf->forward.port, 4790);
				assert_string_equal(conf->forward_to.host,
						    "registrar.home.example");
			}
			out = open_memstream(&again[j], &len);
			conf_write(conf, out);
			fclose(out);
			conf_free(conf);
		}
		assert_string_equal(again[0], again[1]);
		free(again[0]);
		free(again[1]);
	}
}

static void secure_pan_is_read(void **state)
{
	struct faults faults;
	struct conf *conf = parse_peer("pan = bnep0 10.1.0.2:4500\n", &faults);

	(void)state;
	assert_string_equal(faults.text, "");
	assert_string_equal(conf->peers[0]->pan, "bnep0");
	assert_int_equal(conf->peers[0]->pan_place.port, 4500);
	conf_free(conf);
	assert_null(parse_peer("pan = bnep0\n", &faults));
	assert_null(parse_peer("pan = 10.1.0.2:4500\n", &faults));
	assert_null(parse_peer("pan = bnep0 host:1\n", &faults));
	assert_null(parse_peer("pan = muchtoolonganame 10.1.0.2:4500\n", &faults));
}

static void an_open_key_file_is_refused(void **state)
{
	struct faults faults;

	(void)state;
	assert_int_equal(chmod(key_path, 0640), 0);
	assert_null(parse_peer("", &faults));
	assert_non_null(strstr(faults.text, "f:7: key-file: "));
	assert_int_equal(chmod(key_path, 0600), 0);
}

static void peers_are_found(void **state)
{
	struct faults faults;
	struct conf *conf = parse_peer("", &faults);
	struct conf_peer *peer = conf->peers[0];
	char eid[CPNS_EID_TEXT];

	(void)state;
	cpns_eid_format(peer->party.eid, eid);
	assert_ptr_equal(conf_peer_find(conf, "gw"), peer);
	assert_ptr_equal(conf_peer_find(conf, "gw@home.example"), peer);
	assert_ptr_equal(conf_peer_find(conf, eid), peer);
	assert_null(conf_peer_find(conf, "nobody"));
	assert_null(conf_peer_find(conf, "0000000000000001"));
	conf_free(conf);
}

static void long_and_odd_lines(void **state)
{
	char text[4096], name[1200];
	struct faults faults;
	struct conf *conf;

	(void)state;
	/* An Entity ID of 255 bytes, a BOM, carriage returns, no last newline. */
	memset(name, 'x', 255);
	name[255] = 0;
	snprintf(text, sizeof(text), "\xef\xbb\xbf[entity]\r\n\r\n  # comment\r\nid = %s\r\n"
		 "\trole = server ; of course", name);
	conf = parse(text, &faults);
	assert_string_equal(faults.text, "");
	assert_int_equal(conf->own.id.len, 255);
	conf_free(conf);

	memset(name, 'x', 1100);
	name[1100] = 0;
	snprintf(text, sizeof(text), ENTITY "hosts-file = /%s\n", name);
	assert_null(parse(text, &faults));
	assert_non_null(strstr(faults.text, "f:4: the line is longer"));
}

/* No byte of any text makes the parser do worse than refuse it. */
static void random_texts_do_no_harm(void **state)
{
	static const char *const words[] = {
		"[", "]", "\"", "=", "\n", " ", ";", "entity", "peer", "class", "id", "role",
		"server", "key-file", "key-id", "/", "10.0.0.1", ":", ",", "\r", "#", "suites",
		"address", "\xff", "endpoint", "0", "x",
	};
	struct faults faults;
	char text[1024];
	unsigned int i, n;

	(void)state;
	srand(1);
	for (i = 0; i < 20000; i++) {
		text[0] = 0;
		for (n = rand() % 60; n; n--)
			strcat(text, words[rand() % (ARRAY_SIZE(words))]);
		conf_free(parse(text, &faults));
	}
}

static int make_key(void **state)
{
	unsigned int i;
	int fd;

	(void)state;
	snprintf(key_path, sizeof(key_path), "/tmp/cpnsd-test-key.XXXXXX");
	fd = mkstemp(key_path);
	for (i = 0; i < 64; i++)
		if (write(fd, "5", 1) != 1)
			return -1;
	close(fd);
	return chmod(key_path, 0600);
}

static int remove_key(void **state)
{
	(void)state;
	return unlink(key_path);
}

struct unit_result test_cpnsd_conf(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(smallest_configuration),
		cmocka_unit_test(defaults_of_a_peer),
		cmocka_unit_test(all_values_are_read),
		cmocka_unit_test(a_name_as_endpoint),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(faults_of_a_peer_are_told),
		cmocka_unit_test(faults_of_systems_are_told),
		cmocka_unit_test(systems_are_read_and_written),
		cmocka_unit_test(secure_pan_is_read),
		cmocka_unit_test(an_open_key_file_is_refused),
		cmocka_unit_test(peers_are_found),
		cmocka_unit_test(long_and_odd_lines),
		cmocka_unit_test(random_texts_do_no_harm),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, make_key, remove_key) };
}
