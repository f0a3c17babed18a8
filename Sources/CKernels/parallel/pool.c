// A call's tasks are handed out one by one, to the caller and to whichever workers come by while it lasts. It ends when all are done, so
// a worker that the machine keeps from running is waited for only if it has begun a task.
#include "dd_parallel.h"

#include "dd_isa.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define DD_PAUSE() _mm_pause()
#else
#define DD_PAUSE() ((void)0)
#endif

enum {
    // Nanoseconds that a worker looks for the next call before it sleeps; the gaps between a program's steps are shorter. On a busy
    // processor it makes room for others after the first few.
    IDLE_SPIN = 200000,
    IDLE_PAUSE = 3000,
    // Nanoseconds that a caller looks for the end of the last tasks before it sleeps: waking up takes about as long.
    JOIN_SPIN = 50000,
};

// States of a call: open to workers or not, whether the caller sleeps until they have left, and how many are inside.
enum { OPEN = 1 << 30, CALLER_SLEEPS = 1 << 29, INSIDE = CALLER_SLEEPS - 1 };

typedef struct worker_argument {
    dd_pool *pool;
    int worker;
} worker_argument;

struct dd_pool {
    int size;
    pthread_t *threads;
    worker_argument *arguments;
    // Semaphores, since to signal a condition may mean to wait for a thread that was woken and does not run yet.
    sem_t called, left;
    _Atomic int sleepers; // that nobody wakes yet
    _Atomic int stopping;
    _Atomic int taken; // by a caller
    // Of the call; they change only while nobody is inside.
    dd_task task;
    void *context;
    int64_t count;
    int isa; // that the caller forced for itself
    _Alignas(64) _Atomic uint64_t calls;
    _Alignas(64) _Atomic int state;
    _Alignas(64) _Atomic int64_t next;
};

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void pause_some(void) {
    for (int i = 0; i < 16; i++) DD_PAUSE();
}

static void take_tasks(dd_pool *pool, int worker) {
    for (;;) {
        const int64_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= pool->count) return;
        pool->task(pool->context, index, worker);
    }
}

static void wait_for(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0) {
        // A signal came in between.
    }
}

/// Takes up to `most` from those that sleep and are not being woken; returns how many.
static int64_t take_sleepers(dd_pool *pool, int64_t most) {
    int sleepers = atomic_load(&pool->sleepers);
    while (sleepers > 0) {
        const int taken = sleepers < most ? sleepers : (int)most;
        if (atomic_compare_exchange_weak(&pool->sleepers, &sleepers, sleepers - taken)) return taken;
    }
    return 0;
}

/// Waits for a call after the first `seen`; returns how many there were by then.
static uint64_t await_call(dd_pool *pool, uint64_t seen) {
    const int64_t start = nanoseconds();
    for (;;) {
        const uint64_t calls = atomic_load_explicit(&pool->calls, memory_order_acquire);
        if (calls != seen) return calls;
        const int64_t waited = nanoseconds() - start;
        if (waited > IDLE_SPIN) break;
        if (waited < IDLE_PAUSE)
            pause_some();
        else
            sched_yield();
    }
    atomic_fetch_add(&pool->sleepers, 1);
    if (atomic_load(&pool->calls) != seen && take_sleepers(pool, 1)) return atomic_load(&pool->calls);
    wait_for(&pool->called);
    return atomic_load(&pool->calls);
}

/// Enters the call under way, if there is one.
static int enter(dd_pool *pool) {
    int state = atomic_load_explicit(&pool->state, memory_order_relaxed);
    while (state & OPEN)
        if (atomic_compare_exchange_weak_explicit(&pool->state, &state, state + 1, memory_order_acquire, memory_order_relaxed)) return 1;
    return 0;
}

static void leave(dd_pool *pool) {
    // Acquired, too: when the last one wakes the caller, all that the others did must lie before that.
    const int before = atomic_fetch_sub_explicit(&pool->state, 1, memory_order_acq_rel);
    if (!(before & CALLER_SLEEPS) || (before & INSIDE) != 1) return;
    sem_post(&pool->left);
}

