/* media_cmdq.c: commands change hands between threads: none is lost or twice
 * there, those of one thread stay in order, and what is in them was written
 * before it is read (ThreadSanitizer looks at that). */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include "media/cmdq.h"
#include "media/worker.h"

enum { PUSHERS = 3, EACH = 2000, WAIT = 10000 /* ms */ };

struct command {
	struct cmdq_item item; /* first */
	unsigned pusher, number;
	unsigned payload[8];
};

static struct worker *w;
static struct cmdq back;       /* from the worker to the test */
static unsigned next[PUSHERS]; /* the worker's own */

/* Each goes back as it came, but for a mark. */
static void command(struct worker *worker, struct cmdq_item *item)
{
	struct command *c = (struct command *)(void *)item;

	(void)worker;
	ck_assert_uint_eq(c->number, next[c->pusher]);
	ck_assert_uint_eq(c->payload[7], c->number);
	next[c->pusher]++;
	c->payload[0] = c->number + 1;
	cmdq_push(&back, item);
}

static void *push(void *arg)
{
	unsigned i, pusher = *(unsigned *)arg;
	struct command *c;

	for (i = 0; i < EACH; i++) {
		c = calloc(1, sizeof(*c));
		if (!c)
			abort();
		c->pusher = pusher;
		c->number = c->payload[7] = i;
		cmdq_push(&w->commands, &c->item);
	}

	return NULL;
}

static unsigned take_back(unsigned came[PUSHERS])
{
	struct cmdq_item *item, *following;
	struct command *c;
	unsigned n = 0;

	for (item = cmdq_take(&back, NULL); item; item = following, n++) {
		following = item->next;
		c = (struct command *)(void *)item;
		ck_assert_uint_eq(c->number, came[c->pusher]++);
		ck_assert_uint_eq(c->payload[0], c->number + 1);
		free(c);
	}

	return n;
}

START_TEST(test_hand_over)
{
	unsigned i, n = 0, which[PUSHERS], came[PUSHERS] = {0};
	pthread_t threads[PUSHERS];
	struct pollfd p = {.events = POLLIN};

	ck_assert_int_eq(cmdq_init(&back), 0);
	ck_assert_int_eq(worker_start(&w, NULL, command), 0);
	p.fd = back.fd;
	for (i = 0; i < PUSHERS; i++) {
		which[i] = i;
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, push, &which[i]), 0);
	}
	while (n < PUSHERS * EACH) {
		/* readable as long as something waits */
		ck_assert_int_eq(poll(&p, 1, WAIT), 1);
		n += take_back(came);
	}
	for (i = 0; i < PUSHERS; i++)
		(void)pthread_join(threads[i], NULL);
	ck_assert_uint_eq(cmdq_age(&w->commands), 0);
	worker_stop(w);
	ck_assert_uint_eq(take_back(came), 0);
	ck_assert_int_eq(poll(&p, 1, 0), 0); /* and no longer */
	ck_assert_uint_eq(n, PUSHERS * EACH);
	cmdq_close(&back);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("media_cmdq");
	TCase *tc = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_hand_over);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);

	return failed ? 1 : 0;
}
