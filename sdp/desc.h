/* desc.h: what one side of a call can do and wants, and its text form, SDP
 * (RFC 8866, 3264).  No I/O, no globals, only libc: usable by others.
 *
 * A desc owns an arena: every list and string that hangs from it is freed with
 * it.  Lists are singly linked in wire order.  Strings end with NUL, are UTF-8
 * and hold no control character.  Strings point into the arena of the desc
 * that they hang from; never let one desc point into another: use the copy
 * functions. */
#ifndef SDP_DESC_H
#define SDP_DESC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DESC_MEDIA_MAX = 16,	 /* m-lines */
	DESC_FORMAT_MAX = 64,	 /* formats an m-line */
	DESC_CANDIDATE_MAX = 64, /* a transport */
	DESC_CRYPTO_MAX = 8,	 /* crypto lines an m-line */
	DESC_GROUP_MAX = 8,
	DESC_BYTES_MAX = 32768, /* of text */
	DESC_UFRAG_MAX = 256,	/* RFC 8839 5.4 */
};

enum desc_kind { DESC_AUDIO, DESC_VIDEO, DESC_OTHER };

/* From the view of the side whose desc it is. A bit mask. */
enum desc_dir {
	DESC_INACTIVE = 0,
	DESC_SENDONLY = 1,
	DESC_RECVONLY = 2,
	DESC_SENDRECV = 3,
};

/* a=setup, XEP-0320 setup (RFC 4145 4, 8842 5) */
enum desc_setup {
	DESC_SETUP_NONE,
	DESC_SETUP_ACTPASS,
	DESC_SETUP_ACTIVE,
	DESC_SETUP_PASSIVE,
	DESC_SETUP_HOLDCONN,
};

enum desc_proto { /* of an m-line, RFC 9429 5.1.2 */
		  DESC_RTP_AVP,
		  DESC_RTP_AVPF,
		  DESC_RTP_SAVP,
		  DESC_RTP_SAVPF,
		  DESC_TLS_SAVP,  /* UDP/TLS/RTP/SAVP */
		  DESC_TLS_SAVPF, /* UDP/TLS/RTP/SAVPF */
		  DESC_PROTO_OTHER,
};

struct desc_addr {
	uint8_t family; /* 4, 6, 0: none */
	uint8_t ip[16]; /* network order; IPv4 in the first four */
	uint16_t port;	/* host order */
};

enum candidate_type {
	CANDIDATE_HOST,
	CANDIDATE_SRFLX,
	CANDIDATE_PRFLX,
	CANDIDATE_RELAY,
};

/* A value: no pointers. RFC 8839 5.1, XEP-0176 5.3. */
struct candidate {
	char foundation[33]; /* ice-chars */
	uint8_t component;   /* 1..256: 1 or 2 in practice */
	bool tcp;	     /* survived, never used */
	uint32_t priority;
	struct desc_addr addr;
	enum candidate_type type;
	struct desc_addr rel; /* family 0: none */
	uint32_t generation;
	char id[33]; /* XEP-0176, may be empty */
	struct candidate *next;
};

enum fingerprint_hash {
	HASH_NONE,
	HASH_SHA1,
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
	HASH_OTHER, /* md5 and unknown: never accepted */
};

struct fingerprint { /* a value; RFC 8122 5 */
	enum fingerprint_hash hash;
	uint8_t len;
	uint8_t md[64];
};

enum crypto_suite {
	SUITE_NONE,
	SUITE_AEAD_AES_128_GCM, /* 28 bytes key and salt; RFC 7714 */
	SUITE_AEAD_AES_256_GCM, /* 44 */
	SUITE_CM128_SHA1_80,	/* 30; RFC 4568 */
	SUITE_CM128_SHA1_32,	/* 30 */
};

struct crypto { /* a value; RFC 4568 */
	unsigned tag;
	enum crypto_suite suite;
	uint8_t key[46]; /* key then salt */
	uint8_t keylen;
	struct crypto *next;
};

/* Where and how packets flow.  For SDP without ICE only addr, rtcp, mux and
 * cryptos mean something. */
