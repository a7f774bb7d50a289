/* journal.c: records that outlive a process that is killed. */
#include "base/journal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/compat.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

enum {
	SLOT = 4096,	    /* bytes; the first is the header's */
	SLOTS_MIN = 64,	    /* less is no help */
	SLOTS_MAX = 16384,  /* 64 MB */
	FILE_MAX = 1 << 27, /* bytes that are read */
};

static const char magic[16] = "stoxd calls 1\n";

struct header {
	char magic[16];
	uint64_t alive; /* ms, CLOCK_REALTIME */
};

struct half {
	uint64_t sum; /* of all that follows */
	uint64_t turn;
	uint32_t len; /* 0: empty */
	uint32_t zero;
	uint8_t data[JOURNAL_RECORD];
};

_Static_assert(2 * sizeof(struct half) == SLOT, "two halves are a slot");

struct journal {
	char *path;
	uint8_t *map;
	size_t size;
	unsigned slots, next; /* next: where a free one is looked for */
	uint64_t turn;
	bool *used, left;
};

/* FNV-1a: what was cut short shall not look whole. */
static uint64_t sum_of(const struct half *h)
{
	const uint8_t *p = (const uint8_t *)&h->turn;
	const size_t n = offsetof(struct half, data) -
			 offsetof(struct half, turn) +
			 (h->len <= JOURNAL_RECORD ? h->len : 0);
	uint64_t sum = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 0x100000001b3ULL;

	return sum;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);

	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- what was there ---- */

static bool is_whole(const struct half *h)
{
	return (h->len <= JOURNAL_RECORD || PLANT == 1) && h->sum &&
	       h->sum == sum_of(h);
}

int journal_scan(const uint8_t *p, size_t len, journal_h *h, void *arg)
{
	struct header header;
	struct half half[2];

	if (len < (PLANT == 2 ? sizeof(magic) : SLOT))
		return EBADMSG;

	memcpy(&header, p, sizeof(header));
	if (memcmp(header.magic, magic, sizeof(magic)) != 0)
		return EBADMSG;

	for (size_t at = SLOT; len - at >= (PLANT == 3 ? 1 : SLOT);
	     at += SLOT) {
		const struct half *is = NULL;

		memcpy(half, p + at, sizeof(half));
		for (unsigned i = 0; i < 2; i++) {
			if (is_whole(&half[i]) &&
			    (!is || half[i].turn > is->turn))
				is = &half[i];
		}
		if (is && is->len)
			h(is->data, is->len, header.alive, arg);
	}

	return 0;
}

static int file_read(int fd, uint8_t *p, size_t size)
{
	size_t len = 0;

	while (len < size) {
		const ssize_t n = read(fd, p + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EBADMSG;
		len += (size_t)n;
	}

	return 0;
}

int journal_read(const char *path, journal_h *h, void *arg)
{
	uint8_t *p = NULL;
	struct stat st;
	int fd, err = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno;

	if (fstat(fd, &st))
		err = errno;
	else if (!S_ISREG(st.st_mode) || st.st_size < SLOT ||
		 st.st_size > FILE_MAX)
		err = EBADMSG;
	if (!err) {
		p = malloc((size_t)st.st_size);
		err = p ? file_read(fd, p, (size_t)st.st_size) : ENOMEM;
	}
	if (!err)
		err = journal_scan(p, (size_t)st.st_size, h, arg);
	free(p);
	(void)close(fd);

	return err;
}

/* ---- what is here ---- */

static void destructor(void *arg)
{
	struct journal *j = arg;

	if (j->map) {
		(void)munmap(j->map, j->size);
		if (!j->left)
			(void)unlink(j->path);
	}
	mem_deref(j->path);
	mem_deref(j->used);
}

/* All of it on the disk now: a page that has no place there would kill us when
 * it is written to. */
static int reserve(int fd, unsigned *slots)
{
	int err;

	do {
		err = posix_fallocate(fd, 0, (off_t)(*slots + 1) * SLOT);
		if (!err || *slots <= SLOTS_MIN)
			return err;
		*slots /= 2;
		if (ftruncate(fd, 0))
			return errno;
	} while (err == ENOSPC || err == EFBIG);

	return err;
}

static int map(struct journal *j, const char *name)
{
	struct header header;
	void *p;
	int fd, err;

	(void)unlink(name);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;

	err = reserve(fd, &j->slots);
	if (err)
		goto out;

	j->size = (size_t)(j->slots + 1) * SLOT;
	p = mmap(NULL, j->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		err = errno;
		goto out;
	}

	memset(&header, 0, sizeof(header));
	memcpy(header.magic, magic, sizeof(magic));
	memcpy(p, &header, sizeof(header));
	if (rename(name, j->path)) {
		err = errno;
		(void)munmap(p, j->size);
		goto out;
	}
	j->map = p;
	journal_beat(j);

out:
	if (err)
		(void)unlink(name);
	(void)close(fd);

	return err;
}

int journal_alloc(struct journal **jp, const char *path, unsigned slots)
{
	struct journal *j;
	char *name = NULL;
	int err;

	j = mem_zalloc(sizeof(*j), destructor);
	if (!j)
		return ENOMEM;

	j->slots = MAX(MIN(slots, SLOTS_MAX), SLOTS_MIN);
	err = str_dup(&j->path, path);
	if (!err)
		err = re_sdprintf(&name, "%s.new", path);
	if (!err)
		err = map(j, name);
	if (!err) {
		j->used = mem_zalloc(j->slots * sizeof(*j->used), NULL);
		err = j->used ? 0 : ENOMEM;
	}
	mem_deref(name);
	if (err)
		mem_deref(j);
	else
		*jp = j;

	return err;
}

/* The lowest free ones are used first: what is not written to costs no
 * memory. */
static int slot_take(struct journal *j, int *slot)
{
	for (unsigned i = j->next; i < j->slots; i++) {
		if (j->used[i])
			continue;
		j->used[i] = true;
		j->next = i + 1;
		*slot = (int)i;
		return 0;
	}

	return ENOSPC;
}

static struct half *half_at(const struct journal *j, int slot, unsigned i)
{
	uint8_t *p = j->map + (size_t)(slot + 1) * SLOT;

	return (struct half *)(void *)(p + i * sizeof(struct half));
}

/* Over the older half; the sum makes it whole. */
static void half_write(struct journal *j, int slot, const void *p, size_t len)
{
	struct half *a = half_at(j, slot, 0), *b = half_at(j, slot, 1);
	struct half *h = a->turn <= b->turn ? a : b;

	h->sum = 0;
	h->turn = ++j->turn;
	h->len = (uint32_t)len;
	if (len)
		memcpy(h->data, p, len);
	h->sum = sum_of(h);
}

int journal_put(struct journal *j, int *slot, const void *p, size_t len)
{
	int err = 0;

	if (!j || !len)
		return EINVAL;
	if (len > JOURNAL_RECORD)
		return E2BIG;

	if (*slot == JOURNAL_NONE)
		err = slot_take(j, slot);
	if (!err)
		half_write(j, *slot, p, len);

	return err;
}

void journal_drop(struct journal *j, int *slot)
{
	if (!j || *slot == JOURNAL_NONE)
		return;

	half_write(j, *slot, NULL, 0);
	j->used[*slot] = false;
	j->next = MIN(j->next, (unsigned)*slot);
	*slot = JOURNAL_NONE;
}

void journal_leave(struct journal *j)
{
	if (j)
		j->left = true;
}

void journal_beat(struct journal *j)
{
	const uint64_t now = now_ms();

	if (j)
		memcpy(j->map + offsetof(struct header, alive), &now,
		       sizeof(now));
}
