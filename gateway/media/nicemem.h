/* nicemem.h: memory of libnice's large buffers, apart from all other. */
#ifndef MEDIA_NICEMEM_H
#define MEDIA_NICEMEM_H

#include <stdbool.h>

/* From now on; before, and where it returns false, they are malloc's. */
bool nicemem_start(void);

/* How many there are, of the whole process. */
unsigned nicemem_held(void);

#endif