struct transport {
	const char *ufrag, *pwd; /* NULL: none */
	struct candidate *candidates;
	unsigned candidatec;
	struct fingerprint fingerprint;
	enum desc_setup setup;
	struct crypto *cryptos;
	struct desc_addr addr; /* c= and port of m= */
	struct desc_addr rtcp; /* a=rtcp; family 0: port + 1 of addr */
	bool mux;	       /* a=rtcp-mux, <rtcp-mux/> */
	bool ice_lite;
	bool end_of_candidates;
};

struct param {
	const char *name, *value; /* either may be "" , never NULL */
	struct param *next;
};

struct rtcpfb {
	const char *type, *subtype; /* "nack","pli"; subtype may be "" */
	struct rtcpfb *next;
};

struct codec {
	uint8_t pt;	  /* 0..127 */
	const char *name; /* as written; compared without case */
	uint32_t clock;
	uint8_t channels;
	struct param *params; /* fmtp; telephone-event: one with name "" */
	struct rtcpfb *fbs;
	unsigned ptime, maxptime; /* ms; 0: not said */
	struct codec *next;
};

struct extmap {
	unsigned id;
	enum desc_dir dir;
	const char *uri;
	struct extmap *next;
};

struct source {
	uint32_t ssrc;
	struct param *params; /* cname, msid .. */
	struct source *next;
};

struct source_group {
	const char *semantics;
	uint32_t ssrc[8];
	unsigned n;
	struct source_group *next;
};

struct bandwidth {
	const char *type; /* AS: kbit/s, TIAS: bit/s */
	uint32_t value;
	struct bandwidth *next;
};

struct desc_media {
	const char *mid;   /* content name; "" when SDP has none */
	const char *media; /* "audio" .. as written */
	enum desc_kind kind;
	enum desc_proto proto;
	const char *proto_text; /* as written, for DESC_PROTO_OTHER */
	const char *fmt_text;	/* formats as written, ditto, or if no codec */
	enum desc_dir dir;
	bool rejected; /* SDP port 0; Jingle senders='none' keeps the m-line */
	bool creator_responder; /* Jingle creator='responder' */
	struct codec *codecs;
	unsigned codecc;
	struct extmap *extmaps;
	bool extmap_allow_mixed;
	struct rtcpfb *fbs; /* rtcp-fb:* */
	struct source *sources;
	struct source_group *source_groups;
	struct bandwidth *bandwidths;
	unsigned ptime, maxptime; /* ms; 0: not said */
	struct transport transport;
};

struct desc_group {		     /* BUNDLE only */
	uint8_t idx[DESC_MEDIA_MAX]; /* indices into media */
	unsigned n;
};

struct arena;

struct desc {
	struct arena *arena;
	struct desc_media *media[DESC_MEDIA_MAX];
	unsigned mediac;
	struct desc_group groups[DESC_GROUP_MAX];
	unsigned groupc;
	uint64_t origin_id, origin_version; /* o= */
};

/* errno results: EBADMSG malformed text, E2BIG over a limit above, ENOMEM. */
int desc_alloc(struct desc **dp);
void desc_free(struct desc *d); /* NULL is fine */
int desc_copy(struct desc **dp, const struct desc *d);
/* Do both say the same on the wire?  Candidate ids and creators are Jingle's
 * own and do not count; nor do the texts of formats that were understood. */
bool desc_equal(const struct desc *a, const struct desc *b);
/* Has no transport more candidates and no medium more codecs?  0: no limit. */
bool desc_is_within(const struct desc *d, unsigned candidates,
		    unsigned codecs);

/* Arena memory of d, zeroed; NULL when out of memory or over 1 MiB. */
void *desc_mem(struct desc *d, size_t size);
/* Copies at most len bytes; what is not UTF-8 or a control character becomes
 * '?'.  NULL as above. */
const char *desc_strn(struct desc *d, const char *s, size_t len);
const char *desc_str(struct desc *d, const char *s);

/* Append; the new element is returned by the first argument. */
int desc_media_add(struct desc_media **mp, struct desc *d, enum desc_kind kind,
		   const char *mid);
int desc_codec_add(struct codec **cp, struct desc *d, struct desc_media *m,
		   unsigned pt, const char *name, uint32_t clock,
		   unsigned channels);
int desc_param_add(struct desc *d, struct param **list, const char *name,
		   const char *value);
