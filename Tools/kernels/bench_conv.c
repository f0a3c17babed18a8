// Times convolution kernels beside this machine's limits:
//   clang -O2 -pthread -ISources/CKernels/include Tools/kernels/bench_conv.c Sources/CKernels/*/*.c -lm -o /tmp/bench_conv
//   /tmp/bench_conv [--threads 2] [--repeats 5] [--isa 0..5] [--norm] [--only SUBSTRING] [--error] [--algorithm NAME] [--int16] [--bfloat16] [--moments]
//     [--cpu]   one thread, processor time: for a machine with other work on it
// GFLOP/s count the products of the direct way; "of limit" divides them by what fused multiply-adds (or, of int16, bfloat16 dot
// products) reach on the same threads right before and after.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

static clockid_t clock_in_use = CLOCK_MONOTONIC;

static double now(void) {
    struct timespec t;
    clock_gettime(clock_in_use, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/// GFLOP/s of all threads together.
static double limit_of(dd_pool *pool, dd_precision precision) { return dd_measure_limit_gflops(pool, precision); }

typedef struct layer {
    const char *name;
    int64_t height, width, cin0, cin1, cout, k, stride, up;
} layer;

static const layer layers[] = {
    {"64x64 320->320", 64, 64, 320, 0, 320, 3, 1, 0},
    {"64x64 640+320->320", 64, 64, 640, 320, 320, 3, 1, 0},
    {"64x64 640->320", 64, 64, 640, 0, 320, 3, 1, 0},
    {"32x32 640->640", 32, 32, 640, 0, 640, 3, 1, 0},
    {"32x32 1280+640->640", 32, 32, 1280, 640, 640, 3, 1, 0},
    {"16x16 1280->1280", 16, 16, 1280, 0, 1280, 3, 1, 0},
    {"16x16 2560->1280", 16, 16, 1280, 1280, 1280, 3, 1, 0},
    {"8x8 1280->1280", 8, 8, 1280, 0, 1280, 3, 1, 0},
    {"8x8 2560->1280", 8, 8, 1280, 1280, 1280, 3, 1, 0},
    {"128x128 512->512", 128, 128, 512, 0, 512, 3, 1, 0},
    {"256x256 256->256", 256, 256, 256, 0, 256, 3, 1, 0},
    {"512x512 128->128", 512, 512, 128, 0, 128, 3, 1, 0},
    {"64x64 320 /2", 64, 64, 320, 0, 320, 3, 2, 0},
    {"512x512 128 /2", 512, 512, 128, 0, 128, 3, 2, 0},
    {"64x64 1x1 960->320", 64, 64, 960, 0, 320, 1, 1, 0},
    {"512x512 1x1 256->128", 512, 512, 256, 0, 128, 1, 1, 0},
    {"up 32x32 640", 32, 32, 640, 0, 640, 3, 1, 1},
    {"up 16x16 1280", 16, 16, 1280, 0, 1280, 3, 1, 1},
    {"up 8x8 1280", 8, 8, 1280, 0, 1280, 3, 1, 1},
    {"up 256x256 256", 256, 256, 256, 0, 256, 3, 1, 1},
    {"in 512x512 3->128", 512, 512, 3, 0, 128, 3, 1, 0},
    {"out 512x512 128->3", 512, 512, 128, 0, 3, 3, 1, 0},
    {"in 64x64 8->320", 64, 64, 8, 0, 320, 3, 1, 0},
    {"out 64x64 320->4", 64, 64, 320, 0, 4, 3, 1, 0},
};

static float *random_floats(int64_t n, float scale) {
    float *x = NULL;
    if (posix_memalign((void **)&x, 64, (size_t)n * sizeof(float))) abort();
    uint64_t state = (uint64_t)n;
    for (int64_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = scale * ((float)(state >> 33) / 1073741824.0f - 1);
    }
    return x;
}

static int compare(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

/// Largest difference over largest value, and relative L2, on some output pixels.
static void print_error(dd_conv_args a, int up, const float *w) {
    const int64_t oh = dd_conv_out_height(&a), ow = dd_conv_out_width(&a);
    double worst = 0, largest = 0, squares = 0, all = 0;
    for (int64_t i = 0; i < 24; i++) {
        const int64_t oy = (i * 7919) % oh, ox = (i * 104729) % ow, cin = a.cin0 + a.cin1;
        for (int64_t co = 0; co<a.cout; co += a.cout> 16 ? 7 : 1) {
            double sum = a.bias[co];
            for (int64_t ky = 0; ky < a.kh; ky++)
                for (int64_t kx = 0; kx < a.kw; kx++) {
                    int64_t iy = oy * a.stride + ky - a.pad_top, ix = ox * a.stride + kx - a.pad_left;
                    if (iy < 0 || ix < 0 || iy >= a.height * (1 + up) || ix >= a.width * (1 + up)) continue;
                    const int64_t pixel = iy / (1 + up) * a.width + ix / (1 + up);
                    for (int64_t c = 0; c < cin; c++) {
                        double v = c < a.cin0 ? a.x0[pixel * a.cin0 + c] : a.x1[pixel * a.cin1 + c - a.cin0];
                        if (a.scale) v = v * a.scale[c] + a.shift[c];
                        if (a.silu) v = v / (1 + exp(-v));
                        sum += v * w[((co * cin + c) * a.kh + ky) * a.kw + kx];
                    }
                }
            const double d = a.y[(oy * ow + ox) * a.cout + co] - sum;
            worst = fmax(worst, fabs(d));
            largest = fmax(largest, fabs(sum));
            squares += d * d;
            all += sum * sum;
        }
    }
    printf("  error %.1e, L2 %.1e", worst / largest, sqrt(squares / all));
}

int main(int argc, char **argv) {
    int threads = 2, repeats = 5, norm = 0, error = 0, moments = 0;
    dd_precision precision = DD_PRECISION_FLOAT32;
    const char *only = "", *algorithms = "";
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--threads"))
            threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--repeats"))
            repeats = atoi(value), i++;
        else if (!strcmp(argv[i], "--isa"))
            dd_isa_force(atoi(value)), i++;
        else if (!strcmp(argv[i], "--only"))
            only = value, i++;
        else if (!strcmp(argv[i], "--algorithm"))
            algorithms = value, i++;
        else if (!strcmp(argv[i], "--norm"))
            norm = 1;
        else if (!strcmp(argv[i], "--error"))
            error = 1;
        else if (!strcmp(argv[i], "--moments"))
            moments = 1;
        else if (!strcmp(argv[i], "--int16"))
            precision = DD_PRECISION_INT16;
        else if (!strcmp(argv[i], "--bfloat16"))
            precision = DD_PRECISION_BFLOAT16;
        else if (!strcmp(argv[i], "--cpu"))
            clock_in_use = CLOCK_PROCESS_CPUTIME_ID, threads = 1;
    }
    if (repeats > 100) repeats = 100;
    dd_pool *pool = dd_pool_create(threads);
    static const char *const names[] = {"float32", "bfloat16", "int16"};
    printf("%d threads, %s, %s: limit %.0f GFLOP/s\n", threads, dd_isa_name(dd_isa_current()), names[precision], limit_of(pool, precision));
    for (size_t l = 0; l < sizeof layers / sizeof *layers; l++) {
        const layer *s = &layers[l];
        if (!strstr(s->name, only)) continue;
        const int64_t cin = s->cin0 + s->cin1;
        dd_conv_args a = {.batch = 1,
                          .height = s->height,
                          .width = s->width,
                          .cin0 = s->cin0,
                          .cin1 = s->cin1,
                          .cout = s->cout,
                          .kh = s->k,
                          .kw = s->k,
                          .stride = s->stride,
                          .upsamples = (int)s->up};
        a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = s->k / 2;
        float *x0 = random_floats(s->height * s->width * s->cin0, 1), *x1 = random_floats(s->height * s->width * s->cin1 + 1, 1);
        float *w = random_floats(s->cout * cin * s->k * s->k, 0.05f), *bias = random_floats(s->cout, 1);
        float *scale = random_floats(cin, 1), *shift = random_floats(cin, 1), *taken = random_floats(2 * s->cout, 1);
        const int64_t out = dd_conv_out_height(&a) * dd_conv_out_width(&a);
        float *y = random_floats(out * s->cout, 1);
        a.x0 = x0, a.x1 = x1, a.bias = bias, a.y = y;
        if (norm) a.scale = scale, a.shift = shift, a.silu = 1;
        if (moments) a.takes_moments = 1, a.moments = taken;
        const double gflop = 2e-9 * (double)(out * s->cout * cin * s->k * s->k);
        for (int i = 0; i < dd_conv_algorithm_count(); i++) {
            const dd_conv_algorithm *algorithm = dd_conv_algorithm_at(i);
            const char *name = dd_conv_algorithm_name(algorithm);
            if (!strstr(name, algorithms) || dd_conv_check(algorithm, precision, &a) != DD_CONV_OK) continue;
            void *packed = random_floats((int64_t)(dd_conv_packed_bytes(algorithm, precision, &a) / 4), 1);
            dd_conv_pack(pool, algorithm, precision, packed, w, DD_F32, &a);
            void *scratch = random_floats((int64_t)(dd_conv_scratch_bytes(algorithm, precision, &a, threads) / 4), 1);
            double times[100];
            dd_conv(pool, algorithm, precision, &a, packed, scratch);
            double limit = limit_of(pool, precision);
            for (int r = 0; r < repeats; r++) {
                const double start = now();
                dd_conv(pool, algorithm, precision, &a, packed, scratch);
                times[r] = now() - start;
            }
            limit = (limit + limit_of(pool, precision)) / 2;
            qsort(times, (size_t)repeats, sizeof *times, compare);
            printf("%-22s %-17s %8.2f ms (best %8.2f) %6.0f GFLOP/s, %.3f of limit %.0f", s->name, name, times[repeats / 2] * 1e3, times[0] * 1e3,
                   gflop / times[repeats / 2], gflop / times[repeats / 2] / limit, limit);
            if (error) print_error(a, (int)s->up, w);
            printf("\n");
            fflush(stdout);
            free(packed);
            free(scratch);
        }
        free(x0), free(x1), free(w), free(bias), free(scale), free(shift), free(taken), free(y);
    }
    dd_pool_destroy(pool);
    return 0;
}
