// A persistent pool of worker threads, and the choice of instruction set.
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

/// Runs task(context, i, worker) for every i in 0 ..< count and returns when all are done. Indices are handed out
/// dynamically: the *value* a task computes must depend on its index alone, never on the worker, so that results are the
/// same bit for bit for any number of threads. Callers on several threads take
/// turns. Not reentrant: a task must not call it. A NULL pool runs serially.
void dd_parallel_for(dd_pool *pool, int64_t count, dd_task task, void *context);

/// Instruction sets in rising order; each includes those below it.
typedef enum dd_isa {
    DD_ISA_SCALAR = 0,      // portable C
    DD_ISA_AVX2 = 1,        // AVX2 + FMA
    DD_ISA_AVX512 = 2,      // F, BW, DQ, VL
    DD_ISA_AVX512_VNNI = 3, // and VNNI
    DD_ISA_AVX512_BF16 = 4, // and BF16
} dd_isa;

/// What this machine supports (CPUID and OS state).
dd_isa dd_isa_supported(void);
/// The one in use: what is supported, unless lowered with dd_isa_force.
dd_isa dd_isa_current(void);
/// Lowers the instruction set in use; asking for more than is supported gives what is supported. Returns the one now in use.
dd_isa dd_isa_force(dd_isa isa);
/// The same for the calling thread and the tasks it starts alone; -1 ends it.
dd_isa dd_isa_force_here(int isa);
/// What was forced so, or -1.
int dd_isa_forced_here(void);
const char *dd_isa_name(dd_isa isa);

#ifdef __cplusplus
}
#endif
#endif