static void *worker_main(void *raw) {
    const worker_argument *argument = raw;
    dd_pool *pool = argument->pool;
    uint64_t seen = 0;
    for (;;) {
        seen = await_call(pool, seen);
        if (atomic_load(&pool->stopping)) return NULL;
        if (!enter(pool)) continue;
        if (pool->isa != dd_isa_forced_here()) dd_isa_force_here(pool->isa);
        take_tasks(pool, argument->worker);
        leave(pool);
    }
}

/// Tells workers of a call, and wakes as many sleeping ones as `wanted`.
static void announce(dd_pool *pool, int64_t wanted) {
    atomic_fetch_add(&pool->calls, 1);
    for (int64_t woken = take_sleepers(pool, wanted); woken > 0; woken--) sem_post(&pool->called);
}

/// Lets no more workers in, and waits for those in the middle of a task.
static void close_call(dd_pool *pool) {
    int inside = atomic_fetch_and_explicit(&pool->state, ~OPEN, memory_order_acquire) & INSIDE;
    if (inside == 0) return;
    const int64_t start = nanoseconds();
    while (inside != 0 && nanoseconds() - start < JOIN_SPIN) {
        pause_some();
        inside = atomic_load_explicit(&pool->state, memory_order_acquire) & INSIDE;
    }
    if (inside == 0) return;
    // Asleep, the caller leaves its processor to the worker that waits for one.
    if (atomic_fetch_or_explicit(&pool->state, CALLER_SLEEPS, memory_order_acquire) & INSIDE) wait_for(&pool->left);
}

static void stop_workers(dd_pool *pool, int started) {
    atomic_store(&pool->stopping, 1);
    announce(pool, started);
    for (int i = 1; i <= started; i++) pthread_join(pool->threads[i], NULL);
    sem_destroy(&pool->left);
    sem_destroy(&pool->called);
    free(pool->threads);
    free(pool->arguments);
    free(pool);
}

dd_pool *dd_pool_create(int threads) {
    if (threads < 1) threads = 1;
    dd_pool *pool = NULL;
    if (posix_memalign((void **)&pool, 64, sizeof(dd_pool)) != 0) return NULL;
    *pool = (dd_pool){.size = threads};
    pool->threads = calloc((size_t)threads, sizeof(pthread_t));
    pool->arguments = calloc((size_t)threads, sizeof(worker_argument));
    sem_init(&pool->called, 0, 0);
    sem_init(&pool->left, 0, 0);
    if (!pool->threads || !pool->arguments) {
        stop_workers(pool, 0);
        return NULL;
    }
    for (int i = 1; i < threads; i++) {
        pool->arguments[i] = (worker_argument){pool, i};
        if (pthread_create(&pool->threads[i], NULL, worker_main, &pool->arguments[i]) != 0) {
            stop_workers(pool, i - 1);
            return NULL;
        }
    }
    return pool;
}

void dd_pool_destroy(dd_pool *pool) {
    if (pool) stop_workers(pool, pool->size - 1);
}

int dd_pool_size(const dd_pool *pool) { return pool ? pool->size : 1; }

void dd_parallel_for(dd_pool *pool, int64_t count, dd_task task, void *context) {
    if (count <= 0) return;
    if (!pool || pool->size == 1 || count == 1 || atomic_exchange_explicit(&pool->taken, 1, memory_order_acquire)) {
        for (int64_t i = 0; i < count; i++) task(context, i, 0);
        return;
    }
    pool->task = task;
    pool->context = context;
    pool->count = count;
    pool->isa = dd_isa_forced_here();
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->state, OPEN, memory_order_release);
    announce(pool, count - 1);
    take_tasks(pool, 0);
    close_call(pool);
    atomic_store_explicit(&pool->taken, 0, memory_order_release);
}