int desc_candidate_add(struct desc *d, struct transport *t,
		       const struct candidate *c);
int desc_crypto_add(struct desc *d, struct transport *t,
		    const struct crypto *c);
int desc_source_add(struct source **sp, struct desc *d, struct desc_media *m,
		    uint32_t ssrc);
/* Copies a codec with params, feedback and times into d under number pt. */
int desc_codec_copy(struct codec **cp, struct desc *d, struct desc_media *m,
		    const struct codec *from, unsigned pt);
int desc_transport_copy(struct desc *d, struct transport *to,
			const struct transport *from);

/* Codecs: same name (no case), clock and channels; H264 also the same
 * packetization-mode and profile (first 2 bytes of profile-level-id). */
bool codec_match(const struct codec *a, const struct codec *b);
const struct codec *codec_find(const struct codec *list,
			       const struct codec *like);
const struct codec *codec_find_name(const struct codec *list, const char *name,
				    uint32_t clock);
const struct codec *codec_find_pt(const struct codec *list, unsigned pt);
bool codec_is_event(const struct codec *c); /* telephone-event */
/* A codec that carries sound or pictures: not telephone-event, CN, red, rtx,
 * ulpfec, flexfec. */
bool codec_is_primary(const struct codec *c);
/* Value of a parameter, NULL if absent; names compared without case. */
const char *param_find(const struct param *list, const char *name);
/* Static payload types of RFC 3551 table 4/5: false if pt is not one. */
bool codec_static(unsigned pt, const char **name, uint32_t *clock,
		  unsigned *channels);

const struct desc_media *desc_media_find(const struct desc *d,
					 const char *mid);
/* Index in d->media of the first member of the group that holds m; m itself
 * when in none (RFC 8843: its transport counts). */
unsigned desc_group_first(const struct desc *d, unsigned m);
enum desc_dir desc_dir_reverse(enum desc_dir dir); /* sendonly<->recvonly */

/* Printers into a buffer: E2BIG if it is too small, EINVAL for a value that
 * has no text.
 *
 * Text of SDP.  Tolerant of what phones do wrong in harmless ways, strict on
 * limits; unknown lines are skipped. line: where it broke, for the error. */
int desc_decode(struct desc **dp, const char *text, size_t len,
		unsigned *line);
/* *textp is malloc'd, NUL terminated. sess: o= "- id version IN IP4 addr". */
int desc_encode(char **textp, size_t *lenp, const struct desc *d);

/* candidate-attribute without "a=" and without "candidate:" or with it.
 * ENOTSUP for names (.local), types and protocols that are not known. */
int candidate_decode(struct candidate *c, const char *s, size_t len);
int candidate_encode(char *buf, size_t size, const struct candidate *c);
/* crypto-attribute value: "1 AES_CM_128_HMAC_SHA1_80 inline:...".  ENOTSUP
 * for a suite or session parameter that is not supported, MKI included. */
int crypto_decode(struct crypto *c, const char *s, size_t len);
int crypto_encode(char *buf, size_t size, const struct crypto *c);
unsigned crypto_suite_keylen(enum crypto_suite suite);
const char *crypto_suite_name(enum crypto_suite suite);
enum crypto_suite crypto_suite_find(const char *name, size_t len);
/* "sha-256" and "AA:BB..", spaces trimmed. HASH_OTHER for unknown hashes. */
int fingerprint_decode(struct fingerprint *fp, const char *hash, size_t hl,
		       const char *value, size_t vl);
int fingerprint_encode(char *buf, size_t size, const struct fingerprint *fp);
const char *fingerprint_hash_name(enum fingerprint_hash hash);

/* Numeric IPv4 or IPv6 text only: EBADMSG for names (.local included).  The
 * port is left as it was. */
int desc_addr_decode(struct desc_addr *a, const char *s, size_t len);
int desc_addr_encode(char *buf, size_t size, const struct desc_addr *a);
bool desc_addr_equal(const struct desc_addr *a, const struct desc_addr *b);

/* fmtp text <-> params (protocol E.7): known forms split on ';', a lone token
 * without '=' is {"" , token}. */
int fmtp_decode(struct desc *d, struct param **list, const char *s,
		size_t len);
int fmtp_encode(char *buf, size_t size, const struct param *list);

#endif
