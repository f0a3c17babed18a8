#include "dd_parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define DD_PAUSE() _mm_pause()
#else
#define DD_PAUSE() ((void)0)
#endif

// Workers spin for a while after each job (dispatch is then a fraction of a microsecond), then sleep on a condition.
enum { SPINS = 20000 };

typedef struct worker_argument {
    dd_pool *pool;
    int worker;
} worker_argument;

struct dd_pool {
    int size;
    pthread_t *threads;
    worker_argument *arguments;
    pthread_mutex_t callers;  // one job at a time: a second caller waits for the first one's
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    _Atomic int sleepers;
    _Atomic int stopping;
    dd_task task;
    void *context;
    int64_t count;
    int isa; // that the caller forced for itself
    _Alignas(64) _Atomic uint64_t generation;
    _Alignas(64) _Atomic int64_t next;
    _Alignas(64) _Atomic int running;
};

static void take_tasks(dd_pool *pool, int worker) {
    const int64_t count = pool->count;
    for (;;) {
        int64_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= count) return;
        pool->task(pool->context, index, worker);
    }
}

static void *worker_main(void *raw) {
    worker_argument *argument = raw;
    dd_pool *pool = argument->pool;
    uint64_t seen = 0;
    for (;;) {
        int spins = 0;
        while (atomic_load_explicit(&pool->generation, memory_order_acquire) == seen) {
            if (++spins < SPINS) {
                DD_PAUSE();
                continue;
            }
            pthread_mutex_lock(&pool->mutex);
            atomic_fetch_add(&pool->sleepers, 1);
            while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
            atomic_fetch_sub(&pool->sleepers, 1);
            pthread_mutex_unlock(&pool->mutex);
        }
        seen++;
        if (atomic_load(&pool->stopping)) return NULL;
        if (pool->isa != dd_isa_forced_here()) dd_isa_force_here(pool->isa);
        take_tasks(pool, argument->worker);
        atomic_fetch_sub_explicit(&pool->running, 1, memory_order_release);
    }
}

static void release_workers(dd_pool *pool) {
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void stop_workers(dd_pool *pool, int started) {
    atomic_store(&pool->stopping, 1);
    release_workers(pool);
    for (int i = 1; i <= started; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    pthread_mutex_destroy(&pool->callers);
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
    pthread_mutex_init(&pool->callers, NULL);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
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
    if (!pool || pool->size == 1 || count == 1) {
        for (int64_t i = 0; i < count; i++) task(context, i, 0);
        return;
    }
    pthread_mutex_lock(&pool->callers);
    pool->task = task;
    pool->context = context;
    pool->count = count;
    pool->isa = dd_isa_forced_here();
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->running, pool->size - 1, memory_order_relaxed);
    release_workers(pool);
    take_tasks(pool, 0);
    // A worker that is not running (the machine is busy) gets this processor after a while.
    for (int spins = 0; atomic_load_explicit(&pool->running, memory_order_acquire) != 0; spins++) {
        if (spins < SPINS) DD_PAUSE(); else sched_yield();
    }
    pthread_mutex_unlock(&pool->callers);
}
