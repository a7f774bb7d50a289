/* cdr.h: call records: one for each call that was ever counted, in memory, and
 * in files where [records] says so.
 *
 * The signalling thread only puts records into queues; a thread for each file
 * writes them.  A file that cannot be written fills its queue, to its bound;
 * what comes then is lost, counted and said. */
#ifndef ADMIN_CDR_H
#define ADMIN_CDR_H

#include <jansson.h>
#include "base/config.h"
#include "bridge/callend.h"
#include "media/media.h"

struct cdr;

/* mem_ref object; its destructor writes what waits, for some seconds at most.
 * Files that cannot be opened are tried again and again: no error. */
int cdr_alloc(struct cdr **cp, const struct config_records *conf);

/* For calls_conf.record, with the cdr: the record is complete when its media's
 * counters are here, or after a while. */
void cdr_ended(const struct call_end *end, void *arg);
/* For engine_conf.final, ditto; a call that is unknown is ignored. */
void cdr_media(const char *name, const struct media_stat *stats, unsigned n,
	       void *arg);

/* A call that a gateway before this one did not live to end.  Written once,
 * also when it was written before the crash. */
struct cdr_crash {
	const char *name; /* "7f3a0c11" */
	uint64_t at;	  /* ms, CLOCK_REALTIME: it began */
	uint64_t talking; /* ms after that; 0: never answered */
	uint64_t ended;	  /* ms, CLOCK_REALTIME: last known alive */
	bool from_xmpp;
	const char *user, *as;	     /* JID; URI, or NULL */
	const char *peer, *peer_jid; /* URI; JID, or NULL */
	const char *trunk;
};
int cdr_crashed(struct cdr *c, const struct cdr_crash *crash);

/* The files are closed and opened again: they were moved away (SIGHUP). */
void cdr_reopen(struct cdr *c);

/* Of the newest first, also of what a file had at the start, those that match
 * all that is not 0 or NULL, at most max: an array. */
struct cdr_filter {
	uint64_t since; /* ms, CLOCK_REALTIME */
	const char *jid, *number;
};
json_t *cdr_json(struct cdr *c, const struct cdr_filter *f, unsigned max);

struct cdr_status {
	const char *trouble; /* of a file, NULL: none */
	uint64_t records;    /* since the start */
	struct cdr_file {
		const char *name; /* "csv", "sqlite" */
		uint64_t written, dropped, failures;
		size_t waiting;
		const char *trouble;
	} files[2];
	unsigned filec;
	unsigned pending; /* wait for their media's counters */
};
void cdr_status(const struct cdr *c, struct cdr_status *st);

/* Of all calls: what their media was. [1]: received from XMPP. */
struct cdr_quality {
	struct histogram jitter[2], loss[2], mos[2], rtt[2];
	/* ms, per mille, hundredths, ms */
	struct histogram sound; /* ms until both were heard */
};
extern struct cdr_quality cdr_quality;

#endif
