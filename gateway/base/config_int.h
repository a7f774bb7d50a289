/* config_int.h: what the files of the configuration share among themselves.
 *
 * A key is a row of a table (config_table.c); its type knows how to read,
 * print and free its field (config_value.c, config_net.c).  Parsing, defaults,
 * suggestions and printing all come from those rows. */
#ifndef BASE_CONFIG_INT_H
#define BASE_CONFIG_INT_H

#include "base/config.h"

/* Deliberate bugs, one a number, that fuzzing must find. */
#ifndef PLANT
#define PLANT 0
#endif

enum {
	CONFIG_KEYS_MAX = 64,	    /* of a section */
	CONFIG_LINE_MAX = 4000,	    /* bytes */
	CONFIG_FILE_MAX = 1 << 20,  /* bytes */
	CONFIG_LIST_MAX = 256,	    /* elements */
	CONFIG_SECTIONS_MAX = 1024, /* and as many rules */
	CONFIG_PROBLEMS_MAX = 200,  /* printed; the rest is counted */
	CONFIG_SECRET_MAX = 1024,   /* bytes, first line of a file */
	CONFIG_LATER = 98, /* of an enum: a value of a later version */
	CONFIG_AUTO = 99,  /* of an enum: decided by config_check */
};

struct config_key;
struct config_parser;

struct config_word { /* of an enumeration; the list ends with NULL */
	const char *name;
	int value;
};

/* One value on its way in. */
struct config_value {
	const struct config_key *key;
	const char *text; /* trimmed, never empty, NUL terminated UTF-8 */
	const char *dir;  /* of the configuration file, absolute */
	const char *mean; /* out: what it may have meant, or NULL */
	int err;	  /* out: ENOMEM */
	struct config_parser *p;
};

struct config_type {
	/* NULL, or in a few words what is wrong ("" when that has been told
	 * already); base: the section's struct. */
	const char *(*decode)(struct config_value *v, void *base);
	/* The value as it would be written; prints nothing for none. */
	int (*print)(struct re_printf *pf, const struct config_key *key,
		     const void *base);
	void (*clear)(const struct config_key *key, void *base);
	bool secret; /* never shown, neither in problems nor in dumps */
};

struct config_key {
	const char *name;
	const struct config_type *type;
	size_t offset;	  /* of the field */
	size_t offset2;	  /* of its count, port, or second address */
	const char *dflt; /* as text; "": none */
	bool required;
	bool fixed; /* cannot change while the process runs */
	const struct config_word *words; /* of an enumeration */
	unsigned min, max;		 /* of a number */
};

enum config_naming { CONFIG_UNNAMED, CONFIG_MAY_BE_NAMED, CONFIG_NAMED };

struct config_kind { /* of section */
	const char *name;
	enum config_naming naming;
	size_t size;
	size_t offset; /* in struct config, of an unnamed one */
	const struct config_key *keys;
	size_t keyc;	/* 0: any key, a struct config_route a line */
	size_t offset2; /* of their count; offset is of the array */
};

struct config_section { /* one in the file; a mem_ref object */
	struct le le;
	const struct config_kind *kind;
	char *name; /* NULL: none */
	int line;   /* 0: not in the file */
	void *base;
	bool owned;		    /* base is ours to free */
	int lines[CONFIG_KEYS_MAX]; /* where each key was set, 0: not,
					* negative: to nothing */
};

struct config_problem {
	int line; /* 0: the whole file */
	size_t order;
	char *text;
};

struct config_parser {
	struct config *c;
	const char *name; /* of the file, as given */
	const char *text, *end;
	int line;
	struct list sections; /* of struct config_section */
	struct config_section *cur;
	bool skip;			/* within a section that is unknown */
	const struct config_kind *kind; /* of the last section, if known */
	bool checking;			/* all lines are read */
	struct config_problem *problems;
	size_t problemc;
	int err;
};

/* config_table.c */
extern const struct config_kind config_kinds[];
extern const size_t config_kindc;
const struct config_key *config_key_find(const struct config_kind *kind,
					 const char *name);
const char *config_key_near(const struct config_kind *kind, const char *name);
/* What it is called here that other programs call so, or NULL. */
const char *config_key_synonym(const struct config_kind *kind,
			       const char *name);
const char *config_kind_near(const char *name);
const char *config_word_near(const struct config_word *words,
			     const char *name);
