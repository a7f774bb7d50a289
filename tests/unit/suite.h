/* suite.h: what every unit program ends with. */
#ifndef UNIT_SUITE_H
#define UNIT_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs cases, the last of them NULL: what main() returns. */
static inline int suite_of(const char *name, TCase *const cases[])
{
	Suite *s = suite_create(name);
	SRunner *sr;
	int failed;

	while (*cases)
		suite_add_tcase(s, *cases++);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define suite_run(name, ...) suite_of(name, (TCase *[]){__VA_ARGS__, NULL})

#endif
