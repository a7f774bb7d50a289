/* init_int.h: what the files of "stoxd init" share among themselves. */
#ifndef ADMIN_INIT_INT_H
#define ADMIN_INIT_INT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/compat.h"

enum {
	INIT_SECRET_SIZE = 33, /* 128 bits in hexadecimal, and a NUL */
	INIT_FILES_MAX = 8,
	INIT_VALUE_MAX = 1024, /* bytes of an answer */
};

/* What is asked for; each is a mem_ref string, NULL: not given. */
struct init_answers {
	char *server, *pbx;	   /* kinds, of the tables */
	char *domain, *component;  /* of the users, of the gateway */
	char *server_address;	   /* host:port of the XMPP server */
	char *pbx_address;	   /* host[:port] */
	char *address;		   /* ours, as the PBX sees it */
	char *public_address;	   /* ours from outside; NULL: no NAT */
	char *phones;		   /* networks of them; NULL: none */
	char *username, *password; /* at a provider; NULL: none */
	char *out;		   /* directory */
	bool force;
};

/* What the texts are filled with: "@NAME@" becomes value. */
struct init_word {
	const char *name;
	const char *value;
};

struct init_text { /* a file to be */
	const char *name;
	const char *text;
};

/* A kind of XMPP server or PBX. */
struct init_kind {
	const char *name, *called;
	const char *address; /* default host:port or port, NULL: none */
	struct init_text files[3];
	const char *next;  /* what to do with them */
	const char *trunk; /* lines of [trunk NAME], of a PBX */
};

/* init_text.c; the tables end with a name of NULL */
extern const struct init_kind init_servers[], init_pbxes[];
extern const char init_config[];
const struct init_kind *init_kind_find(const struct init_kind *table,
				       const char *name);
/* *sp is a mem_ref string. */
int init_expand(char **sp, const char *text, const struct init_word *words);

/* init_file.c */
struct init_file {
	char *path, *text; /* mem_ref'd */
};
/* All of them or none; what exists is replaced only by force.  Problems are
 * printed on standard error. */
int init_files_write(const struct init_file *v, size_t n, const char *dir,
		     bool force);

/* init_ask.c */
/* From a terminal; hidden: without echo.  *answerp is a mem_ref string, dflt
 * when nothing was typed.  ENODATA: the input has ended. */
int init_ask(char **answerp, const char *question, const char *dflt,
	     bool hidden);

/* init_make.c */
/* Writes what a says, and tells what to do next. */
int init_make(const struct init_answers *a);

#endif
