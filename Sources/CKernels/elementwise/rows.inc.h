#include "vector_math.inc.h"

// The largest, or NaN.
static float FN(row_max)(const float *x, int64_t n) {
    vec16 best;
    for (int k = 0; k < 16; k++) best[k] = -INFINITY;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        vec16 v;
        memcpy(&v, x + i, sizeof v);
        typedef int32_t mask __attribute__((vector_size(64)));
        mask take = (v > best) | (v != v), bits, old;
        memcpy(&bits, &v, 64), memcpy(&old, &best, 64);
        bits = (take & bits) | (~take & old);
        memcpy(&best, &bits, 64);
    }
    float m = -INFINITY;
    for (int k = 0; k < 16; k++) m = best[k] > m || best[k] != best[k] ? best[k] : m;
    for (; i < n; i++) m = x[i] > m || x[i] != x[i] ? x[i] : m;
    return m;
}

// y = exp(x - m); returns the sum, of float32 lanes over short stretches and float64 over those.
static double FN(row_exp)(float *y, const float *x, int64_t n, float m) {
    double sum = 0;
    for (int64_t start = 0; start < n; start += 512) {
        int64_t count = min_i64(512, n - start), i = 0;
        float *to = y + start;
        const float *from = x + start;
        VECTORIZE for (int64_t j = 0; j < count; j++) to[j] = FN(exp)(from[j] - m);
        vec16 lanes = {0};
        for (; i + 16 <= count; i += 16) {
            vec16 v;
            memcpy(&v, to + i, sizeof v);
            lanes += v;
        }
        for (int k = 0; k < 16; k++) sum += (double)lanes[k];
        for (; i < count; i++) sum += (double)to[i];
    }
    return sum;
}

static void FN(softmax_rows)(float *y, const float *x, int64_t rows, int64_t n) {
    for (int64_t r = 0; r < rows; r++) {
        float *to = y + r * n;
        const float factor = (float)(1.0 / FN(row_exp)(to, x + r * n, n, FN(row_max)(x + r * n, n)));
        VECTORIZE for (int64_t j = 0; j < n; j++) to[j] *= factor;
    }
}

static void FN(geglu_rows)(float *y, const float *x, int64_t rows, int64_t width) {
    for (int64_t r = 0; r < rows; r++) {
        float *restrict to = y + r * width;
        const float *value = x + r * 2 * width, *gate = value + width;
        VECTORIZE for (int64_t j = 0; j < width; j++) to[j] = value[j] * FN(gelu)(gate[j]);
    }
}
