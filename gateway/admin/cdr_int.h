/* cdr_int.h: a record and its files, for cdr*.c and their tests. */
#ifndef ADMIN_CDR_INT_H
#define ADMIN_CDR_INT_H

#include <pthread.h>
#include "admin/cdr.h"
#include "base/compat.h"

enum {
	CDR_WAITING_MAX = 65536,      /* records a file may be behind */
	CDR_WAITING_BYTES = 64 << 20, /* ditto */
	CDR_RECENT_MAX = 500,	      /* in memory */
	CDR_TEXT_MAX = 1023,	      /* bytes of a field */
};

enum cdr_kind {
	CDR_TEXT,  /* ours: never quoted for spreadsheets */
	CDR_WORDS, /* may be an outsider's */
	CDR_TIME,  /* ms, CLOCK_REALTIME */
	CDR_INT,
	CDR_CENTI, /* hundredths */
};

enum cdr_field {
	CDR_ID,
	CDR_START,
	CDR_END,
	CDR_DIRECTION,
	CDR_OUTCOME,
	CDR_USER,
	CDR_USER_SIP,
	CDR_PEER,
	CDR_PEER_JID,
	CDR_PEER_NAME,
	CDR_TRUNK,
	CDR_ROUTE,
	CDR_DIVERTED,
	CDR_RINGING,
	CDR_ANSWER,
	CDR_MEDIA,
	CDR_DURATION,
	CDR_ENDED_BY,
	CDR_SIP_CODE,
	CDR_Q850,
	CDR_REASON,
	CDR_CAUSE,
	CDR_CODEC,
	CDR_X_PACKETS, /* of the XMPP side; the SIP side's have its order */
	CDR_X_LOST,
	CDR_X_JITTER,
	CDR_X_RTT,
	CDR_X_MOS,
	CDR_X_SENT,
	CDR_S_PACKETS,
	CDR_S_LOST,
	CDR_S_JITTER,
	CDR_S_RTT,
	CDR_S_MOS,
	CDR_S_SENT,
	CDR_FIELDS
};

extern const struct cdr_column {
	const char *name;
	enum cdr_kind kind;
} cdr_columns[CDR_FIELDS];

#define CDR_NONE INT64_MIN /* of a number */

struct cdr_record { /* malloc'ed, for it crosses threads */
	struct cdr_record *next;
	size_t size;
	bool again; /* it may have been written before */
	int64_t v[CDR_FIELDS];
	const char *text[CDR_FIELDS]; /* in bytes; NULL: none */
	char bytes[];
};

/* cdr_record.c */
struct cdr_draft { /* of a record: pointers to what need not stay */
	int64_t v[CDR_FIELDS];
	const char *text[CDR_FIELDS];
};
void cdr_draft_init(struct cdr_draft *d);
/* Text is made clean and cut. NULL: no memory. */
struct cdr_record *cdr_record_new(const struct cdr_draft *d);
struct cdr_record *cdr_record_copy(const struct cdr_record *r);
unsigned cdr_loss(const struct media_count *c); /* per mille */
unsigned cdr_mos(const char *codec, const struct media_count *c);
/* One side's counters. */
void cdr_record_media(struct cdr_record *r, bool x,
		      const struct media_count *c);
int cdr_header_print(struct re_printf *pf, const void *none);
int cdr_record_print(struct re_printf *pf, const struct cdr_record *r);
json_t *cdr_record_json(const struct cdr_record *r);
bool cdr_record_matches(const struct cdr_record *r,
			const struct cdr_filter *f);
enum { CDR_TIME_SIZE = 32 };
void cdr_time_print(char buf[CDR_TIME_SIZE], int64_t ms);

/* cdr_recall.c */
struct cdr_list { /* zeroed: empty */
	struct cdr_record *first, *last;
	unsigned n;
};
void cdr_list_add(struct cdr_list *l, struct cdr_record *r);
bool cdr_time_decode(int64_t *ms, const char *text);
/* A line as cdr_record_print() writes it, without its end; it is changed. NULL:
 * it is none, or no memory. */
struct cdr_record *cdr_record_decode(char *line);
/* Adds what a CSV file of ours ends with, the newest first, until there are
 * most; nothing where there is no such file. */
void cdr_recall_file(struct cdr_list *l, const char *path, unsigned most);

/* A file, and its thread.  Functions of ops run in that thread; each returns
 * NULL or what is wrong, in words that stay. */
struct cdr_sink;
struct cdr_sink_ops {
	const char *name;
	size_t size; /* of its state, zeroed before open */
	const char *(*open)(void *state, const struct config_records *conf);
	/* All of the list, or none of it; NULL: what is too old goes. */
	const char *(*write)(void *state, const struct cdr_record *list);
	/* What is there already, the newest first, most at most. */
	void (*recall)(void *state, struct cdr_list *l, unsigned most);
	void (*close)(void *state);
};
extern const struct cdr_sink_ops cdr_csv, cdr_sqlite;

int cdr_sink_start(struct cdr_sink **sp, const struct cdr_sink_ops *ops,
		   const struct config_records *conf);
/* Takes r away. */
void cdr_sink_put(struct cdr_sink *s, struct cdr_record *r);
void cdr_sink_reopen(struct cdr_sink *s);
/* What was in the file at the start, to be freed: once, when it was read. */
struct cdr_record *cdr_sink_recalled(struct cdr_sink *s);
void cdr_records_free(struct cdr_record *list);
void cdr_sink_status(struct cdr_sink *s, struct cdr_file *f);
/* Writes what waits, for ms at most. */
void cdr_sink_stop(struct cdr_sink *s, unsigned ms);

#endif
