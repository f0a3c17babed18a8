// Convolution kernels against the plain loops on random odd shapes, for the sanitizers (make sanitize):
//   check_conv [seconds] [seed]
// Every buffer is exactly as long as the header promises it may be.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

static uint64_t state;
static uint32_t next_random(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}
static int64_t below(int64_t n) { return next_random() % n; }
static int64_t one_of(const int64_t *values, int64_t n) { return values[below(n)]; }

static void *aligned(size_t bytes) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, bytes ? bytes : 64)) abort();
    return memory;
}

static float *random_floats(int64_t n, float scale) {
    float *x = malloc((size_t)n * sizeof(float));
    if (!x) abort();
    for (int64_t i = 0; i < n; i++) x[i] = scale * ((float)next_random() / 1073741824.0f - 1);
    return x;
}

/// The largest error of a variance of what was written, relative to itself: a norm divides by its root. (Differences that the numbers'
/// own rounding makes count for nothing.)
static double variance_error(const dd_conv_args *a, int64_t pixels, const float *y, const float *moments) {
    const int64_t ld = a->cout;
    double worst = 0;
    for (int64_t image = 0; image < a->batch; image++)
        for (int64_t c = 0; c < a->cout; c++) {
            const float *values = y + image * pixels * ld + c;
            double mean = 0, variance = 0;
            for (int64_t i = 0; i < pixels; i++) mean += values[i * ld];
            mean /= (double)pixels;
            for (int64_t i = 0; i < pixels; i++) variance += (values[i * ld] - mean) * (values[i * ld] - mean);
            variance /= (double)pixels;
            worst = fmax(worst, fabs(moments[(image * a->cout + c) * 2 + 1] - variance) / (variance + 1e-14 * mean * mean + 1e-30));
        }
    return worst;
}

/// Largest difference over largest value.
static double error_of(const dd_conv_args *a, int64_t pixels, const float *y, const float *reference) {
    const int64_t ld = a->cout;
    double worst = 0, largest = 1e-30;
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = 0; c < a->cout; c++) {
            const double d = fabs((double)y[i * ld + c] - reference[i * ld + c]);
            if (!(d <= worst)) worst = d;
            largest = fmax(largest, fabs(reference[i * ld + c]));
        }
    return worst / largest;
}

