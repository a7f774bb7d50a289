/* idle.c: the least that a gateway can be at rest: the libraries that it is
 * linked with, each made ready as the gateway does, and nothing else.  Prints
 * one line when that is done and waits for its standard input to end.  What
 * the gateway takes, in memory and until it is up, is measured against it. */
#include <expat.h>
#include <glib.h>
#include <idna.h>
#include <ini.h>
#include <jansson.h>
#include <nice/agent.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sqlite3.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/compat.h"

static void die(const char *why)
{
	(void)fprintf(stderr, "idle: %s\n", why);
	exit(1);
}

static void start_ssl(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	SSL_CTX *dtls = SSL_CTX_new(DTLS_method());
	SSL_CTX *tls = SSL_CTX_new(TLS_method());

	if (!key || !dtls || !tls)
		die("no TLS");
	EVP_PKEY_free(key);
	SSL_CTX_free(dtls);
	SSL_CTX_free(tls);
}

static void start_ice(void)
{
	GMainContext *ctx = g_main_context_new();
	NiceAgent *a =
	    nice_agent_new_full(ctx, NICE_COMPATIBILITY_RFC5245,
				NICE_AGENT_OPTION_CONSENT_FRESHNESS);

	if (!a)
		die("no ICE");
	g_object_unref(a);
	g_main_context_unref(ctx);
}

static void start_store(void)
{
	sqlite3 *db;

	if (sqlite3_open(":memory:", &db) ||
	    sqlite3_exec(db, "CREATE TABLE t (k TEXT)", NULL, NULL, NULL))
		die("no database");
	(void)sqlite3_close(db);
}

static int no_line(void *arg, const char *section, const char *key,
		   const char *value)
{
	(void)arg;
	(void)section;
	(void)key;
	(void)value;

	return 1;
}

static void start_text(void)
{
	XML_Parser x = XML_ParserCreateNS(NULL, '|');
	json_t *json = json_loads("{}", 0, NULL);
	char *name = NULL;

	if (!x || XML_Parse(x, "<a/>", 4, 1) != XML_STATUS_OK || !json ||
	    idna_to_ascii_8z("example.com", &name, 0) ||
	    ini_parse_string("[a]\nb = c\n", no_line, NULL))
		die("no text");
	free(name);
	json_decref(json);
	XML_ParserFree(x);
}

int main(void)
{
	char c;

	if (libre_init() || srtp_init())
		die("cannot start");
	start_ssl();
	start_ice();
	start_store();
	start_text();
	(void)puts("ready");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	(void)srtp_shutdown();
	libre_close();

	return 0;
}
