/* rtcpjson.h: an RTCP report as collectors (Homer) want it. */
#ifndef MEDIA_RTCPJSON_H
#define MEDIA_RTCPJSON_H

#include <stddef.h>
#include <stdint.h>

enum { RTCPJSON_MAX = 2048 };

/* The first SR or RR of a compound packet.  The length; 0: there is none. */
size_t rtcpjson_encode(char buf[RTCPJSON_MAX], const uint8_t *p, size_t len);

#endif
