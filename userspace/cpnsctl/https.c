// SPDX-License-Identifier: GPL-2.0
/* Requests to the registrar over HTTPS. */
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-line.h>
#include <json-secret.h>
#include <secret.h>
#include <text.h>

#include "https.h"

#define PIN_PREFIX	"sha256//"
#define DEFAULT_PORT	"4790"		/* of the registrar */

enum {
	BODY_MAX = 256 << 10,
	CONNECT_TIMEOUT_S = 20,
	/* A password is checked slowly on purpose, and others may be in front. */
	TIMEOUT_S = 120,
	HASH_LEN = 32,
	HASH_BASE64 = 44,
};

/**
 * struct https - a registrar that is spoken with
 * @place: where it is
 * @curl: the connection
 * @base: https://HOST:PORT
 * @connect_to: for CURLOPT_CONNECT_TO
 * @seen: pin of the key that it showed, or ""
 * @detail: what curl says about an error
 * @body: what came, @len bytes
 * @len: how many
 * @too_long: more came than is taken
 */
struct https {
	const struct https_place	*place;
	CURL				*curl;
	char				base[HTTPS_URL_MAX];
	struct curl_slist		*connect_to;
	char				seen[HTTPS_PIN_TEXT];
	char				detail[CURL_ERROR_SIZE];
	char				*body;
	size_t				len;
	bool				too_long;
};

static void *get_zeroed(size_t n, size_t size)
{
	return calloc(n, size);
}

static char *duplicate(const char *text)
{
	return strdup(text);
}

static void pin_of(X509 *certificate, char *pin)
{
	unsigned char hash[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned int n;
	int len;

	*pin = 0;
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	if (len > 0 && EVP_Digest(der, (size_t)len, hash, &n, EVP_sha256(), NULL) &&
	    n == HASH_LEN) {
		memcpy(pin, PIN_PREFIX, strlen(PIN_PREFIX));
		EVP_EncodeBlock((unsigned char *)pin + strlen(PIN_PREFIX), hash, HASH_LEN);
	}
	OPENSSL_free(der);
}

/* Notes the key of the other end. What OpenSSL has found stays what it found. */
static int note_key(int ok, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct https *https = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (!https->seen[0] && X509_STORE_CTX_get0_cert(ctx))
		pin_of(X509_STORE_CTX_get0_cert(ctx), https->seen);
	return ok;
}

static curl_code prepare_tls(CURL *curl, void *context, void *arg)
{
	SSL_CTX *ctx = context;

	(void)curl;
	SSL_CTX_set_app_data(ctx, arg);
	SSL_CTX_set_verify(ctx, SSL_CTX_get_verify_mode(ctx), note_key);
	return CURLE_OK;
}

static size_t take_body(char *data, size_t one, size_t n, void *arg)
{
	struct https *https = arg;
	char *bigger;

	if (n > BODY_MAX - https->len) {
		https->too_long = true;
		return 0;
	}
	bigger = cpns_realloc_wiped(https->body, https->len + n + 1);
	if (!bigger)
		return 0;
	memcpy(bigger + https->len, data, n);
	https->body = bigger;
	https->len += n;
	return one * n;
}

static bool pin_ok(const char *pin)
{
	unsigned char hash[HASH_LEN + 2];
	size_t prefix = strlen(PIN_PREFIX);

	/* curl would take a file's name, too, or a list of several pins. */
	return !strncmp(pin, PIN_PREFIX, prefix) && strlen(pin) == prefix + HASH_BASE64 &&
	       pin[prefix + HASH_BASE64 - 1] == '=' && pin[prefix + HASH_BASE64 - 2] != '=' &&
	       EVP_DecodeBlock(hash, (const unsigned char *)pin + prefix, HASH_BASE64) ==
	       HASH_LEN + 1;
}

/* https://HOST[:PORT] and nothing else. */
static int read_url(struct https *https, const char *text)
{
	char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *rest = NULL;
	CURLU *url = curl_url();
	int ret = CTL_USAGE, n = -1;

	if (url && !curl_url_set(url, CURLUPART_URL, text,
				 strstr(text, "://") ? 0 : CURLU_DEFAULT_SCHEME) &&
	    !curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) && !strcmp(scheme, "https") &&
	    !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
	    !curl_url_get(url, CURLUPART_PATH, &path, 0) && !strcmp(path, "/") &&
	    curl_url_get(url, CURLUPART_QUERY, &rest, 0) &&
	    curl_url_get(url, CURLUPART_FRAGMENT, &rest, 0) &&
	    curl_url_get(url, CURLUPART_USER, &rest, 0))
		n = snprintf(https->base, sizeof(https->base), "https://%s:%s", host,
			     curl_url_get(url, CURLUPART_PORT, &port, 0) ? DEFAULT_PORT : port);
	if (n > 0 && (size_t)n < sizeof(https->base))
		ret = CTL_OK;
	else
		ctl_error("--server is https://HOST or https://HOST:PORT");
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_free(rest);
	curl_url_cleanup(url);
	return ret;
}

static int read_via(struct https *https, const char *via)
{
	struct cpns_endpoint endpoint;
	char text[CPNS_ENDPOINT_TEXT + 2];

	if (cpns_endpoint_parse(via, &endpoint)) {
		ctl_error("--via is an address and port of the PN GW, such as 192.168.7.1:4500");
		return CTL_USAGE;
	}
	snprintf(text, sizeof(text), "::%s", via);
	https->connect_to = curl_slist_append(NULL, text);
	return https->connect_to ? CTL_OK : CTL_FAIL;
}