int main(int argc, char **argv) {
    const time_t end = time(NULL) + (argc > 1 ? atoll(argv[1]) : 10);
    state = argc > 2 ? (uint64_t)atoll(argv[2]) : 1;
    static const int64_t channels[] = {1, 2, 3, 4, 7, 8, 12, 16, 17, 31, 33, 48, 64, 100, 256};
    static const int64_t couts[] = {1, 2, 3, 4, 5, 8, 9, 16, 17, 31, 32, 33, 48, 64, 67, 100};
    static const int64_t extents[] = {1, 2, 3, 4, 5, 7, 8, 11, 13, 16, 17, 23, 31, 37};
    enum { MOST = 32 };
    const int count = dd_conv_algorithm_count();
    static const dd_precision precisions[] = {DD_PRECISION_FLOAT32, DD_PRECISION_INT16, DD_PRECISION_BFLOAT16};
    static const char *const names[] = {"float32", "bfloat16", "int16"};
    double worst[MOST][DD_PRECISION_COUNT] = {{0}}, worst_variance = 0;
    if (count > MOST) abort();
    int64_t runs = 0;
    dd_pool *pools[3] = {NULL, dd_pool_create(2), dd_pool_create(3)};
    int failures = 0;
    while (time(NULL) < end) {
        const int index = (int)below(count);
        const dd_conv_algorithm *algorithm = dd_conv_algorithm_at(index);
        const dd_precision precision = precisions[below(3)];
        dd_conv_args a = {.batch = 1 + (below(3) == 0) * below(3), .kh = 3, .kw = 3, .stride = 1};
        a.height = one_of(extents, 14);
        a.width = one_of(extents, 14);
        a.cin0 = one_of(channels, 15);
        a.cin1 = below(2) ? 0 : one_of(channels, 14);
        a.cout = one_of(couts, 16);
        a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = 1;
        if (below(2)) {
            a.pad_top = below(3);
            a.pad_left = below(3);
            a.pad_bottom = below(3);
            a.pad_right = below(3);
        }
        if (below(2)) a.stride = 1 + below(3);
        if (below(4) == 0) {
            a.kh = 1 + below(4);
            a.kw = 1 + below(4);
        }
        a.upsamples = below(4) == 0;
        if (dd_conv_check(algorithm, precision, &a) != DD_CONV_OK) continue;
        const int64_t pixels = a.batch * a.height * a.width, cin = a.cin0 + a.cin1;
        const int64_t out = a.batch * dd_conv_out_height(&a) * dd_conv_out_width(&a);
        a.x0 = random_floats(pixels * a.cin0, 1);
        if (below(4) == 0) {
            // Nearly constant but for the first pixel.
            float *x = (float *)a.x0;
            for (int64_t i = 0; i < pixels * a.cin0; i++) x[i] = 1 + 1e-3f * x[i] + (i < a.cin0 ? (float)(below(3) * 30) : 0);
        }
        if (a.cin1) a.x1 = random_floats(pixels * a.cin1, 1);
        if (below(3) == 0) a.x0_add = random_floats(pixels * a.cin0, 1);
        if (a.cin1 && below(2)) a.x1_add = random_floats(pixels * a.cin1, 1);
        if (below(2)) {
            a.scale = random_floats(a.batch * cin, 1);
            a.shift = random_floats(a.batch * cin, 1);
        }
        a.silu = below(2) == 0;
        if (below(2)) a.bias = random_floats(a.cout, 1);
        a.channel_add_per_image = below(2) == 0;
        if (below(2)) a.channel_add = random_floats(a.cout * (a.channel_add_per_image ? a.batch : 1), 1);
        if (below(2)) a.activation = DD_ACTIVATION_SILU;
        const int64_t y_floats = out * a.cout;
        float *initial = random_floats(y_floats, 1), *reference = malloc((size_t)y_floats * 4), *y = malloc((size_t)y_floats * 4);
        memcpy(reference, initial, (size_t)y_floats * 4);
        const int residual = (int)below(3); // none, own tensor, in place
        float *moments = malloc((size_t)(a.batch * a.cout) * 8), *true_moments = malloc((size_t)(a.batch * a.cout) * 8);
        const int with_moments = below(2) == 0;
        if (residual == 1) a.residual = random_floats(out * a.cout, 1);
        float *w = random_floats(a.cout * cin * a.kh * a.kw, 1);

        a.y = reference;
        if (residual == 2) a.residual = a.y;
        if (with_moments) a.takes_moments = 1, a.moments = true_moments;
        dd_conv_reference(&a, w);
        void *packed = aligned(dd_conv_packed_bytes(algorithm, precision, &a));
        if (dd_conv_pack(pools[1], algorithm, precision, packed, w, DD_F32, &a)) abort();
        a.y = y;
        if (residual == 2) a.residual = a.y;
        if (with_moments) a.moments = moments;
        for (int isa = 0; isa < dd_isa_count(); isa++) {
            if (!dd_isa_is_supported(isa)) continue;
            dd_pool *pool = pools[below(3)];
            void *scratch = aligned(dd_conv_scratch_bytes(algorithm, precision, &a, dd_pool_size(pool)));
            memcpy(y, initial, (size_t)y_floats * 4);
            dd_isa_force(isa);
            if (dd_conv(pool, algorithm, precision, &a, packed, scratch)) abort();
            free(scratch);
            runs++;
            const double error = error_of(&a, out, y, reference);
            worst[index][precision] = fmax(worst[index][precision], error);
            // Shapes of few pixels and channels are further off.
            const double bound = (precision == DD_PRECISION_INT16 ? 4 : 1) * dd_conv_error(algorithm, precision);
            // Against the largest channel's root mean square, and its square.
            double apart = 0, square = 1e-30;
            for (int64_t c = 0; with_moments && c < a.batch * a.cout; c++)
                square = fmax(square, true_moments[2 * c] * (double)true_moments[2 * c] + true_moments[2 * c + 1]);
            for (int64_t c = 0; with_moments && c < a.batch * a.cout; c++) {
                apart = fmax(apart, fabs(moments[2 * c] - true_moments[2 * c]) / sqrt(square));
                apart = fmax(apart, fabs(moments[2 * c + 1] - true_moments[2 * c + 1]) / square);
            }
            const double variance = with_moments ? variance_error(&a, out / a.batch, y, moments) : 0;
            worst_variance = fmax(worst_variance, variance);
            if (!(error <= bound) || !(apart <= 10 * bound) || !(variance <= 3e-5)) {
                failures++;
                printf(
                    "%s %s %s: error %.3g, of moments %.3g, of a variance %.3g: batch %ld, %ld x %ld, %ld + %ld -> %ld, kernel %ld x %ld / %ld, "
                    "pads %ld %ld %ld %ld, norm %d, residual %d\n",
                    dd_conv_algorithm_name(algorithm), names[precision], dd_isa_name(isa), error, apart, variance, (long)a.batch, (long)a.height, (long)a.width,
                    (long)a.cin0, (long)a.cin1, (long)a.cout, (long)a.kh, (long)a.kw, (long)a.stride, (long)a.pad_top, (long)a.pad_left, (long)a.pad_bottom,
                    (long)a.pad_right, a.scale != NULL, residual);
            }
        }
        const void *all[] = {a.x0,    a.x1,      a.x0_add, a.x1_add, a.scale,      a.shift, a.bias, a.channel_add, residual == 1 ? a.residual : NULL,
                             initial, reference, y,        moments,  true_moments, w,       packed};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) free((void *)all[j]);
    }
    for (int i = 0; i < count; i++)
        printf("%-17s worst error float32 %.2e, bfloat16 %.2e, int16 %.2e\n", dd_conv_algorithm_name(dd_conv_algorithm_at(i)), worst[i][DD_PRECISION_FLOAT32],
               worst[i][DD_PRECISION_BFLOAT16], worst[i][DD_PRECISION_INT16]);
    printf("worst error of a variance %.2e\n%ld runs, %d failures\n", worst_variance, (long)runs, failures);
    dd_pool_destroy(pools[1]);
    dd_pool_destroy(pools[2]);
    return failures != 0;
}
