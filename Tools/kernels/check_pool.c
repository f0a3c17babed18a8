// The thread pool under ThreadSanitizer (make sanitize): calls of all sizes, tasks that have tasks, callers on several threads, workers asleep and awake:
//   check_pool [seconds] [seed]
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dd_isa.h"
#include "dd_parallel.h"

// The pool alone: no thread forces an instruction set.
int dd_isa_forced_here(void) { return -1; }
int dd_isa_force_here(int isa) { return isa; }

enum { MOST = 300, CALLERS = 3 };

typedef struct job {
    dd_pool *pool;
    int64_t counts[MOST];
    int64_t inner;
} job;

static void count_task(void *context, int64_t index, int worker) {
    (void)worker;
    ((job *)context)->counts[index]++;
}

static int check(const job *j, int64_t count) {
    for (int64_t i = 0; i < MOST; i++)
        if (j->counts[i] != (i < count)) return 1;
    return 0;
}

static void nested_task(void *context, int64_t index, int worker) {
    (void)worker;
    job *outer = context, inner = {.pool = outer->pool};
    dd_parallel_for(inner.pool, outer->inner, count_task, &inner);
    outer->counts[index] += check(&inner, outer->inner) ? 1000 : 1;
}

typedef struct caller {
    dd_pool *pool;
    uint64_t state;
    double until;
    int64_t calls, tasks, failures;
} caller;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t below(caller *c, int64_t n) {
    c->state = c->state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(c->state >> 33) % n;
}

static void *run(void *raw) {
    caller *c = raw;
    while (now() < c->until) {
        job j = {.pool = c->pool, .inner = below(c, 20)};
        const int64_t count = below(c, 2) ? below(c, 6) : below(c, MOST);
        dd_parallel_for(c->pool, count, below(c, 4) ? count_task : nested_task, &j);
        c->failures += check(&j, count);
        c->calls++;
        c->tasks += count;
        if (below(c, 50) == 0) usleep((useconds_t)below(c, 2000));
    }
    return NULL;
}

int main(int argc, char **argv) {
    const double end = now() + (argc > 1 ? atof(argv[1]) : 10);
    int64_t calls = 0, tasks = 0, failures = 0, pools = 0;
    for (uint64_t seed = argc > 2 ? strtoull(argv[2], 0, 10) : 1; now() < end; seed++, pools++) {
        const int callers = 1 + (int)(seed % CALLERS);
        dd_pool *pool = dd_pool_create(1 + (int)(seed / CALLERS % 6));
        caller all[CALLERS];
        pthread_t threads[CALLERS];
        for (int i = 0; i < callers; i++) {
            all[i] = (caller){.pool = pool, .state = seed * 16 + (uint64_t)i, .until = now() + 0.3};
            pthread_create(&threads[i], NULL, run, &all[i]);
        }
        for (int i = 0; i < callers; i++) {
            pthread_join(threads[i], NULL);
            calls += all[i].calls;
            tasks += all[i].tasks;
            failures += all[i].failures;
        }
        dd_pool_destroy(pool);
    }
    printf("%ld pools, %ld calls, %ld tasks, %ld failures\n", (long)pools, (long)calls, (long)tasks, (long)failures);
    return failures != 0;
}
