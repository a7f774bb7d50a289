/* spare.h: what is done with connections when descriptors have run out.
 *
 * Who listens is told of a connection again and again until it is taken, which
 * keeps a loop busy when there is no descriptor for it.  So one is held back:
 * it takes the connection and ends it.  This holds for every accept() of the
 * process, those of libraries too. */
#ifndef BASE_SPARE_H
#define BASE_SPARE_H

/* Before anybody listens.  errno. */
int spare_open(void);
void spare_close(void);

#endif
