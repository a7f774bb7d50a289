/* sslmem.h: memory of OpenSSL's buffers, apart from all other. */
#ifndef BASE_SSLMEM_H
#define BASE_SSLMEM_H

#include <stdbool.h>
#include <stddef.h>

/* Before anything of OpenSSL is used.  False: it stays as it is. */
bool sslmem_init(void);

/* As malloc and the like, which they become where there is no block. */
void *sslmem_alloc(size_t size);
void *sslmem_realloc(void *p, size_t size);
void sslmem_free(void *p);

#endif
