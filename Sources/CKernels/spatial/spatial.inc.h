// One row of the adaptive convolution: y[j] = sum over the taps inside, kernel planes `plane` floats apart.
static void FN(eac_row_nchw)(
    float *restrict y, const float *x, const float *kernel, int64_t plane, int64_t h, int64_t w, int64_t row, int64_t k,
    int residual) {
    const int64_t reach = k / 2;
    for (int64_t j = 0; j < w; j++) y[j] = 0;
    for (int64_t ky = 0; ky < k; ky++) {
        int64_t from = row + ky - reach;
        if (from < 0 || from >= h) continue;
        for (int64_t kx = 0; kx < k; kx++) {
            int64_t offset = kx - reach, first = max_i64(0, -offset), last = min_i64(w, w - offset);
            const float *source = x + from * w, *tap = kernel + (ky * k + kx) * plane + row * w;
            VECTORIZE for (int64_t j = first; j < last; j++) y[j] += tap[j] * source[j + offset];
        }
    }
    if (residual) {
        const float *source = x + row * w;
        VECTORIZE for (int64_t j = 0; j < w; j++) y[j] += source[j];
    }
}

static void FN(eac_row_nhwc)(
    float *restrict y, const float *x, const float *kernel, int64_t c, int64_t h, int64_t w, int64_t row, int64_t k,
    int residual) {
    const int64_t reach = k / 2;
    for (int64_t j = 0; j < w; j++) {
        int64_t first = max_i64(0, reach - j), last = min_i64(k, w + reach - j);
        for (int64_t ch = 0; ch < c; ch++) {
            const float *taps = kernel + ((row * w + j) * c + ch) * k * k;
            float sum = 0;
            for (int64_t ky = 0; ky < k; ky++) {
                int64_t from = row + ky - reach;
                if (from < 0 || from >= h) continue;
                const float *source = x + from * w * c + ch;
                for (int64_t kx = first; kx < last; kx++) sum += taps[ky * k + kx] * source[(j - reach + kx) * c];
            }
            y[j * c + ch] = residual ? sum + x[(row * w + j) * c + ch] : sum;
        }
    }
}

// y += x, and y /= divisor.
static void FN(add_run)(float *y, const float *x, int64_t n) {
    VECTORIZE for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

static void FN(divide_run)(float *y, int64_t n, float divisor) {
    VECTORIZE for (int64_t i = 0; i < n; i++) y[i] /= divisor;
}

static void FN(sum_run)(float *y, const float *a, const float *b, int64_t n) {
    VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

// Each of n floats twice.
static void FN(double_run)(float *restrict y, const float *x, int64_t n) {
    VECTORIZE for (int64_t i = 0; i < n; i++) {
        y[2 * i] = x[i];
        y[2 * i + 1] = x[i];
    }
}

// y[i] = x[2 * i]
static void FN(halve_run)(float *restrict y, const float *x, int64_t n) {
    VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = x[2 * i];
}
