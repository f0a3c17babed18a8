// One row of the adaptive convolution: y[j] = sum over the taps inside, kernel planes `plane` floats apart.
static void eac_row_nchw(float *restrict y, const float *x, const float *kernel, int64_t plane, int64_t h, int64_t w, int64_t row, int64_t k, int residual) {
    const int64_t reach = k / 2;
    for (int64_t j = 0; j < w; j++) y[j] = 0;
    for (int64_t ky = 0; ky < k; ky++) {
        int64_t from = row + ky - reach;
        if (from < 0 || from >= h) continue;
        for (int64_t kx = 0; kx < k; kx++) {
            int64_t offset = kx - reach, first = dd_max(0, -offset), last = dd_min(w, w - offset);
            const float *source = x + from * w, *tap = kernel + (ky * k + kx) * plane + row * w;
            DD_VECTORIZE for (int64_t j = first; j < last; j++) y[j] += tap[j] * source[j + offset];
        }
    }
    if (residual) {
        const float *source = x + row * w;
        DD_VECTORIZE for (int64_t j = 0; j < w; j++) y[j] += source[j];
    }
}

static void eac_row_nhwc(float *restrict y, const float *x, const float *kernel, int64_t c, int64_t h, int64_t w, int64_t row, int64_t k, int residual) {
    const int64_t reach = k / 2;
    for (int64_t j = 0; j < w; j++) {
        int64_t first = dd_max(0, reach - j), last = dd_min(k, w + reach - j);
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
static void add_run(float *y, const float *x, int64_t n) { DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] += x[i]; }

static void divide_run(float *y, int64_t n, float divisor) { DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] /= divisor; }

// Each of n floats twice.
static void double_run(float *restrict y, const float *x, int64_t n) {
    DD_VECTORIZE for (int64_t i = 0; i < n; i++) {
        y[2 * i] = x[i];
        y[2 * i + 1] = x[i];
    }
}

// y[i] = x[2 * i]
static void halve_run(float *restrict y, const float *x, int64_t n) { DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = x[2 * i]; }
