/* Preloaded into redis-server: its wall clock is off by the seconds in a file, which may change while it runs. (libfaketime hangs in a
   program that allocates with jemalloc, as Debian's redis-server does.) Monotonic clocks stay as they are. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *off;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("CLOCK_OFFSET_FILE");
    int file = name ? open(name, O_RDONLY) : -1;
    if (file < 0) return;
    void *at = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (at != MAP_FAILED) off = at;
    close(file);
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
    int failed = (int)syscall(SYS_gettimeofday, tv, zone);
    if (!failed && tv && off) tv->tv_sec += *off;
    return failed;
}

int clock_gettime(clockid_t id, struct timespec *ts) {
    int failed = (int)syscall(SYS_clock_gettime, id, ts);
    if (!failed && off && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) ts->tv_sec += *off;
    return failed;
}

time_t time(time_t *out) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    if (out) *out = ts.tv_sec;
    return ts.tv_sec;
}
