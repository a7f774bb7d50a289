/* codec.h: what the files of the Jingle codec share; for them alone. */
#ifndef JINGLE_CODEC_H
#define JINGLE_CODEC_H

#include "jingle/jingle.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, which fuzzing must find */
#endif

enum {
	CODEC_NAME_MAX = 256,	/* bytes of a name or a short value */
	CODEC_VALUE_MAX = 2048, /* bytes of a parameter's value */
	CODEC_PARAM_MAX = 64,	/* parameters of a codec or source */
	CODEC_FB_MAX = 32,	/* rtcp-fb of a codec or media */
	CODEC_EXTMAP_MAX = 32,
	CODEC_SOURCE_MAX = 64,
	CODEC_BANDWIDTH_MAX = 8,
};

/* Copies outside text into d.  EBADMSG: absent or with control characters,
 * E2BIG: over max bytes, ENOMEM. */
int codec_text(const char **p, struct desc *d, const char *s, size_t max);
/* Only the checks of codec_text. */
int codec_text_check(const char *s, size_t max);
/* Decimal digits alone, at most max. */
bool codec_number(const char *s, uint32_t max, uint32_t *v);

/* XEP-0166 7.3: 'senders' names roles; a direction is the speaker's. */
enum desc_dir codec_senders_decode(const char *senders, bool initiator);
const char *codec_senders_name(enum desc_dir dir, bool initiator);

/* The <description/> of one content, XEP-0167. */
int codec_description_decode(struct desc *d, struct desc_media *m,
			     const struct stanza *e, bool initiator);
void codec_description_encode(struct stanza *content,
			      const struct desc_media *m, bool initiator);

/* <payload-type/> with its parameters and feedback. */
int codec_payload_decode(struct desc *d, struct desc_media *m,
			 const struct stanza *e);
void codec_payload_encode(struct stanza *description, const struct codec *c,
			  const struct desc_media *m);
/* XEP-0293: rtcp-fb and rtcp-fb-trr-int children of e. */
int codec_feedback_decode(struct desc *d, struct rtcpfb **list,
			  const struct stanza *e);
void codec_feedback_encode(struct stanza *e, const struct rtcpfb *list);

/* The <transport/> of one content, XEP-0176 and XEP-0320. */
int codec_transport_decode(struct desc *d, struct transport *t,
			   const struct stanza *e);
int codec_fingerprint_decode(struct transport *t, const struct stanza *e);
void codec_transport_encode(struct stanza *content, const struct transport *t);

#endif
