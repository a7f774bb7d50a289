/* scan.h: slices of text and the few ways to read them; inside sdp/ only. */
#ifndef SDP_SCAN_H
#define SDP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deliberate bugs for judging the fuzz targets: make CPPFLAGS+=-DPLANT=n. */
#ifndef PLANT
#define PLANT 0
#endif

struct scan { /* a slice of somebody else's text */
	const char *p;
	size_t len;
};

struct scan scan_of(const char *s);
struct scan scan_trim(struct scan s); /* spaces and tabs at both ends */
/* Takes what stands before the first c off s, c included; all of s without. */
struct scan scan_until(struct scan *s, char c);
/* Takes the next word off s; empty at the end. */
struct scan scan_word(struct scan *s);

bool scan_is(struct scan s, const char *text);
bool scan_is_nocase(struct scan s, const char *text);
bool scan_is_token(struct scan s);     /* RFC 8866 9, token */
bool scan_is_ice_chars(struct scan s); /* RFC 8839 5.1, ice-char */
/* Decimal digits and nothing else; what is above max becomes
 * max (at least 9). */
bool scan_number(uint64_t *v, struct scan s, uint64_t max);
bool scan_u32(uint32_t *v, struct scan s);
/* 0..65535 or false: a port that saturates would be another port. */
bool scan_port(uint16_t *v, struct scan s);

#endif
