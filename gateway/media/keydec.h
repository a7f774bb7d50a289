/* keydec.h: OpenSSL for DTLS, which decodes keys of certificates quickly. */
#ifndef MEDIA_KEYDEC_H
#define MEDIA_KEYDEC_H

#include <openssl/types.h>
#include <stdbool.h>

/* From now on; any number of times. False: OpenSSL goes on as it comes. */
bool keydec_start(void);

/* What handshakes are to be made with; NULL: OpenSSL's own default. */
OSSL_LIB_CTX *keydec_lib(void);

#endif
