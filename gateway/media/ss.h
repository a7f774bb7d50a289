/* ss.h: socket addresses, and desc_addr to and from them. */
#ifndef MEDIA_SS_H
#define MEDIA_SS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "sdp/desc.h"

enum { SS_TEXT_SIZE = 56 }; /* "[v6]:port" and a NUL */

socklen_t ss_len(const struct sockaddr_storage *ss);
/* false, and ss unset, when a has no family. */
bool ss_from_desc(struct sockaddr_storage *ss, const struct desc_addr *a);
void ss_to_desc(struct desc_addr *a, const struct sockaddr_storage *ss);
bool ss_ip_equal(const struct sockaddr_storage *a,
		 const struct sockaddr_storage *b);
bool ss_equal(const struct sockaddr_storage *a,
	      const struct sockaddr_storage *b);
uint16_t ss_port(const struct sockaddr_storage *ss);
void ss_set_port(struct sockaddr_storage *ss, uint16_t port);
bool ss_is_loopback(const struct sockaddr_storage *ss);
/* Is the address in the network?  Ports do not matter. */
bool ss_in_net(const struct sockaddr_storage *ss, const struct desc_addr *net,
	       unsigned prefix);
bool ss_is_private(const struct sockaddr_storage *ss); /* RFC 1918, 4193 */
/* One host, not unspecified, multicast or broadcast, and with a port? */
bool ss_is_unicast(const struct sockaddr_storage *ss);
/* "127.0.0.1:5"; "-" when unset. Returns buf. */
const char *ss_print(char buf[SS_TEXT_SIZE],
		     const struct sockaddr_storage *ss);
/* The address alone, as libnice wants it. */
const char *ss_print_ip(char buf[SS_TEXT_SIZE],
			const struct sockaddr_storage *ss);

#endif
