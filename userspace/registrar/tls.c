// SPDX-License-Identifier: GPL-2.0
/* The registrar's certificate. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <record.h>
#include <secret.h>

#include "../cpnsd/file.h"
#include "../cpnsd/log.h"
#include "tls.h"

enum {
	PEM_MAX = 256 << 10,
	VALID_DAYS = 3650,
	NAME_MAX_BYTES = 64,	/* of a common name */
};

static const char *openssl_error(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "unknown";
}

static int add_name(X509 *x, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x);
	unsigned char text[NAME_MAX_BYTES + 1];

	snprintf((char *)text, sizeof(text), "%s", name);
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) &&
	       X509_set_issuer_name(x, subject);
}

static int set_serial(X509 *x)
{
	uint64_t serial;

	return !cpns_random(&serial, sizeof(serial)) &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1);
}

static int add_constraint(X509 *x)
{
	X509_EXTENSION *ext;
	int ok;

	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:FALSE");
	ok = ext && X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static X509 *make_certificate(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();

	if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -86400) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), VALID_DAYS, 0, NULL) &&
	    X509_set_pubkey(x, key) && add_name(x, name) && add_constraint(x) &&
	    X509_sign(x, key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

static int write_bio(const char *path, BIO *bio, mode_t mode)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	return len > 0 ? file_replace(path, text, (size_t)len, mode) : -EIO;
}

/* The key first: a crash between the two leaves a key, which is then used. */
static int make_files(const char *certificate, const char *key_path, EVP_PKEY *old,
		      const char *name, char *error)
{
	EVP_PKEY *key = old ? old : EVP_EC_gen("P-256");
	BIO *secret = BIO_new(BIO_s_secmem()), *text = BIO_new(BIO_s_mem());
	X509 *x = key ? make_certificate(key, name) : NULL;
	int ret = -EIO;

	if (!x || !secret || !text || !PEM_write_bio_X509(text, x) ||
	    !PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL)) {
		snprintf(error, CPNS_ERROR_TEXT, "no certificate can be made: %s",
			 openssl_error());
		goto out;
	}
	ret = old ? 0 : write_bio(key_path, secret, 0600);
	if (!ret)
		ret = write_bio(certificate, text, 0644);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "%.120s and %.120s can't be written: %s",
			 certificate, key_path, strerror(-ret));
	else
		log_msg(LOG_NOTICE, "certificate %s is made", certificate);
out:
	X509_free(x);
	BIO_free(text);
	BIO_free(secret);
	if (!old)
		EVP_PKEY_free(key);
	return ret;
}

static int read_key(const char *path, EVP_PKEY **key, char *error)
{
	BIO *bio = NULL;
	mode_t mode;
	char *text;
	size_t len;
	int ret = file_read(path, PEM_MAX, &text, &len, &mode);

	*key = NULL;
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "certificate-key %.200s can't be read: %s",
			 path, strerror(-ret));
		return ret;
	}
	if (mode & 0007) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "certificate-key %.200s can be read by others: chmod o= it", path);
		ret = -EPERM;
	} else {
		bio = BIO_new_mem_buf(text, (int)len);
		*key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
		if (!*key) {
			snprintf(error, CPNS_ERROR_TEXT,
				 "certificate-key %.200s is no private key in PEM: %s", path,
				 openssl_error());
			ret = -EBADMSG;
		}
	}
	BIO_free(bio);
	cpns_free_secret(text, len);
	return ret;
}

static int prepare(const char *certificate, const char *key_path, const char *name,
		   EVP_PKEY **key, char *error)
{
	bool no_certificate = access(certificate, F_OK) && errno == ENOENT;
	bool no_key = access(key_path, F_OK) && errno == ENOENT;
	int ret;

	*key = NULL;
	if (no_certificate && no_key) {
		ret = make_files(certificate, key_path, NULL, name, error);
		if (ret)
			return ret;
	}
	ret = read_key(key_path, key, error);
	if (!ret && no_certificate && !no_key)
		ret = make_files(certificate, key_path, *key, name, error);
	return ret;
}

static int make_pin(X509 *x, char *pin)
{
	unsigned char *der = NULL, hash[32];
	unsigned int len;
	int n, ok;

	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	ok = n > 0 && EVP_Digest(der, (size_t)n, hash, &len, EVP_sha256(), NULL);
	OPENSSL_free(der);
	if (!ok)
		return -EIO;
	memcpy(pin, "sha256//", 8);
	EVP_EncodeBlock((unsigned char *)pin + 8, hash, sizeof(hash));
	return 0;
}

int tls_open(SSL_CTX **result, const char *certificate, const char *key_path, const char *name,
	     char *pin, char *error)
{
	EVP_PKEY *key;
	SSL_CTX *ctx;
	int ret = prepare(certificate, key_path, name, &key, error);

	*result = NULL;
	if (ret) {
		EVP_PKEY_free(key);
		return ret;
	}
	ctx = SSL_CTX_new(TLS_server_method());
	ret = -EBADMSG;
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_use_certificate_chain_file(ctx, certificate)) {
		snprintf(error, CPNS_ERROR_TEXT, "certificate %.200s can't be used: %s",
			 certificate, openssl_error());
	} else if (!SSL_CTX_use_PrivateKey(ctx, key) || !SSL_CTX_check_private_key(ctx)) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "certificate-key %.120s is not the key of certificate %.120s", key_path,
			 certificate);
	} else {
		ret = make_pin(SSL_CTX_get0_certificate(ctx), pin);
	}
	EVP_PKEY_free(key);
	if (ret) {
		SSL_CTX_free(ctx);
		return ret;
	}
	/* No tickets, no early data: each enrolment is a connection of its own. */
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_RENEGOTIATION);
	*result = ctx;
	return 0;
}