/* The same for config_codecs, by other names that PBXs have for them too. */
const char *config_codec_near(const char *name);

/* Where a section's struct has a key's value. */
static inline void *config_field(void *base, size_t offset)
{
	return (char *)base + offset;
}

static inline const void *config_field_in(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

/* Of every value that is a string. */
int config_text_print(struct re_printf *pf, const struct config_key *key,
		      const void *base);
void config_text_clear(const struct config_key *key, void *base);

/* config_value.c */
extern const struct config_type config_type_text, config_type_secret,
    config_type_secret_file, config_type_file, config_type_path,
    config_type_bool, config_type_number, config_type_enum, config_type_dscp,
    config_type_domain, config_type_domains, config_type_codecs,
    config_type_words, config_type_place, config_type_digits,
    config_type_dests;
extern const struct config_word config_codecs[];
/* Replaces the string of a field. */
const char *config_string_set(struct config_value *v, char **fieldp,
			      const char *s, size_t len);
/* The next element of a list separated by commas or white space. */
bool config_list_next(struct pl *elem, struct pl *rest);
void config_section_clear(const struct config_kind *kind, void *base);

/* Files that a value names are neither read nor looked for: for fuzzing. */
extern bool config_files_off;

/* config_net.c */
extern const struct config_type config_type_nets, config_type_listen,
    config_type_listen_ref, config_type_addrs, config_type_ports,
    config_type_server, config_type_uri, config_type_hostport,
    config_type_turn;
extern const struct config_type config_type_bind,
    config_type_token_file;			 /* config_admin.c */
extern const struct config_type config_type_hep; /* config_log.c */
void config_log_check(struct config_parser *p, const struct config_section *s);
void config_admin_check(struct config_parser *p,
			const struct config_section *s);
int config_net_print(struct re_printf *pf, const struct config_net *n);
bool config_sa_is_private(const struct sa *sa); /* RFC 1918, 4193 */
/* Does "host:port" end with a port from 1 to 65535?  libre takes what is above
 * modulo 65536. */
bool config_port_is_valid(const struct pl *hostport);
/* A local address of that family (AF_UNSPEC: any), not loopback nor
 * link-local. ENOENT. */
int config_local_address(struct sa *sa, int af);
/* Replaces 0.0.0.0 and [::] by one listener per local address. */
int config_listen_expand(struct config_sip *sip);
const struct config_listen *config_listen_find(const struct config_sip *sip,
					       const char *text);
/* Splits "sip:host:port;transport=x": what is wrong, or NULL. */
const char *config_uri_check(const char *text, struct sa *host,
			     enum config_transport *transport);

/* config_problem.c */
void config_problem(struct config_parser *p, int line, const char *got,
		    const char *mean, const char *fmt, ...);
/* In the order of their lines; frees them. EBADMSG when there were any. */
int config_problems_print(struct re_printf *pf, struct config_parser *p);

/* Tells of one element of a list; returns "", and the list goes on. */
const char *config_value_bad(struct config_value *v, const struct pl *elem,
			     const char *why);
void config_value_problem(struct config_value *v, const char *got,
			  const char *why);

/* config_parse.c; errors are left in p->err */
const struct config_kind *config_kind_find(const char *name);
struct config_section *config_section_add(struct config_parser *p,
					  const struct config_kind *kind,
					  const char *name, int line);
void config_lines_read(struct config_parser *p);

/* config_live.c */
/* Notes a fixed key as it is written. */
int config_written_add(struct config *c, const struct config_section *s,
		       const struct config_key *key, const char *text,
		       int line);
void config_written_clear(struct config *c);
/* What is handed out: a view of c, which it then owns. */
int config_view_alloc(struct config **vp, struct config *c);

/* config_clash.c: keys that contradict each other. */
void config_clash_check(struct config_parser *p);

/* config_late.c */
void config_late_check(struct config_parser *p);
struct config_where { /* of a problem; line 0: the whole file */
	const struct config_parser *p;
	int line;
};
/* "stoxd.conf(5), [trunk NAME] uri" */
int config_manual_print(struct re_printf *pf, const struct config_where *w);

/* Line of a key, or of its section where it was not set. */
int config_line_of(const struct config_section *s, const char *name);
/* config_check.c: rules over more than one key, and what "auto" means. */
void config_check(struct config_parser *p);

#endif
