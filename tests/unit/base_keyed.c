/* base_keyed.c: hashes under a secret key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/keyed.h"
#include "suite.h"

/* The vectors of the paper's reference program: key 00..0f, data 00..n-1. */
START_TEST(vectors)
{
	static const uint64_t want[] = {
	    [0] = 0x726fdb47dd0e0e31ULL,  [1] = 0x74f839c593dc67fdULL,
	    [7] = 0xab0200f58b01d137ULL,  [8] = 0x93f5f5799a932462ULL,
	    [15] = 0xa129ca6149be45e5ULL,
	};
	const uint64_t key[2] = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
	uint8_t data[16];

	for (uint8_t i = 0; i < sizeof(data); i++)
		data[i] = i;
	for (size_t n = 0; n < ARRAY_SIZE(want); n++) {
		if (want[n])
			ck_assert_uint_eq(keyed_siphash(key, data, n),
					  want[n]);
	}
}
END_TEST

START_TEST(same_text)
{
	struct pl pl;

	pl_set_str(&pl, "alice@example.com");
	ck_assert_uint_eq(keyed_pl(&pl), keyed_str("alice@example.com"));
	ck_assert_uint_ne(keyed_str("alice"), keyed_str("alicf"));
	pl.l = 0;
	ck_assert_uint_eq(keyed_pl(&pl), keyed_str(""));
}
END_TEST

/* Another process has another key. */
START_TEST(another_key)
{
	uint32_t theirs[2] = {0, 0};

	for (unsigned i = 0; i < 2; i++) {
		int fds[2];
		pid_t pid;

		ck_assert_int_eq(pipe(fds), 0);
		pid = fork();
		if (!pid) {
			const uint32_t h = keyed_str("alice@example.com");

			_exit(write(fds[1], &h, sizeof(h)) != sizeof(h));
		}
		ck_assert_int_eq(read(fds[0], &theirs[i], sizeof(theirs[i])),
				 sizeof(theirs[i]));
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	ck_assert_uint_ne(theirs[0], theirs[1]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("keyed");

	tcase_add_test(tc, vectors);
	tcase_add_test(tc, same_text);
	tcase_add_test(tc, another_key);

	return suite_run("base_keyed", tc);
}
