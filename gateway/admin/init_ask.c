/* init_ask.c: questions on a terminal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "init_int.h"

/* Echo off; false where the terminal does not let us. */
static bool echo_stop(struct termios *was)
{
	struct termios now;

	if (tcgetattr(STDIN_FILENO, was))
		return false;

	now = *was;
	now.c_lflag &= ~(tcflag_t)ECHO;

	return !tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
}

static int line_read(char *buf, size_t size)
{
	char *nl;
	int c;

	if (!fgets(buf, (int)size, stdin))
		return ENODATA;

	nl = strchr(buf, '\n');
	if (!nl) { /* too long: the rest goes as well */
		while ((c = getchar()) != EOF && c != '\n')
			;
		return c == EOF && strlen(buf) + 1 < size ? 0 : E2BIG;
	}
	*nl = '\0';

	return 0;
}

int init_ask(char **answerp, const char *question, const char *dflt,
	     bool hidden)
{
	char buf[INIT_VALUE_MAX], *s = buf;
	struct termios was;
	bool quiet = false;
	size_t len;
	int err;

	/* before the question: who answers at once is not shown either */
	if (hidden)
		quiet = echo_stop(&was);
	if (dflt && *dflt)
		printf("%s [%s]: ", question, dflt);
	else
		printf("%s: ", question);
	(void)fflush(stdout);

	err = line_read(buf, sizeof(buf));
	if (quiet) {
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
		(void)putchar('\n');
	}
	if (!err) {
		s += strspn(s, " \t");
		len = strlen(s);
		while (len && strchr(" \t\r", s[len - 1]))
			s[--len] = '\0';
		if (!*s && !dflt)
			*answerp = mem_deref(*answerp);
		else
			err = str_dup(answerp, *s ? s : dflt);
	}
	explicit_bzero(buf, sizeof(buf));

	return err;
}
