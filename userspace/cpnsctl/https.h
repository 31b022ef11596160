/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to the registrar over HTTPS: TLS 1.3, and a certificate that is known. */
#ifndef CPNSCTL_HTTPS_H
#define CPNSCTL_HTTPS_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl.h"

enum {
	HTTPS_PIN_TEXT = 8 + 44 + 1,	/* sha256//, base64 of 32 bytes, NUL */
	HTTPS_URL_MAX = 512,
};

struct https;

/**
 * struct https_place - where the registrar is, and how it is known
 * @url: https://HOST[:PORT], or HOST[:PORT]
 * @pin: "sha256//" and base64 of the hash of its public key, or NULL
 * @cacert: file of certificates that are trusted, or NULL: those of the system
 * @via: ADDR:PORT that is connected to instead of HOST:PORT, or NULL
 */
struct https_place {
	const char	*url;
	const char	*pin;
	const char	*cacert;
	const char	*via;
};

/**
 * struct https_answer - what came back
 * @status: of HTTP
 * @retry_after: seconds that the registrar asks to wait, 0 where it does not
 * @body: JSON object, or NULL where it is none; for json_decref()
 */
struct https_answer {
	long	status;
	long	retry_after;
	json_t	*body;
};

/**
 * https_open() - prepare for requests
 * @https: result, for https_close(); NULL on an error
 * @place: where; must live as long
 *
 * With a pin the registrar is who has that key, whatever its certificate says;
 * with @cacert, too, both are asked for. Without a pin the certificate must be
 * trusted, and be for the host's name.
 *
 * Return: enum ctl_exit; an error has been told.
 */
int https_open(struct https **https, const struct https_place *place);

/** https_close() - end the connection, erase and free; takes NULL */
void https_close(struct https *https);

/**
 * https_ask() - one request
 * @https: registrar
 * @path: "/v1/..."
 * @request: sent as JSON with POST; NULL: GET
 * @answer: result
 *
 * Nothing is sent before the registrar is known. Redirections are not followed.
 *
 * Return: enum ctl_exit; an error has been told. Whatever the status is, it is
 * CTL_OK.
 */
int https_ask(struct https *https, const char *path, const json_t *request,
	      struct https_answer *answer);

#endif /* CPNSCTL_HTTPS_H */
