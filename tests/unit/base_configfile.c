/* base_configfile.c: configuration and secrets that stand in files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "said.h"

#define TRUNK "[trunk pbx]\nuri = sip:10.1.2.3\n"

static char dir[] = "/tmp/stoxd-config-XXXXXX";

static void file_make(const char *name, const char *text, mode_t mode)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)strlen(text),
			 (int)write(fd, text, strlen(text)));
	ck_assert_int_eq(0, fchmod(fd, mode));
	ck_assert_int_eq(0, close(fd));
}

static int load(struct config **cp)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/a.conf", dir);
	said_clear();

	return config_load(cp, path, &pf);
}

static void dir_make(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void dir_drop(void)
{
	static const char *const names[] = {"a.conf", "s", "p", "c"};
	char path[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

#define FILES                                                                 \
	"[xmpp]\ncomponent = sip.x.test\nsecret_file = s\ntls = yes\ntls_ca " \
	"= c\n"                                                               \
	"domains = x.test\n" TRUNK "username = u\npassword_file = p\n"

START_TEST(secrets_from_files)
{
	struct config *c = NULL;
	char path[128], *s;

	file_make("a.conf", FILES, 0600);
	file_make("s", "top secret \nsecond line\n", 0600);
	file_make("p", "pass\r\n", 0640);
	file_make("c", "x", 0644);
	ck_assert_msg(load(&c) == 0, "%s", said);
	ck_assert_str_eq(c->xmpp->secret, "top secret ");
	ck_assert_str_eq(c->trunk->password, "pass");
	(void)snprintf(path, sizeof(path), "%s/c", dir);
	ck_assert_str_eq(c->xmpp->tls_ca, path);
	ck_assert_str_eq(c->dir, dir);

	s = shown(c);
	ck_assert_ptr_null(strstr(s, "top secret"));
	mem_deref(s);
	mem_deref(c);
}
END_TEST

START_TEST(secrets_from_bad_files)
{
	char big[1100], want[512];
	struct config *c = NULL;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	file_make("a.conf", FILES, 0600);
	file_make("s", "top secret\n", 0644);
	file_make("p", "\nsecond\n", 0600);
	file_make("c", "x", 0644);
	ck_assert_int_eq(EBADMSG, load(&c));
	(void)snprintf(
	    want, sizeof(want),
	    "%s/a.conf:3: secret_file names a file that everyone may "
	    "read; chmod 600 it, got \"s\"; see stoxd.conf(5), [xmpp] "
	    "secret_file\n"
	    "%s/a.conf:10: password_file names a file whose first line "
	    "is empty, got \"p\"; see stoxd.conf(5), [trunk NAME] "
	    "password_file\n",
	    dir, dir);
	ck_assert_str_eq(said, want);
	ck_assert_ptr_null(c);

	file_make("s", big, 0600);
	ck_assert_int_eq(EBADMSG, load(&c));
	ck_assert_ptr_nonnull(strstr(said, "whose first line is too "
					   "long, got \"s\"; see "));
}
END_TEST

START_TEST(no_file)
{
	struct config *c = NULL;
	char want[256];

	ck_assert_int_eq(ENOENT, load(&c));
	(void)snprintf(want, sizeof(want),
		       "%s/a.conf: cannot be read, No such file or "
		       "directory; \"stoxd init\" writes a first one\n",
		       dir);
	ck_assert_str_eq(said, want);
	ck_assert_int_eq(EISDIR, config_load(&c, dir, &pf));
	ck_assert_int_eq(EINVAL, config_load(NULL, dir, &pf));
	ck_assert_int_eq(EINVAL, config_parse(&c, NULL, "", 0, &pf));
	ck_assert_int_eq(EBADMSG, config_parse(&c, "x", "", 0, NULL));
}
END_TEST

int main(void)
{
	TCase *files = tcase_create("files");

	tcase_add_checked_fixture(files, dir_make, dir_drop);
	tcase_add_test(files, secrets_from_files);
	tcase_add_test(files, secrets_from_bad_files);
	tcase_add_test(files, no_file);

	return suite_run("base_configfile", files);
}
