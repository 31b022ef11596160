/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text forms of what people read and write: hex strings, addresses with a
 * port, prefixes, times and sizes.
 */
#ifndef _CPNS_TEXT_H
#define _CPNS_TEXT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cpns_text_sizes {
	CPNS_ENDPOINT_TEXT = 80,	/* [v6%interface]:port and the NUL */
	CPNS_PREFIX_TEXT = 52,		/* v6/128 and the NUL */
	CPNS_DURATION_TEXT = 48,
	CPNS_BYTES_TEXT = 32,
};

/**
 * struct cpns_endpoint - a UDP address
 * @family: AF_INET, AF_INET6, or 0 where none is known
 * @port: host byte order
 * @scope: interface index of a link-local address, else 0
 * @addr: 4 or 16 bytes, network byte order; the rest 0
 */
struct cpns_endpoint {
	uint16_t family;
	uint16_t port;
	uint32_t scope;
	uint8_t addr[16];
};

/**
 * struct cpns_prefix - an IPv4 or IPv6 prefix, host bits zero
 * @family: AF_INET or AF_INET6
 * @len: bits
 * @addr: 4 or 16 bytes, network byte order; the rest 0
 */
struct cpns_prefix {
	uint16_t family;
	uint8_t len;
	uint8_t addr[16];
};

/**
 * cpns_hex_encode() - bytes to lower-case hex digits
 * @bytes: input
 * @len: bytes
 * @text: 2 * @len + 1 characters
 */
void cpns_hex_encode(const void *bytes, size_t len, char *text);

/**
 * cpns_hex_decode() - exactly @len bytes from exactly 2 * @len hex digits
 * @text: hex digits of either case, not necessarily ended by a NUL
 * @text_len: characters
 * @bytes: output; undefined on an error
 * @len: bytes wanted
 *
 * Takes the same time whatever the digits are, as it also reads keys.
 *
 * Return: 0, or -EINVAL.
 */
int cpns_hex_decode(const char *text, size_t text_len, void *bytes, size_t len);

/**
 * cpns_endpoint_parse() - numeric address and port
 * @text: "192.0.2.1:4500", "[2001:db8::1]:4500" or "[fe80::1%eth0]:4500"
 * @ep: result
 *
 * An IPv4-mapped IPv6 address becomes IPv4. A link-local address needs its
 * interface.
 *
 * Return: 0, -EINVAL (no such form), -ERANGE (port 0 or above 65535) or
 * -ENODEV (no such interface).
 */
int cpns_endpoint_parse(const char *text, struct cpns_endpoint *ep);

/**
 * cpns_endpoint_format() - the form that cpns_endpoint_parse() reads
 * @ep: endpoint; family 0 gives "none"
 * @text: at least CPNS_ENDPOINT_TEXT characters
 */
void cpns_endpoint_format(const struct cpns_endpoint *ep, char *text);

/** cpns_endpoint_equal() - same family, address, scope and port */
bool cpns_endpoint_equal(const struct cpns_endpoint *a, const struct cpns_endpoint *b);

/**
 * cpns_endpoint_from_sockaddr() - take a struct sockaddr_in or _in6
 * @ep: result; IPv4-mapped becomes IPv4
 * @sa: address
 * @len: its length in bytes
 *
 * Return: 0, or -EAFNOSUPPORT.
 */
int cpns_endpoint_from_sockaddr(struct cpns_endpoint *ep, const void *sa, size_t len);

/**
 * cpns_endpoint_to_sockaddr() - make a struct sockaddr_in or _in6
 * @ep: endpoint
 * @ss: result
 *
 * Return: its length in bytes, 0 where @ep has no address.
 */
size_t cpns_endpoint_to_sockaddr(const struct cpns_endpoint *ep, struct sockaddr_storage *ss);

/**
 * cpns_prefix_parse() - "10.9.0.0/16", "2001:db8::/32" or a lone address
 * @text: text
 * @prefix: result
 *
 * Return: 0, -EINVAL (no such form), -ERANGE (length too large) or -EDOM (host
 * bits set beyond the length).
 */
int cpns_prefix_parse(const char *text, struct cpns_prefix *prefix);

/**
 * cpns_prefix_format() - address/length, always with the length
 * @prefix: prefix
 * @text: at least CPNS_PREFIX_TEXT characters
 */
void cpns_prefix_format(const struct cpns_prefix *prefix, char *text);

/**
 * cpns_duration_format() - "now", "12 s", "3 min 20 s", "2 h 5 min", "4 d 3 h"
 * @seconds: how long
 * @text: at least CPNS_DURATION_TEXT characters
 */
void cpns_duration_format(uint64_t seconds, char *text);

/**
 * cpns_bytes_format() - "512 B", "1.50 KiB", "3.20 GiB"
 * @bytes: how many
 * @text: at least CPNS_BYTES_TEXT characters
 */
void cpns_bytes_format(uint64_t bytes, char *text);

/**
 * cpns_u64_parse() - a decimal number, digits only
 * @text: text
 * @min: least that is accepted
 * @max: most that is accepted
 * @value: result
 *
 * Return: 0, -EINVAL (no number) or -ERANGE.
 */
int cpns_u64_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);

#endif /* _CPNS_TEXT_H */
