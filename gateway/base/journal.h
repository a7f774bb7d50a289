/* journal.h: records that outlive a process that is killed.
 *
 * A file of fixed slots in shared memory: a record is written by copying it,
 * which never waits for a disk, and the kernel keeps what was copied when the
 * process dies (not when the machine does).  A record is written into one half
 * of its slot after the other, so that one that was cut short leaves the one
 * before. */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

enum {
	JOURNAL_RECORD = 2048 - 24, /* bytes of a record at most */
	JOURNAL_NONE = -1,	    /* no slot */
};

struct journal; /* mem_ref object; its destructor removes the file */

/* Each record that was there, and when the process was last alive, ms of
 * CLOCK_REALTIME. */
typedef void(journal_h)(const uint8_t *p, size_t len, uint64_t alive,
			void *arg);

/* Records of a process before this one.  ENOENT: there is no file; EBADMSG: it
 * is none of ours, or of another version. */
int journal_read(const char *path, journal_h *h, void *arg);
/* The same from memory. */
int journal_scan(const uint8_t *p, size_t len, journal_h *h, void *arg);

/* An empty one in place of what was there, with room for so many records, or
 * fewer where the disk is full. */
int journal_alloc(struct journal **jp, const char *path, unsigned slots);
/* *slot is JOURNAL_NONE before the first time.  E2BIG, ENOSPC: the record
 * before stays. */
int journal_put(struct journal *j, int *slot, const void *p, size_t len);
void journal_drop(struct journal *j, int *slot);
/* Its file stays when it goes. */
void journal_leave(struct journal *j);
/* Still alive. */
void journal_beat(struct journal *j);

#endif
