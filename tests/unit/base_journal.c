/* base_journal.c: records that outlive their process. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/compat.h"
#include "base/journal.h"
#include "suite.h"

enum { SLOT = 4096, HALF = 2048, HEAD = 24 };

static char dir[] = "/tmp/stoxd-journal.XXXXXX";
static char path[64];

struct seen {
	unsigned n;
	char text[8][JOURNAL_RECORD + 1];
	uint64_t alive;
};

static void note(const uint8_t *p, size_t len, uint64_t alive, void *arg)
{
	struct seen *s = arg;

	ck_assert_uint_le(len, JOURNAL_RECORD);
	memcpy(s->text[s->n % 8], p, len);
	s->text[s->n++ % 8][len] = '\0';
	s->alive = alive;
}

static unsigned seen(struct seen *s)
{
	memset(s, 0, sizeof(*s));
	ck_assert_int_eq(journal_read(path, note, s), 0);

	return s->n;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/calls", dir);
}

static void teardown(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

/* The file as it is, to be changed and scanned. */
static uint8_t *contents(size_t *len)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t *p;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	p = malloc((size_t)st.st_size);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(read(fd, p, (size_t)st.st_size), st.st_size);
	(void)close(fd);
	*len = (size_t)st.st_size;

	return p;
}

START_TEST(records_stay)
{
	struct journal *j;
	struct seen s;
	int a = JOURNAL_NONE, b = JOURNAL_NONE, c = JOURNAL_NONE;

	ck_assert_int_eq(journal_read(path, note, &s), ENOENT);
	ck_assert_int_eq(journal_alloc(&j, path, 1), 0);
	ck_assert_uint_eq(seen(&s), 0);
	ck_assert_int_eq(journal_put(j, &a, "one", 3), 0);
	ck_assert_int_eq(journal_put(j, &b, "two", 3), 0);
	ck_assert_int_eq(journal_put(j, &c, "three", 5), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(journal_put(j, &b, "second", 6), 0);
	journal_drop(j, &c);
	ck_assert_int_eq(c, JOURNAL_NONE);
	journal_drop(j, &c);
	ck_assert_uint_eq(seen(&s), 2);
	ck_assert_str_eq(s.text[0], "one");
	ck_assert_str_eq(s.text[1], "second");
	ck_assert(s.alive > 1600000000000);
	/* the slot is taken again */
	ck_assert_int_eq(journal_put(j, &c, "third", 5), 0);
	ck_assert_int_eq(c, 2);
	mem_deref(j);
	ck_assert_int_eq(journal_read(path, note, &s), ENOENT);
}
END_TEST

START_TEST(limits)
{
	static uint8_t big[JOURNAL_RECORD + 1];
	struct journal *j;
	struct seen s;
	int slot[65], n = 0;

	ck_assert_int_eq(journal_alloc(&j, path, 64), 0);
	memset(big, 'x', sizeof(big));
	for (int i = 0; i < 65; i++)
		slot[i] = JOURNAL_NONE;
	ck_assert_int_eq(journal_put(j, &slot[0], big, sizeof(big)), E2BIG);
	ck_assert_int_eq(journal_put(j, &slot[0], big, 0), EINVAL);
	ck_assert_int_eq(slot[0], JOURNAL_NONE);
	while (n < 65 && !journal_put(j, &slot[n], big, JOURNAL_RECORD))
		n++;
	ck_assert_int_eq(n, 64);
	ck_assert_int_eq(journal_put(j, &slot[64], "x", 1), ENOSPC);
	ck_assert_uint_eq(seen(&s), 64);
	/* too large a change leaves what was */
	ck_assert_int_eq(journal_put(j, &slot[3], big, sizeof(big)), E2BIG);
	ck_assert_uint_eq(seen(&s), 64);
	mem_deref(j);
	ck_assert_int_eq(journal_put(NULL, &slot[0], "x", 1), EINVAL);
	journal_drop(NULL, &slot[0]);
	journal_beat(NULL);
}
END_TEST

/* A record that was cut short at any byte leaves the one before. */
START_TEST(torn)
{
	struct journal *j;
	struct seen s;
	int slot = JOURNAL_NONE;
	uint8_t *p, *q;
	size_t len;

	ck_assert_int_eq(journal_alloc(&j, path, 64), 0);
	ck_assert_int_eq(journal_put(j, &slot, "before", 6), 0);
	p = contents(&len);
	ck_assert_int_eq(journal_put(j, &slot, "afterwards", 10), 0);
	q = contents(&len);
	for (size_t at = SLOT + HALF; at < SLOT + HALF + HEAD + 10; at++) {
		for (size_t k = at; k < SLOT + 2 * HALF; k++)
			p[k] = q[k];
		p[at] ^= 0x55; /* as it was before it was written, or worse */
		memset(&s, 0, sizeof(s));
		ck_assert_int_eq(journal_scan(p, len, note, &s), 0);
		ck_assert_uint_le(s.n, 1);
		if (s.n)
			ck_assert_str_eq(s.text[0], "before");
		p[at] ^= 0x55;
	}
	memset(&s, 0, sizeof(s));
	ck_assert_int_eq(journal_scan(q, len, note, &s), 0);
	ck_assert_str_eq(s.text[0], "afterwards");
	free(p);
	free(q);
	mem_deref(j);
}
END_TEST

START_TEST(not_ours)
{
	uint8_t page[2 * SLOT + 100];
	char other[sizeof(path) + 2];
	struct seen s = {0};
	struct journal *j;

	(void)snprintf(other, sizeof(other), "%s.o", path);

	memset(page, 0, sizeof(page));
	ck_assert_int_eq(journal_scan(page, sizeof(page), note, &s), EBADMSG);
	memcpy(page, "stoxd calls 1\n", 14);
	ck_assert_int_eq(journal_scan(page, 100, note, &s), EBADMSG);
	ck_assert_int_eq(journal_scan(page, SLOT, note, &s), 0);
	memset(page + SLOT, 0xff, SLOT + 100);
	ck_assert_int_eq(journal_scan(page, sizeof(page), note, &s), 0);
	page[12] = '2';
	ck_assert_int_eq(journal_scan(page, sizeof(page), note, &s), EBADMSG);
	ck_assert_uint_eq(s.n, 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(journal_read(path, note, &s), EBADMSG);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_ne(journal_read(path, note, &s), 0);
	ck_assert_int_eq(unlink(path), 0);
	/* nor one of ours by another name */
	ck_assert_int_eq(journal_alloc(&j, other, 1), 0);
	ck_assert_int_eq(journal_read(other, note, &s), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(journal_read(path, note, &s), ELOOP);
	mem_deref(j);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("journal");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, records_stay);
	tcase_add_test(t, limits);
	tcase_add_test(t, torn);
	tcase_add_test(t, not_ours);

	return suite_run("journal", t);
}
