// Times dd_attention on the networks' shapes, as shares of the limit measured beside each run (products only count as work).
//
//     clang -O2 -std=c11 -D_GNU_SOURCE -ISources/CKernels/include Tools/kernels/bench_attention.c Sources/CKernels/*/*.c \
//         -lm -lpthread -o /tmp/bench_attention && \
//         flock /tmp/bench.lock /tmp/bench_attention [threads] [isa] [repeats]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

static clockid_t clock_kind = CLOCK_MONOTONIC;

static double now(void) {
    struct timespec time;
    clock_gettime(clock_kind, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static float *random_floats(int64_t count) {
    void *memory = 0;
    if (posix_memalign(&memory, 64, (size_t)(count * 4 + 64)) != 0) exit(1);
    float *x = memory;
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return x;
}

int main(int argc, char **argv) {
    const int threads = argc > 1 ? atoi(argv[1]) : 2;
    // One thread is timed by what it ran itself, so that other programs matter less.
    if (threads == 1) clock_kind = CLOCK_THREAD_CPUTIME_ID;
    if (argc > 2) dd_isa_force(atoi(argv[2]));
    const int repeats = argc > 3 ? atoi(argv[3]) : 5;
    // heads, queries, keys, channels, causal
    const int64_t shapes[][5] = {
        {5, 4096, 4096, 64, 0}, {10, 1024, 1024, 64, 0}, {20, 256, 256, 64, 0}, {20, 64, 64, 64, 0},     {5, 4096, 77, 64, 0},
        {10, 1024, 77, 64, 0},  {20, 256, 77, 64, 0},    {20, 64, 77, 64, 0},   {1, 4096, 4096, 512, 0}, {16, 77, 77, 64, 1},
    };
    dd_pool *pool = dd_pool_create(threads);
    for (int precision = 0; precision < 2; precision++) {
        const dd_precision limited = dd_measure_limit_gflops(pool, (dd_precision)precision) > 0 ? (dd_precision)precision : DD_PRECISION_FLOAT32;
        printf("%s, %d threads\n", dd_attention_variant((dd_precision)precision), threads);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            const int64_t heads = shapes[i][0], tq = shapes[i][1], tk = shapes[i][2], d = shapes[i][3], width = heads * d;
            float *q = random_floats(tq * width), *k = random_floats(tk * width), *v = random_floats(tk * width);
            float *y = random_floats(tq * width);
            const dd_attention_args args = {.batch = 1,
                                            .heads = heads,
                                            .tq = tq,
                                            .tk = tk,
                                            .d = d,
                                            .scale = 1 / sqrtf((float)d),
                                            .causal = (int)shapes[i][4],
                                            .precision = (dd_precision)precision,
                                            .q = q,
                                            .k = k,
                                            .v = v,
                                            .y = y,
                                            .q_view = {tq * width, width, d},
                                            .k_view = {tk * width, width, d},
                                            .v_view = {tk * width, width, d},
                                            .y_view = {tq * width, width, d}};
            float *scratch = random_floats(dd_attention_scratch_bytes(&args, threads) / 4);
            const double work = 4e-9 * (double)(heads * tq * tk * d);
            double best = 1e9, limit = 0;
            dd_attention(pool, &args, scratch);
            for (int r = 0; r < repeats; r++) {
                const double measured = dd_measure_limit_gflops(pool, limited);
                if (measured > limit) limit = measured;
                const int inner = 1 + (int)(0.5 / work);
                const double start = now();
                for (int s = 0; s < inner; s++) dd_attention(pool, &args, scratch);
                const double time = (now() - start) / inner;
                if (time < best) best = time;
            }
            printf("  %2lld heads %4lld x %4lld x %3lld%s: %8.3f ms %6.1f GFLOP/s, limit %6.1f, share %.3f, scratch %.1f MB\n", (long long)heads, (long long)tq,
                   (long long)tk, (long long)d, args.causal ? " causal" : "", best * 1e3, work / best, limit, work / best / limit,
                   (double)dd_attention_scratch_bytes(&args, threads) * 1e-6);
            free(q), free(k), free(v), free(y), free(scratch);
        }
    }
    dd_pool_destroy(pool);
    return 0;
}