static void set_options(struct https *https)
{
	const struct https_place *place = https->place;
	CURL *curl = https->curl;
	/* The pin says who it is; else the certificate does. */
	long verify = !place->pin || place->cacert;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, https);
	if (place->pin)
		curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, place->pin);
	if (place->cacert) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, place->cacert);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (https->connect_to) {
		curl_easy_setopt(curl, CURLOPT_CONNECT_TO, https->connect_to);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
	}
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, https->detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, https);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "cpnsctl/" CPNS_RELEASE);
}

int https_open(struct https **https, const struct https_place *place)
{
	struct https *new;
	int ret;

	*https = NULL;
	if (place->pin && !pin_ok(place->pin)) {
		ctl_error("--pin is sha256// and 44 characters of base64: the registrar prints it");
		return CTL_USAGE;
	}
	/* What curl frees is erased: the password goes through its buffers. */
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, cpns_free_wiped,
				 cpns_realloc_wiped, duplicate, get_zeroed)) {
		ctl_error("libcurl can't be used");
		return CTL_FAIL;
	}
	new = calloc(1, sizeof(*new));
	if (!new) {
		ctl_error("no memory");
		return CTL_FAIL;
	}
	new->place = place;
	ret = read_url(new, place->url);
	if (!ret && place->via)
		ret = read_via(new, place->via);
	if (!ret) {
		new->curl = curl_easy_init();
		ret = new->curl ? CTL_OK : CTL_FAIL;
	}
	if (ret) {
		https_close(new);
		return ret;
	}
	set_options(new);
	*https = new;
	return CTL_OK;
}

void https_close(struct https *https)
{
	if (!https)
		return;
	curl_easy_cleanup(https->curl);
	curl_slist_free_all(https->connect_to);
	cpns_free_secret(https->body, https->len);
	free(https);
	curl_global_cleanup();
}

static int tell(struct https *https, curl_code code)
{
	const char *detail = https->detail[0] ? https->detail : curl_easy_strerror(code);
	const char *where = https->base;

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		if (!https->seen[0])
			break;
		ctl_error("%s: its certificate is not trusted (%s); nothing was sent", where,
			  detail);
		ctl_error("it showed the key %s", https->seen);
		ctl_error("compare it with what cpns-registrar --pin says on its host;");
		ctl_error("if it is the same, repeat this with --pin %s", https->seen);
		return CTL_FAIL;
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		ctl_error("%s: it has another key than --pin names; nothing was sent", where);
		ctl_error("it showed the key %s", https->seen[0] ? https->seen : "(none)");
		ctl_error("the pin is mistyped or old, or somebody stands between the two");
		return CTL_FAIL;
	case CURLE_SSL_CACERT_BADFILE:
		ctl_error("--cacert %s can't be read, or holds no certificate",
			  https->place->cacert ? https->place->cacert : "");
		return CTL_USAGE;
	case CURLE_SSL_CONNECT_ERROR:
		ctl_error("%s: no TLS 1.3 with it (%s): is this the registrar's address and port?",
			  where, detail);
		return CTL_FAIL;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		ctl_error("%s can't be reached (%s): is the registrar running, and its port open?",
			  https->place->via ? https->place->via : where, detail);
		return CTL_FAIL;
	default:
		break;
	}
	if (https->too_long)
		detail = "its answer is longer than any of a registrar";
	ctl_error("%s: %s", where, detail);
	return CTL_FAIL;
}

static int perform(struct https *https, const char *path, char *text, size_t len,
		   struct https_answer *answer)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	char url[HTTPS_URL_MAX + 64];
	curl_off_t wait = 0;
	curl_code code;

	snprintf(url, sizeof(url), "%s%s", https->base, path);
	curl_easy_setopt(https->curl, CURLOPT_URL, url);
	if (text) {
		curl_easy_setopt(https->curl, CURLOPT_POSTFIELDSIZE, (long)len);
		curl_easy_setopt(https->curl, CURLOPT_POSTFIELDS, text);
		curl_easy_setopt(https->curl, CURLOPT_HTTPHEADER, headers);
	} else {
		curl_easy_setopt(https->curl, CURLOPT_HTTPGET, 1L);
	}
	code = curl_easy_perform(https->curl);
	curl_easy_setopt(https->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (code)
		return tell(https, code);
	curl_easy_getinfo(https->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(https->curl, CURLINFO_RETRY_AFTER, &wait);
	answer->retry_after = (long)wait;
	return CTL_OK;
}

int https_ask(struct https *https, const char *path, const json_t *request,
	      struct https_answer *answer)
{
	char *text = NULL;
	size_t len = 0;
	int ret;

	memset(answer, 0, sizeof(*answer));
	https->len = 0;
	if (request && cpns_json_line_make(request, &text, &len)) {
		ctl_error("no memory");
		return CTL_FAIL;
	}
	ret = perform(https, path, text, len, answer);
	cpns_json_text_free(text);
	if (!ret && https->len) {
		answer->body = json_loadb(https->body, https->len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(answer->body)) {
			json_decref(answer->body);
			answer->body = NULL;
		}
	}
	cpns_free_secret(https->body, https->len);
	https->body = NULL;
	https->len = 0;
	return ret;
}
