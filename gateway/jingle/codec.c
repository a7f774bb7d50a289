/* codec.c: small conversions that the Jingle codec is made of. */
#include "jingle/codec.h"

#include <errno.h>
#include <string.h>

int codec_text_check(const char *s, size_t max)
{
	size_t i;

	if (!s)
		return EBADMSG;

	for (i = 0; s[i]; i++) {
		if (i >= max)
			return E2BIG;
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return EBADMSG;
	}

	return 0;
}

int codec_text(const char **p, struct desc *d, const char *s, size_t max)
{
	int err = codec_text_check(s, max);

	if (err)
		return err;

	*p = desc_str(d, s);

	return *p ? 0 : ENOMEM;
}

bool codec_number(const char *s, uint32_t max, uint32_t *v)
{
	uint64_t n = 0;

	if (!s || !*s)
		return false;

	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > max)
			return false;
	}

	*v = (uint32_t)n;

	return true;
}

enum desc_dir codec_senders_decode(const char *senders, bool initiator)
{
	if (!senders || !strcmp(senders, "both"))
		return DESC_SENDRECV;
	if (!strcmp(senders, "initiator"))
		return initiator ? DESC_SENDONLY : DESC_RECVONLY;
	if (!strcmp(senders, "responder"))
		return initiator ? DESC_RECVONLY : DESC_SENDONLY;
	if (!strcmp(senders, "none"))
		return DESC_INACTIVE;

	return DESC_SENDRECV; /* the default of 7.3 */
}

const char *codec_senders_name(enum desc_dir dir, bool initiator)
{
	switch (dir) {
	case DESC_SENDONLY:
		return initiator ? "initiator" : "responder";
	case DESC_RECVONLY:
		return initiator ? "responder" : "initiator";
	case DESC_INACTIVE:
		return "none";
	default:
		return "both";
	}
}
