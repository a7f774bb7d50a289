/* transport.c: <transport/> of a content: ICE and DTLS (XEP-0176 5, 0320;
 * protocol E.7, D40). */
#include "jingle/codec.h"

#include "base/compat.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* RFC 8839 5.1: ice-char = ALPHA / DIGIT / "+" / "/" */
static bool ice_chars(const char *s, size_t max)
{
	size_t i;

	for (i = 0; s[i]; i++) {
		if (i >= max)
			return false;
		if (!isalnum((unsigned char)s[i]) && s[i] != '+' &&
		    s[i] != '/')
			return false;
	}

	return i > 0;
}

static int credential(const char **p, struct desc *d, const char *s)
{
	if (!s || !*s)
		return 0;
	if (strlen(s) > DESC_UFRAG_MAX)
		return E2BIG;
	if (!ice_chars(s, DESC_UFRAG_MAX))
		return EBADMSG;

	*p = desc_str(d, s);

	return *p ? 0 : ENOMEM;
}

static const char *const types[] = {
    [CANDIDATE_HOST] = "host",
    [CANDIDATE_SRFLX] = "srflx",
    [CANDIDATE_PRFLX] = "prflx",
    [CANDIDATE_RELAY] = "relay",
};

static bool type_find(enum candidate_type *type, const char *name)
{
	size_t i;

	for (i = 0; name && i < sizeof(types) / sizeof(types[0]); i++) {
		if (!strcmp(types[i], name)) {
			*type = (enum candidate_type)i;
			return true;
		}
	}

	return false;
}

static bool address(struct desc_addr *a, const char *ip, const char *port)
{
	uint32_t v;

#if PLANT != 2
	if (!ip)
		return false;
#endif
	if (desc_addr_decode(a, ip, strlen(ip)))
		return false; /* a name: mDNS is dropped, never resolved */
	if (!codec_number(port, UINT16_MAX, &v))
		return false;
	a->port = (uint16_t)v;

	return true;
}

static bool foundation(struct candidate *c, const char *s)
{
#if PLANT == 3
	size_t i;

	for (i = 0; s && s[i]; i++)
		c->foundation[i] = s[i];
	return s != NULL;
#else
	if (!s || !ice_chars(s, sizeof(c->foundation) - 1))
		return false;
	memcpy(c->foundation, s, strlen(s));
	return true;
#endif
}

/* NCName without the letters beyond ASCII (XEP-0176 5.3, D40) */
static bool ncname(const char *s)
{
	size_t i;

	if (!isalpha((unsigned char)s[0]) && s[0] != '_')
		return false;
	for (i = 1; s[i]; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr("_-.", s[i]))
			return false;
	}

	return true;
}

/* False: one that no agent could use; such are left out, as ICE says. */
static bool candidate_read(struct candidate *c, const struct stanza *e)
{
	const char *protocol = stanza_attr(e, "protocol");
	const char *id = stanza_attr(e, "id");
	const char *rel = stanza_attr(e, "rel-addr");
	uint32_t v;

	memset(c, 0, sizeof(*c));
	if (!foundation(c, stanza_attr(e, "foundation")))
		return false;
	if (!codec_number(stanza_attr(e, "component"), 255, &v) || !v)
		return false;
	c->component = (uint8_t)v;
	if (!codec_number(stanza_attr(e, "priority"), UINT32_MAX,
			  &c->priority))
		return false;
	if (!type_find(&c->type, stanza_attr(e, "type")))
		return false;
	if (!protocol ||
	    (strcasecmp(protocol, "udp") && strncasecmp(protocol, "tcp", 3)))
		return false;
	c->tcp = strcasecmp(protocol, "udp") != 0;
	if (!address(&c->addr, stanza_attr(e, "ip"), stanza_attr(e, "port")))
		return false;

	if (rel && !address(&c->rel, rel, stanza_attr(e, "rel-port")))
		memset(&c->rel, 0, sizeof(c->rel));
	(void)codec_number(stanza_attr(e, "generation"), UINT32_MAX,
			   &c->generation);
	if (id && strlen(id) < sizeof(c->id) && *id && ncname(id))
		memcpy(c->id, id, strlen(id));

	return true;
}

static int candidates_decode(struct desc *d, struct transport *t,
			     const struct stanza *e)
{
	const struct stanza *c;
	struct candidate cand;
	unsigned n = 0;
	int err;

	for (c = stanza_child(e, "candidate", NS_JINGLE_ICE); c;
	     c = stanza_next(c, "candidate", NS_JINGLE_ICE)) {
		if (n++ >= DESC_CANDIDATE_MAX)
			return E2BIG;
		if (!candidate_read(&cand, c))
			continue;
		err = desc_candidate_add(d, t, &cand);
		if (err)
			return err;
	}

	return 0;
}

int codec_transport_decode(struct desc *d, struct transport *t,
			   const struct stanza *e)
{
	int err;

	err = credential(&t->ufrag, d, stanza_attr(e, "ufrag"));
	if (!err)
		err = credential(&t->pwd, d, stanza_attr(e, "pwd"));
	if (!err)
		err = candidates_decode(d, t, e);

	/* XEP-0371; nothing waits for it */
	t->end_of_candidates =
	    stanza_child(e, "gathering-complete", NULL) != NULL;

	return err;
}

