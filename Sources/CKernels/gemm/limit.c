// What the machine can do at most: multiplications and additions on registers alone.
#include <time.h>

#include "../isa/kernels.h"

enum { RUNS = 24 }; // short ones: the best is not interrupted

typedef struct limit_job {
    void (*loop)(int64_t steps, float *result);
    int64_t steps;
} limit_job;

static void limit_task(void *context, int64_t index, int worker) {
    (void)index;
    (void)worker;
    const limit_job *job = context;
    volatile float sink;
    float result = 0;
    job->loop(job->steps, &result);
    sink = result;
    (void)sink;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

double dd_measure_limit_gflops(dd_pool *pool, dd_precision precision) {
    const dd_kernels *kernels = dd_kernels_current();
    while (kernels && kernels->limits[precision].flops == 0) kernels = kernels->base;
    if (!kernels) return 0;
    const limit_job job = {.loop = kernels->limits[precision].run, .steps = 1 << 16};
    // Several equal tasks a worker even out who starts late.
    const int64_t tasks = dd_pool_size(pool) * 4;
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        const double start = now();
        dd_parallel_for(pool, tasks, limit_task, (void *)&job);
        const double rate = kernels->limits[precision].flops * (double)(job.steps * tasks) / (now() - start);
        if (rate > best) best = rate;
    }
    return best * 1e-9;
}
