/* secret.h: passwords at rest, AES-256-GCM under a key that stands in a file
 * of its own (D51). */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

enum {
	SECRET_KEY = 32,   /* bytes */
	SECRET_NONCE = 12, /* NIST SP 800-38D 5.2.1.1 */
	SECRET_TAG = 16,
	SECRET_EXTRA = 1 + SECRET_NONCE + SECRET_TAG,
};

struct secret; /* the key; a mem_ref object, wiped when it goes */

/* Reads 64 hexadecimal digits from the file, or makes it with a random key.
 * EACCES: everyone may read it; EBADMSG: not such a file; errno; logged. */
int secret_alloc(struct secret **sp, const char *file);

/* *sealed is a mem_ref object of *len bytes: version, nonce, text, tag.  What
 * was sealed for one owner does not open for another. */
int secret_seal(const struct secret *s, const char *owner, const char *text,
		uint8_t **sealed, size_t *len);
/* *text is a mem_ref string that is wiped when it goes.  EBADMSG: another
 * key, another owner, or damaged. */
int secret_open(const struct secret *s, const char *owner,
		const uint8_t *sealed, size_t len, char **text);

/* A copy that is wiped when it goes. */
int secret_dup(char **dp, const char *text);

/* The cipher alone, for test vectors: len bytes of in to out. */
int secret_encrypt(const uint8_t key[SECRET_KEY],
		   const uint8_t nonce[SECRET_NONCE], const char *aad,
		   size_t aad_len, const uint8_t *in, size_t len, uint8_t *out,
		   uint8_t tag[SECRET_TAG]);

#endif
