/* base_secret.c: passwords at rest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/compat.h"
#include "base/secret.h"
#include "suite.h"

static char dir[] = "/tmp/stoxd-secret-XXXXXX";
static char file[64];

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/key", dir);
}

static void teardown(void)
{
	(void)unlink(file);
	(void)rmdir(dir);
}

static void bytes(uint8_t *out, const char *hex)
{
	ck_assert_int_eq(0, str_hex(out, strlen(hex) / 2, hex));
}

/* The GCM specification of McGrew and Viega, test cases 13, 14 and 16. */
START_TEST(vectors)
{
	static const struct {
		const char *key, *nonce, *aad, *in, *out, *tag;
	} rows[] = {
	    {"000000000000000000000000000000000000000000000000"
	     "0000000000000000",
	     "000000000000000000000000", "", "", "",
	     "530f8afbc74536b9a963b4f1c4cb738b"},
	    {"000000000000000000000000000000000000000000000000"
	     "0000000000000000",
	     "000000000000000000000000", "",
	     "00000000000000000000000000000000",
	     "cea7403d4d606b6e074ec5d3baf39d18",
	     "d0d1c8a799996bf0265b98b5d48ab919"},
	    {"feffe9928665731c6d6a8f9467308308feffe9928665731c"
	     "6d6a8f9467308308",
	     "cafebabefacedbaddecaf888",
	     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da"
	     "2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
	     "b16aedf5aa0de657ba637b39",
	     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c9"
	     "7598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
	     "c5f61e6393ba7a0abcc9f662",
	     "76fc6ece0f4e1768cddf8853bb2d551b"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t key[32], nonce[12], aad[20], in[64], out[64], want[64];
		uint8_t tag[16], want_tag[16];
		const size_t n = strlen(rows[i].in) / 2;

		bytes(key, rows[i].key);
		bytes(nonce, rows[i].nonce);
		bytes(aad, rows[i].aad);
		bytes(in, rows[i].in);
		bytes(want, rows[i].out);
		bytes(want_tag, rows[i].tag);
		ck_assert_int_eq(0, secret_encrypt(key, nonce, (char *)aad,
						   strlen(rows[i].aad) / 2, in,
						   n, out, tag));
		ck_assert_mem_eq(out, want, n);
		ck_assert_mem_eq(tag, want_tag, 16);
	}
}
END_TEST

START_TEST(seals_and_opens)
{
	struct secret *s, *other;
	uint8_t *sealed, *again;
	size_t len, len2;
	struct stat st;
	char *text, path[80];

	ck_assert_int_eq(0, secret_alloc(&s, file));
	ck_assert_int_eq(0, stat(file, &st));
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(0, secret_seal(s, "a", "s3cret", &sealed, &len));
	ck_assert_int_eq(0, secret_seal(s, "a", "s3cret", &again, &len2));
	ck_assert_uint_eq(len, SECRET_EXTRA + 6u);
	ck_assert_int_ne(0, memcmp(sealed, again, len));
	ck_assert_ptr_null(memmem(sealed, len, "s3cret", 6));

	ck_assert_int_eq(0, secret_open(s, "a", sealed, len, &text));
	ck_assert_str_eq(text, "s3cret");
	mem_deref(text);
	ck_assert_int_eq(EBADMSG, secret_open(s, "b", sealed, len, &text));
	ck_assert_int_eq(EBADMSG, secret_open(s, "a", sealed, 5, &text));
	for (size_t i = 0; i < len; i++) {
		sealed[i] ^= 1;
		ck_assert_int_eq(EBADMSG,
				 secret_open(s, "a", sealed, len, &text));
		sealed[i] ^= 1;
	}

	/* the same file again, and another */
	mem_deref(s);
	ck_assert_int_eq(0, secret_alloc(&s, file));
	ck_assert_int_eq(0, secret_open(s, "a", sealed, len, &text));
	mem_deref(text);
	(void)snprintf(path, sizeof(path), "%s/other", dir);
	ck_assert_int_eq(0, secret_alloc(&other, path));
	ck_assert_int_eq(EBADMSG, secret_open(other, "a", sealed, len, &text));
	(void)unlink(path);

	mem_deref(again);
	ck_assert_int_eq(0, secret_seal(s, "a", "", &again, &len2));
	ck_assert_int_eq(0, secret_open(s, "a", again, len2, &text));
	ck_assert_str_eq(text, "");
	mem_deref(text);
	mem_deref(again);
	mem_deref(sealed);
	mem_deref(other);
	mem_deref(s);
}
END_TEST

static void write_key(const char *text, mode_t mode)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	(void)fputs(text, f);
	(void)fclose(f);
	(void)chmod(file, mode);
}

START_TEST(bad_files)
{
	static const char good[] = "00112233445566778899aabbccddeeff"
				   "00112233445566778899aabbccddeeff\n";
	struct secret *s;

	write_key("", 0600);
	ck_assert_int_eq(EBADMSG, secret_alloc(&s, file));
	write_key("0011", 0600);
	ck_assert_int_eq(EBADMSG, secret_alloc(&s, file));
	write_key("zz112233445566778899aabbccddeeff"
		  "00112233445566778899aabbccddeeff\n",
		  0600);
	ck_assert_int_eq(EBADMSG, secret_alloc(&s, file));
	write_key(good, 0644);
	ck_assert_int_eq(EACCES, secret_alloc(&s, file));
	write_key(good, 0640);
	ck_assert_int_eq(0, secret_alloc(&s, file));
	mem_deref(s);
	ck_assert_int_eq(EBADMSG, secret_alloc(&s, dir));
	ck_assert_int_eq(ENOENT, secret_alloc(&s, "/nonexistent/key"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, vectors);
	tcase_add_test(tc, seals_and_opens);
	tcase_add_test(tc, bad_files);

	return suite_run("secret", tc);
}
