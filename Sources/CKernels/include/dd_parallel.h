// A persistent pool of worker threads.
#ifndef DD_PARALLEL_H
#define DD_PARALLEL_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dd_pool dd_pool;

/// Makes a pool of `threads` (>= 1) workers; the calling thread is worker 0. Returns NULL when threads cannot be made.
dd_pool *dd_pool_create(int threads);
void dd_pool_destroy(dd_pool *pool);
int dd_pool_size(const dd_pool *pool);

/// One task: `index` in 0 ..< count, `worker` in 0 ..< dd_pool_size, for scratch memory of its own.
typedef void (*dd_task)(void *context, int64_t index, int worker);

/// Runs task(context, i, worker) for every i in 0 ..< count and returns when all are done, whoever did them: the caller takes tasks like
/// any worker, and waits for no worker that is not in the middle of one. Indices are handed out dynamically: the *value* a task computes
/// must depend on its index alone, never on the worker, so that results are the same bit for bit for any number of threads. A caller
/// that finds the workers busy for another (or is itself a task) does all its tasks alone, as worker 0. A NULL pool runs serially.
void dd_parallel_for(dd_pool *pool, int64_t count, dd_task task, void *context);

#ifdef __cplusplus
}
#endif
#endif
