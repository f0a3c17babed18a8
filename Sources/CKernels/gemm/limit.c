// What the machine can do at most: multiplications and additions on registers alone.
#include <time.h>

#include "dd_gemm.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    CHAINS = 16, // more than latency times units, on all machines so far
    RUNS = 24,   // short ones: the best is not interrupted
};

typedef void (*limit_loop)(int64_t steps, float *result);

// The empty assembly keeps the compiler from seeing through the loop.
#define DD_KEEP(x) __asm__ volatile("" : "+x"(x))
#define DD_KEEP_WIDE(x) __asm__ volatile("" : "+v"(x))

static void loop_scalar(int64_t steps, float *result) {
    float sums[CHAINS] = {0};
    for (int64_t s = 0; s < steps; s++)
        for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * 0.5f + 1.0f;
    for (int i = 0; i < CHAINS; i++) *result += sums[i];
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void loop_avx2(int64_t steps, float *result) {
    __m256 sums[12], x = _mm256_set1_ps(0.5f);
    for (int i = 0; i < 12; i++) sums[i] = _mm256_set1_ps((float)i);
    DD_KEEP(x);
    for (int64_t s = 0; s < steps; s++)
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) sums[i] = _mm256_fmadd_ps(x, x, sums[i]);
    for (int i = 0; i < 12; i++) *result += _mm256_cvtss_f32(sums[i]);
}

__attribute__((target("avx512f"))) static void loop_avx512(int64_t steps, float *result) {
    __m512 sums[CHAINS], x = _mm512_set1_ps(0.5f);
    for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
    DD_KEEP_WIDE(x);
    for (int64_t s = 0; s < steps; s++)
#pragma clang loop unroll(full)
        for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_fmadd_ps(x, x, sums[i]);
    for (int i = 0; i < CHAINS; i++) *result += _mm512_cvtss_f32(sums[i]);
}

__attribute__((target("avx512f,avx512bw,avx512bf16"))) static void loop_bfloat16(int64_t steps, float *result) {
    __m512 sums[CHAINS];
    __m512i bits = _mm512_set1_epi32(0x3f003f00); // pairs of 0.5
    for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
    DD_KEEP_WIDE(bits);
    const __m512bh x = (__m512bh)bits;
    for (int64_t s = 0; s < steps; s++)
#pragma clang loop unroll(full)
        for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_dpbf16_ps(sums[i], x, x);
    for (int i = 0; i < CHAINS; i++) *result += _mm512_cvtss_f32(sums[i]);
}
#endif

typedef struct limit_job {
    limit_loop loop;
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

double dd_measure_limit_gflops(dd_pool *pool, dd_limit limit) {
    limit_job job = {.loop = loop_scalar, .steps = 1 << 16};
    double flops = 2.0 * CHAINS; // a step
    if (limit == DD_LIMIT_BFLOAT16_DOT) {
#if defined(__x86_64__)
        if (dd_isa_current() < DD_ISA_AVX512_BF16) return 0;
        job.loop = loop_bfloat16;
        flops *= 32;
#else
        return 0;
#endif
    } else {
#if defined(__x86_64__)
        if (dd_isa_current() >= DD_ISA_AVX512) {
            job.loop = loop_avx512;
            flops *= 16;
        } else if (dd_isa_current() == DD_ISA_AVX2) {
            job.loop = loop_avx2;
            flops = 2.0 * 12 * 8;
        }
#endif
    }
    // Several equal tasks a worker even out who starts late.
    const int64_t tasks = dd_pool_size(pool) * 4;
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        const double start = now();
        dd_parallel_for(pool, tasks, limit_task, &job);
        const double rate = flops * (double)(job.steps * tasks) / (now() - start);
        if (rate > best) best = rate;
    }
    return best * 1e-9;
}
