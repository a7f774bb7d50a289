/* base_id.c: form and spread of identifiers. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "suite.h"

START_TEST(tag_is_constant_hex)
{
	char first[ID_TAG_SIZE];

	ck_assert_uint_eq(strlen(id_tag()), 8);
	ck_assert_uint_eq(strspn(id_tag(), "0123456789abcdef"), 8);
	memcpy(first, id_tag(), sizeof(first));
	ck_assert_str_eq(first, id_tag());
}
END_TEST

START_TEST(uuid_form)
{
	char a[ID_UUID_SIZE], b[ID_UUID_SIZE];
	size_t i;

	for (int n = 0; n < 1000; n++) {
		id_uuid(a);
		id_uuid(b);
		ck_assert_str_ne(a, b);
		ck_assert_uint_eq(strlen(a), 36);
		ck_assert_int_eq(0, strncmp(a, id_tag(), 8));
		for (i = 0; i < 36; i++) {
			bool dash = i == 8 || i == 13 || i == 18 || i == 23;

			ck_assert(dash ? a[i] == '-'
				       : isxdigit((unsigned char)a[i]) &&
					     !isupper((unsigned char)a[i]));
		}
		ck_assert_int_eq(a[14], '4');
		ck_assert_ptr_nonnull(strchr("89ab", a[19]));
	}
}
END_TEST

START_TEST(token_form)
{
	char t[17] = "", u[17] = "", one[1] = {'x'};
	bool seen[256] = {false};
	size_t i, n = 0;

	for (int k = 0; k < 2000; k++) {
		id_token(t, sizeof(t));
		ck_assert_str_ne(t, u);
		memcpy(u, t, sizeof(u));
		ck_assert_uint_eq(strlen(t), 16);
		ck_assert(islower((unsigned char)t[0]));
		for (i = 0; i < 16; i++)
			seen[(unsigned char)t[i]] = true;
	}
	for (i = 0; i < 256; i++)
		n += seen[i];
	ck_assert_uint_eq(n, 36);

	id_token(one, 1);
	ck_assert_int_eq(one[0], '\0');
	id_token(t, 0);
	ck_assert_str_eq(t, u);
}
END_TEST

START_TEST(random_differs)
{
	ck_assert(id_random() != id_random());
}
END_TEST

/* What was drawn ahead is the parent's: neither its child, nor a child of
 * that one, gives out the same. */
static void in_a_child(int fd, unsigned depth)
{
	uint64_t v;

	if (depth)
		(void)id_random();
	if (!fork()) {
		v = id_random();
		if (write(fd, &v, sizeof(v)) != sizeof(v))
			_exit(1);
		if (depth)
			in_a_child(fd, depth - 1);
		_exit(0);
	}
	(void)wait(NULL);
}

START_TEST(a_child_draws_its_own)
{
	uint64_t v[4];
	int fds[2];

	(void)id_random();
	ck_assert_int_eq(0, pipe(fds));
	in_a_child(fds[1], 1);
	ck_assert_int_eq(sizeof(v[0]), read(fds[0], &v[0], sizeof(v[0])));
	ck_assert_int_eq(sizeof(v[1]), read(fds[0], &v[1], sizeof(v[1])));
	v[2] = id_random();
	v[3] = id_random();
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < i; k++)
			ck_assert(v[i] != v[k]);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("id");

	tcase_add_test(tc, tag_is_constant_hex);
	tcase_add_test(tc, uuid_form);
	tcase_add_test(tc, token_form);
	tcase_add_test(tc, random_differs);
	tcase_add_test(tc, a_child_draws_its_own);

	return suite_run("base_id", tc);
}
