/* id.h: identifiers that an outsider cannot guess. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stddef.h>
#include <stdint.h>

enum { ID_UUID_SIZE = 37, ID_TAG_SIZE = 9 };

/* The tag of this instance: 8 hex digits, drawn once per process. */
const char *id_tag(void);

/* UUIDv4 text (RFC 9562) whose first 8 hex digits are id_tag(). */
void id_uuid(char buf[ID_UUID_SIZE]);

/* len - 1 characters of [a-z0-9], first a letter, and a NUL. */
void id_token(char *buf, size_t len);

uint64_t id_random(void);

#endif
