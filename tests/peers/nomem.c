/* nomem.c: preloaded, refuses the allocation number NTH, and with STEP each
 * STEP-th after it: those of the program itself, of libre and of expat.  Never
 * those of GLib, which ends the process by design. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES_MAX = 64, DEPTH = 40 };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static struct {
	uintptr_t from, to;
} range[RANGES_MAX];
static int ranges;
static bool ready;
static atomic_long count;
static long nth, step;

/* The parts of an object that hold code. */
static int object_add(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;

	if (info->dlpi_name[0] && !strstr(info->dlpi_name, "libre.so") &&
	    !strstr(info->dlpi_name, "libexpat"))
		return 0;

	for (int i = 0; i < info->dlpi_phnum && ranges < RANGES_MAX; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		range[ranges].from = info->dlpi_addr + ph->p_vaddr;
		range[ranges].to = range[ranges].from + ph->p_memsz;
		ranges++;
	}

	return 0;
}

/* Where it was, on standard error. */
static void crashed(int sig)
{
	void *at[DEPTH];

	backtrace_symbols_fd(at, backtrace(at, DEPTH), 2);
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

__attribute__((constructor)) static void start(void)
{
	const char *n = getenv("NTH"), *s = getenv("STEP");
	void *at[1];

	nth = n ? atol(n) : 0;
	step = s ? atol(s) : 0;
	(void)backtrace(at, 1); /* loads what it needs now */
	(void)signal(SIGSEGV, crashed);
	(void)signal(SIGABRT, crashed);
	(void)dl_iterate_phdr(object_add, NULL);
	ready = true;
}

static bool refuse(const void *caller)
{
	const uintptr_t p = (uintptr_t)caller;
	bool ours = false;
	long n;

	if (!ready || !nth)
		return false;

	for (int i = 0; i < ranges && !ours; i++)
		ours = p >= range[i].from && p < range[i].to;
	if (!ours)
		return false;

	n = atomic_fetch_add(&count, 1) + 1;
	return n == nth || (step && n > nth && (n - nth) % step == 0);
}

void *malloc(size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL
						   : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL
						   : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL
						   : __libc_realloc(p, size);
}
