/* secret.c: AES-256-GCM under a key file. */
#include "base/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/compat.h"
#include "base/log.h"

enum {
	VERSION_1 = 1,		 /* first byte of what was sealed */
	DIGITS = 2 * SECRET_KEY, /* of the file */
	SEALED_MAX = 4096,	 /* bytes */
	FILE_MODE = S_IRUSR | S_IWUSR,
};

struct secret {
	uint8_t key[SECRET_KEY];
};

static void destructor(void *arg)
{
	struct secret *s = arg;

	explicit_bzero(s->key, sizeof(s->key));
}

static void text_destructor(void *arg)
{
	explicit_bzero(arg, strlen(arg));
}

static int text_alloc(char **tp, const void *text, size_t len)
{
	char *t = mem_zalloc(len + 1, text_destructor);

	if (!t)
		return ENOMEM;

	memcpy(t, text, len);
	*tp = t;

	return 0;
}

int secret_dup(char **dp, const char *text)
{
	return text_alloc(dp, text, strlen(text));
}

/* Looked up once: each look-up costs more than the cipher. */
static EVP_CIPHER *gcm;
static pthread_once_t gcm_once = PTHREAD_ONCE_INIT;

static void gcm_fetch(void)
{
	gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

static const EVP_CIPHER *cipher(void)
{
	(void)pthread_once(&gcm_once, gcm_fetch);

	return gcm ? gcm : EVP_aes_256_gcm();
}

int secret_encrypt(const uint8_t key[SECRET_KEY],
		   const uint8_t nonce[SECRET_NONCE], const char *aad,
		   size_t aad_len, const uint8_t *in, size_t len, uint8_t *out,
		   uint8_t tag[SECRET_TAG])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, ok;

	ok = c && EVP_EncryptInit_ex(c, cipher(), NULL, key, nonce);
	if (ok && aad_len)
		ok = EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)aad,
				       (int)aad_len);
	if (ok && len)
		ok = EVP_EncryptUpdate(c, out, &n, in, (int)len);
	ok = ok && EVP_EncryptFinal_ex(c, out + len, &n) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, SECRET_TAG, tag);
	EVP_CIPHER_CTX_free(c);

	return ok ? 0 : ENOMEM;
}

static int decrypt(const uint8_t *key, const uint8_t *nonce, const char *aad,
		   const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t tag[SECRET_TAG];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, ok;

	if (!c)
		return ENOMEM;

	memcpy(tag, in + len, sizeof(tag));
	ok = EVP_DecryptInit_ex(c, cipher(), NULL, key, nonce) &&
	     EVP_DecryptUpdate(c, NULL, &n, (const uint8_t *)aad,
			       (int)strlen(aad));
	if (ok && len)
		ok = EVP_DecryptUpdate(c, out, &n, in, (int)len);
	ok = ok &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, SECRET_TAG, tag) &&
	     EVP_DecryptFinal_ex(c, out + len, &n) > 0;
	EVP_CIPHER_CTX_free(c);

	return ok ? 0 : EBADMSG;
}

int secret_seal(const struct secret *s, const char *owner, const char *text,
		uint8_t **sealed, size_t *lenp)
{
	const size_t len = text ? strlen(text) : 0;
	uint8_t *p, *nonce, *body;
	int err;

	if (!s || !owner || !text || len > SEALED_MAX - SECRET_EXTRA)
		return EINVAL;

	p = mem_zalloc(SECRET_EXTRA + len, NULL);
	if (!p)
		return ENOMEM;

	nonce = p + 1;
	body = nonce + SECRET_NONCE;
	p[0] = VERSION_1;
	err = RAND_bytes(nonce, SECRET_NONCE) == 1 ? 0 : EIO;
	if (!err)
		err = secret_encrypt(s->key, nonce, owner, strlen(owner),
				     (const uint8_t *)text, len, body,
				     body + len);
	if (err) {
		mem_deref(p);
		return err;
	}

	*sealed = p;
	*lenp = SECRET_EXTRA + len;

	return 0;
}

int secret_open(const struct secret *s, const char *owner,
		const uint8_t *sealed, size_t len, char **text)
{
	uint8_t plain[SEALED_MAX];
	size_t n;
	int err;

	if (!s || !owner || !text)
		return EINVAL;
	if (!sealed || len < SECRET_EXTRA || len > SEALED_MAX ||
	    sealed[0] != VERSION_1)
		return EBADMSG;

	n = len - SECRET_EXTRA;
	err = decrypt(s->key, sealed + 1, owner, sealed + 1 + SECRET_NONCE, n,
		      plain);
	if (!err && memchr(plain, '\0', n))
		err = EBADMSG;
	if (!err)
		err = text_alloc(text, plain, n);
	explicit_bzero(plain, n);

	return err;
}

/* ---- the file ---- */

static int key_read(struct secret *s, int fd)
{
	char text[DIGITS + 1] = "";
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return EBADMSG;
	if (st.st_mode & (S_IROTH | S_IWOTH))
		return EACCES;
	if (read(fd, text, DIGITS) != DIGITS ||
	    strspn(text, "0123456789abcdefABCDEF") != DIGITS)
		err = EBADMSG;
	if (!err)
		err = str_hex(s->key, sizeof(s->key), text);
	explicit_bzero(text, sizeof(text));

	return err;
}

/* Whole and on the disk, or not there: a key that is lost after its first use
 * loses every password. */
static int key_make(const char *file)
{
	char text[DIGITS + 2];
	uint8_t key[SECRET_KEY];
	char *tmp = NULL;
	int fd = -1, err = 0;

	if (RAND_bytes(key, sizeof(key)) != 1)
		return EIO;
	if (re_sdprintf(&tmp, "%s.new", file))
		return ENOMEM;

	(void)re_snprintf(text, sizeof(text), "%w\n", key, sizeof(key));
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0 || write(fd, text, DIGITS + 1) != DIGITS + 1 || fsync(fd) ||
	    link(tmp, file))
		err = errno ? errno : EIO;
	if (fd >= 0)
		(void)close(fd);
	(void)unlink(tmp);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
	mem_deref(tmp);

	return err == EEXIST ? 0 : err;
}

int secret_alloc(struct secret **sp, const char *file)
{
	struct secret *s;
	int fd, err = 0;

	if (!sp || !file)
		return EINVAL;

	s = mem_zalloc(sizeof(*s), destructor);
	if (!s)
		return ENOMEM;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		err = key_make(file);
		if (!err)
			log_info("store: made the key file %s; keep a copy\n",
				 file);
		fd = err ? -1
			 : open(file,
				O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	}
	if (fd < 0 && !err)
		err = errno;
	if (!err)
		err = key_read(s, fd);
	if (fd >= 0)
		(void)close(fd);

	if (err) {
		log_error("store: key file %s: %s\n", file,
			  err == EBADMSG  ? "not 64 hexadecimal digits"
			  : err == EACCES ? "everyone may read it, or we may "
					    "not; chmod 600 it"
					  : strerror(err));
		mem_deref(s);
	} else {
		*sp = s;
	}

	return err;
}
