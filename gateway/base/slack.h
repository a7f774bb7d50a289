/* slack.h: memory that calls leave behind goes back to the system. */
#ifndef BASE_SLACK_H
#define BASE_SLACK_H

/* A call begins, and ends.  Signalling thread only. */
void slack_add(void);
void slack_drop(void);

/* How often memory was given back. */
unsigned slack_count(void);

void slack_close(void);

#endif
