/* supervisor.h: what the service manager that started us is told: sd_notify(3)
 * without its library, a datagram of a few words. */
#ifndef BASE_SUPERVISOR_H
#define BASE_SUPERVISOR_H

#include <stdbool.h>

/* Reads NOTIFY_SOCKET and WATCHDOG_USEC, WATCHDOG_PID, and takes them out of
 * the environment.  Without them nothing is ever told. */
void supervisor_open(void);
bool supervisor_is_there(void);
/* ms within which it wants to hear WATCHDOG=1; 0: never. */
unsigned supervisor_watchdog(void);
/* "READY=1", "STATUS=..", several with a newline between.  Never waits. */
void supervisor_tell(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
/* "RELOADING=1" with the time that sd_notify(3) asks for. */
void supervisor_reloading(void);
void supervisor_close(void);

#endif
