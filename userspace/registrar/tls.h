/* SPDX-License-Identifier: GPL-2.0 */
/* The registrar's certificate and the TLS context made from it. */
#ifndef CPNS_REGISTRAR_TLS_H
#define CPNS_REGISTRAR_TLS_H

#include <openssl/ssl.h>

enum { TLS_PIN_TEXT = 8 + 44 + 1 };	/* sha256//BASE64 and the NUL */

/**
 * tls_open() - read certificate and key, or make them where neither is there
 * @ctx: result, for SSL_CTX_free(): TLS 1.3 only
 * @certificate: PEM file
 * @key: PEM file; refused where others than owner and group can read it
 * @name: common name of a certificate that is made
 * @pin: TLS_PIN_TEXT characters: SHA-256 of the certificate's public key in the
 *	form of curl --pinnedpubkey
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -errno.
 */
int tls_open(SSL_CTX **ctx, const char *certificate, const char *key, const char *name,
	     char *pin, char *error);

#endif /* CPNS_REGISTRAR_TLS_H */
