// Times dd_gemm on the networks' shapes, as shares of the limit measured beside each run.
//
//     clang -O2 -std=c11 -D_GNU_SOURCE -ISources/CKernels/include Tools/kernels/bench_gemm.c Sources/CKernels/*/*.c \
//         -lm -lpthread -o /tmp/bench_gemm && flock /tmp/bench.lock /tmp/bench_gemm [threads] [isa] [repeats]
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

static void *allocate(int64_t bytes) {
    void *memory = 0;
    if (posix_memalign(&memory, 64, (size_t)(bytes + 64)) != 0) exit(1);
    memset(memory, 0, (size_t)(bytes + 64));
    return memory;
}

static void fill(float *x, int64_t count) {
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)state * 0x1p-31f;
    }
}

typedef struct shape {
    int64_t m, n, k;
    dd_activation activation;
    dd_gemm_prologue prologue;
    int residual;
} shape;

int main(int argc, char **argv) {
    const int threads = argc > 1 ? atoi(argv[1]) : 2, isa = argc > 2 ? atoi(argv[2]) : dd_isa_count() - 1;
    const int repeats = argc > 3 ? atoi(argv[3]) : 15;
    if (argc > 4 || threads < 1 || isa < 0 || isa > dd_isa_count() - 1 || repeats < 1) {
        fprintf(stderr, "usage: bench_gemm [threads] [isa, 0 to %d on this machine] [repeats]\n", dd_isa_count() - 1);
        return 64;
    }
    dd_isa_force(isa);
    // One thread is timed by what it ran itself, so that other programs matter less.
    if (threads == 1) clock_kind = CLOCK_THREAD_CPUTIME_ID;
    const shape shapes[] = {
        {4096, 320, 320, 0, 0, 0},
        {4096, 2560, 320, 0, 0, 0},
        {1024, 640, 5760, 0, 0, 0},
        {256, 1280, 11520, 0, 0, 0},
        {64, 1280, 11520, 0, 0, 0},
        {4096, 960, 320, 0, DD_GEMM_PROLOGUE_LAYER_NORM, 0},
        {4096, 2560, 320, DD_ACTIVATION_GEGLU, DD_GEMM_PROLOGUE_LAYER_NORM, 0},
        {4096, 320, 1280, 0, 0, 1},
        {1024, 5120, 640, DD_ACTIVATION_GEGLU, DD_GEMM_PROLOGUE_LAYER_NORM, 0},
        {1024, 640, 2560, 0, 0, 1},
        {1024, 640, 640, 0, 0, 1},
        {256, 10240, 1280, DD_ACTIVATION_GEGLU, DD_GEMM_PROLOGUE_LAYER_NORM, 0},
        {256, 1280, 5120, 0, 0, 1},
        {256, 1280, 1280, 0, 0, 1},
        {64, 1280, 1280, 0, 0, 1},
        {64, 10240, 1280, DD_ACTIVATION_GEGLU, DD_GEMM_PROLOGUE_LAYER_NORM, 0},
        {77, 1024, 1024, 0, 0, 0},
        {77, 4096, 1024, DD_ACTIVATION_GELU, 0, 0},
        {1, 1280, 1280, DD_ACTIVATION_SILU, 0, 0},
        {512, 640, 1920, 0, 0, 0},
        {2048, 320, 960, 0, DD_GEMM_PROLOGUE_SCALE_SHIFT, 0},
    };
    dd_pool *pool = dd_pool_create(threads);
    for (int precision = 0; precision < 3; precision++) {
        const dd_precision limited = dd_measure_limit_gflops(pool, (dd_precision)precision) > 0 ? (dd_precision)precision : DD_PRECISION_FLOAT32;
        printf("%s, %d threads\n", dd_gemm_variant((dd_precision)precision), threads);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            const shape s = shapes[i];
            const int64_t columns = s.activation == DD_ACTIVATION_GEGLU ? s.n / 2 : s.n;
            float *a = allocate(s.m * s.k * 4), *w = allocate(s.n * s.k * 4), *y = allocate(s.m * columns * 4);
            float *vectors = allocate((s.n + 2 * s.k) * 4);
            void *packed = allocate(dd_gemm_packed_bytes((dd_precision)precision, s.n, s.k));
            fill(a, s.m * s.k);
            fill(w, s.n * s.k);
            fill(vectors, s.n + 2 * s.k);
            if (s.activation == DD_ACTIVATION_GEGLU)
                dd_gemm_pack_geglu(pool, (dd_precision)precision, packed, w, DD_F32, s.n, s.k, s.k);
            else
                dd_gemm_pack_rows(pool, (dd_precision)precision, packed, 0, w, DD_F32, s.n, s.k, s.k);
            const dd_gemm_args args = {.m = s.m,
                                       .n = s.n,
                                       .k = s.k,
                                       .precision = (dd_precision)precision,
                                       .w_packed = packed,
                                       .a = a,
                                       .lda = s.k,
                                       .prologue = s.prologue,
                                       .epsilon = 1e-5f,
                                       .column_scale = vectors,
                                       .column_shift = vectors + s.k,
                                       .prologue_activation = s.prologue == DD_GEMM_PROLOGUE_SCALE_SHIFT ? DD_ACTIVATION_SILU : DD_ACTIVATION_NONE,
                                       .bias = vectors + 2 * s.k,
                                       .activation = s.activation,
                                       .residual = s.residual ? y : 0,
                                       .ld_residual = columns,
                                       .y = y,
                                       .ldy = columns};
            void *scratch = allocate(dd_gemm_scratch_bytes(&args, threads));
            const double work = 2e-9 * (double)(s.m * s.n * s.k);
            double best = 1e9, limit = 0;
            dd_gemm(pool, &args, scratch);
            for (int r = 0; r < repeats; r++) {
                const double measured = dd_measure_limit_gflops(pool, limited);
                if (measured > limit) limit = measured;
                const int inner = 1 + (int)(0.2 / work);
                const double start = now();
                for (int q = 0; q < inner; q++) dd_gemm(pool, &args, scratch);
                const double time = (now() - start) / inner;
                if (time < best) best = time;
            }
            printf("  %5lld x %5lld x %5lld act %d prologue %d residual %d: %8.3f ms %7.1f GFLOP/s, limit %6.1f, share %.3f\n", (long long)s.m, (long long)s.n,
                   (long long)s.k, s.activation, s.prologue, s.residual, best * 1e3, work / best, limit, work / best / limit);
            free(a), free(w), free(y), free(vectors), free(packed), free(scratch);
        }
    }
    dd_pool_destroy(pool);
    return 0;
}
