/* Loaded before libc (LD_PRELOAD): the wall clock of one process is off by as many seconds as
   CLOCK_OFFSET_SECONDS says. The monotonic clock, which nobody can set, is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long offset_seconds(void) {
    const char *given = getenv("CLOCK_OFFSET_SECONDS");
    return given == NULL ? 0 : atol(given);
}

int clock_gettime(clockid_t clock, struct timespec *moment) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, moment);
    if (code == 0 && clock == CLOCK_REALTIME) moment->tv_sec += offset_seconds();
    return code;
}

time_t time(time_t *target) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (target != NULL) *target = moment.tv_sec;
    return moment.tv_sec;
}
