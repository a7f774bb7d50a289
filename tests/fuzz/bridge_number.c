/* bridge_number.c: numbers of any bytes: what is read is a number, and what
 * is dialled means the same number again. */
#include <stdlib.h>
#include <string.h>
#include "bridge/number.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static char de[] = "49", us[] = "1", dk[] = "45", abroad[] = "00";
static char us_abroad[] = "011", zero[] = "0", code[] = "115*";
static char *codes[] = {code};

static const struct config_numbers plans[] = {
    {de, abroad, zero, codes, 1, 6}, {us, us_abroad, us, NULL, 0, 4},
    {dk, abroad, NULL, NULL, 0, 0},  {NULL, abroad, NULL, NULL, 0, 15},
    {NULL, NULL, NULL, NULL, 0, 0},
};

static void check_number(const struct number *n)
{
	const size_t len = strlen(n->text);

	if (len >= NUMBER_MAX || strpbrk(n->text, "-.() /"))
		abort();
	if (n->kind == NUMBER_GLOBAL &&
	    (n->text[0] != '+' || n->text[1] == '0' || len < 3 ||
	     len > NUMBER_DIGITS + 1 ||
	     n->text[1 + strspn(n->text + 1, "0123456789")]))
		abort();
}

/* A number of the world stays what it is when its own plan dials it, but for
 * what that plan takes for short. */
static void there_and_back(const struct number *n,
			   const struct config_numbers *plan,
			   enum config_dial dial)
{
	char text[NUMBER_MAX];
	struct number again;

	if (n->kind != NUMBER_GLOBAL || dial == CONFIG_DIAL_DIGITS ||
	    !plan->international ||
	    number_encode(text, n, plan, dial, NULL, NULL))
		return;
	if (number_decode(&again, plan, text) || again.kind == NUMBER_SHORT)
		return;
	if (again.kind == NUMBER_GLOBAL && plan->national &&
	    strcmp(again.text, n->text))
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const struct config_numbers *plan;
	char *text, add[NUMBER_MAX], out[NUMBER_MAX];
	enum config_dial dial;
	struct number n;

	if (size < 3)
		return 0;

	plan = &plans[data[0] % 5];
	dial = (enum config_dial)(data[1] % 5);
	memset(add, '9', sizeof(add));
	add[data[2] % sizeof(add)] = '\0';
	text = malloc(size - 2);
	if (!text)
		return 0;
	memcpy(text, data + 3, size - 3);
	text[size - 3] = '\0';

	if (!number_decode(&n, plan, text)) {
		check_number(&n);
		there_and_back(&n, plan, dial);
		if (!number_encode(out, &n, plan, dial, add, NULL) &&
		    strlen(out) >= NUMBER_MAX)
			abort();
		if (!number_encode(out, &n, plan, dial, NULL, add) &&
		    strlen(out) >= NUMBER_MAX)
			abort();
	}
	free(text);

	return 0;
}