/* ---- XEP-0320 ---- */

static const char *const setups[] = {
    [DESC_SETUP_ACTPASS] = "actpass",
    [DESC_SETUP_ACTIVE] = "active",
    [DESC_SETUP_PASSIVE] = "passive",
};

static enum desc_setup setup_find(const char *name)
{
	size_t i;

	for (i = DESC_SETUP_ACTPASS; name && i <= DESC_SETUP_PASSIVE; i++) {
		if (!strcmp(setups[i], name))
			return (enum desc_setup)i;
	}

	return DESC_SETUP_NONE;
}

/* Which of two to keep: SHA-2 before what is never accepted. */
static int worth(enum fingerprint_hash hash)
{
	switch (hash) {
	case HASH_SHA256:
	case HASH_SHA384:
	case HASH_SHA512:
		return 3;
	case HASH_SHA1:
		return 2;
	case HASH_OTHER:
		return 1;
	default:
		return 0;
	}
}

int codec_fingerprint_decode(struct transport *t, const struct stanza *e)
{
	const struct stanza *f;

	for (f = stanza_child(e, "fingerprint", NS_JINGLE_DTLS); f;
	     f = stanza_next(f, "fingerprint", NS_JINGLE_DTLS)) {
		const char *hash = stanza_attr(f, "hash");
		struct fingerprint fp;
		char *text = NULL;
		int err;

		if (!hash)
			return EBADMSG;
		err = stanza_text(&text, f);
		if (err)
			return err;
		memset(&fp, 0, sizeof(fp));
		err = fingerprint_decode(&fp, hash, strlen(hash), text,
					 strlen(text));
		mem_deref(text);
		if (err)
			return err;
		if (worth(fp.hash) <= worth(t->fingerprint.hash))
			continue;
		t->fingerprint = fp;
		t->setup = setup_find(stanza_attr(f, "setup"));
	}

	return 0;
}

static void fingerprint_write(struct stanza *e, const struct transport *t)
{
	char buf[3 * sizeof(t->fingerprint.md) + 1];
	struct stanza *f;

	if (t->fingerprint.hash == HASH_NONE ||
	    t->fingerprint.hash == HASH_OTHER)
		return;
	if (fingerprint_encode(buf, sizeof(buf), &t->fingerprint))
		return;

	f = stanza_add(e, "fingerprint", NS_JINGLE_DTLS);
	stanza_attr_set(f, "hash", fingerprint_hash_name(t->fingerprint.hash));
	if (t->setup >= DESC_SETUP_ACTPASS && t->setup <= DESC_SETUP_PASSIVE)
		stanza_attr_set(f, "setup", setups[t->setup]);
	stanza_text_add(f, buf);
}

/* An id that stays the same for the same candidate (FNV-1a). */
static uint32_t candidate_hash(const struct candidate *c)
{
	char text[96], ip[64] = "";
	uint32_t h = 2166136261u;
	int i, n;

	(void)desc_addr_encode(ip, sizeof(ip), &c->addr);
	n = snprintf(text, sizeof(text), "%s %u %u %u %u", ip,
		     (unsigned)c->addr.port, (unsigned)c->component,
		     (unsigned)c->type, (unsigned)c->generation);

	for (i = 0; i < n && (size_t)i < sizeof(text) - 1; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619u;

	return h;
}

static void candidate_write(struct stanza *e, const struct candidate *c)
{
	char ip[64], rel[64];
	struct stanza *x;

	if (c->tcp || desc_addr_encode(ip, sizeof(ip), &c->addr))
		return;

	x = stanza_add(e, "candidate", NS_JINGLE_ICE);
	stanza_attr_setf(x, "component", "%u", (unsigned)c->component);
	stanza_attr_set(x, "foundation", c->foundation);
	stanza_attr_setf(x, "generation", "%u", (unsigned)c->generation);
	if (*c->id && ncname(c->id))
		stanza_attr_set(x, "id", c->id);
	else
		stanza_attr_setf(x, "id", "c%08x",
				 (unsigned)candidate_hash(c));
	stanza_attr_set(x, "ip", ip);
	stanza_attr_setf(x, "port", "%u", (unsigned)c->addr.port);
	stanza_attr_setf(x, "priority", "%u", (unsigned)c->priority);
	stanza_attr_set(x, "protocol", "udp");
	stanza_attr_set(x, "type", types[c->type]);

	if (c->rel.family && !desc_addr_encode(rel, sizeof(rel), &c->rel)) {
		stanza_attr_set(x, "rel-addr", rel);
		stanza_attr_setf(x, "rel-port", "%u", (unsigned)c->rel.port);
	}
}

void codec_transport_encode(struct stanza *content, const struct transport *t)
{
	const struct candidate *c;
	struct stanza *e;

	e = stanza_add(content, "transport", NS_JINGLE_ICE);
	stanza_attr_set(e, "ufrag", t->ufrag);
	stanza_attr_set(e, "pwd", t->pwd);
	fingerprint_write(e, t);

	for (c = t->candidates; c; c = c->next)
		candidate_write(e, c);
}
