enum { MOMENT_BLOCK = 4096 }; // floats whose mean and deviations are taken together

// Sixteen lanes to one number, always in the same order.
DD_INLINE double sum_lanes(const vec16 *v) {
    vec8 low, high;
    memcpy(&low, v, 32), memcpy(&high, (const char *)v + 32, 32);
    dvec8 d = __builtin_convertvector(low, dvec8) + __builtin_convertvector(high, dvec8);
    typedef double dvec4 __attribute__((vector_size(32)));
    dvec4 e = __builtin_shufflevector(d, d, 0, 1, 2, 3) + __builtin_shufflevector(d, d, 4, 5, 6, 7);
    return (e[0] + e[2]) + (e[1] + e[3]);
}

// Mean and sum of squared deviations of n floats, n <= MOMENT_BLOCK: two passes over a block in the first cache, the
// second corrected for the rounding of the mean.
static void block_moments(const float *x, int64_t n, double *mean, double *m2) {
    vec16 a = {0}, b = {0}, c = {0}, d = {0}, v;
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        memcpy(&v, x + i, 64), a += v;
        memcpy(&v, x + i + 16, 64), b += v;
        memcpy(&v, x + i + 32, 64), c += v;
        memcpy(&v, x + i + 48, 64), d += v;
    }
    for (; i + 16 <= n; i += 16) memcpy(&v, x + i, 64), a += v;
    a = (a + b) + (c + d);
    double sum = sum_lanes(&a);
    for (int64_t j = i; j < n; j++) sum += (double)x[j];
    const float middle = (float)(sum / (double)n);

    const vec16 zero = {0};
    vec16 e = zero, s0 = zero, s1 = zero, r0 = zero, r1 = zero;
    for (i = 0; i + 32 <= n; i += 32) {
        memcpy(&v, x + i, 64), e = v - middle, r0 += e, s0 += e * e;
        memcpy(&v, x + i + 16, 64), e = v - middle, r1 += e, s1 += e * e;
    }
    for (; i + 16 <= n; i += 16) memcpy(&v, x + i, 64), e = v - middle, r0 += e, s0 += e * e;
    r0 += r1, s0 += s1;
    double rest = sum_lanes(&r0), squares = sum_lanes(&s0);
    for (; i < n; i++) {
        double t = (double)x[i] - (double)middle;
        rest += t;
        squares += t * t;
    }
    *mean = (double)middle + rest / (double)n;
    squares -= rest * rest / (double)n;
    *m2 = squares < 0 ? 0 : squares;
}

static void moments(const float *x, int64_t n, double *mean_out, double *variance_out) {
    double mean = 0, m2 = 0;
    for (int64_t start = 0; start < n; start += MOMENT_BLOCK) {
        int64_t count = dd_min(MOMENT_BLOCK, n - start);
        double block_mean, block_m2, total = (double)(start + count), delta;
        block_moments(x + start, count, &block_mean, &block_m2);
        delta = block_mean - mean;
        mean += delta * (double)count / total;
        m2 += block_m2 + delta * delta * (double)start * (double)count / total;
    }
    *mean_out = mean;
    *variance_out = m2 / (double)n;
}

static void affine(float *y, const float *x, int64_t n, float scale, float shift, int silu) {
    if (silu) {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = s_silu(x[i] * scale + shift);
    } else {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = x[i] * scale + shift;
    }
}

// Scale and shift differ from element to element; y = x * scale + shift.
static void affine_row(float *y, const float *x, int64_t n, const float *scale, const float *shift, int silu) {
    if (silu) {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = s_silu(x[i] * scale[i] + shift[i]);
    } else {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = x[i] * scale[i] + shift[i];
    }
}

static void layer_norm_row(float *y, const float *x, const float *scale, const float *bias, int64_t n, float epsilon) {
    double mean, variance;
    moments(x, n, &mean, &variance);
    const float m = (float)mean, rstd = (float)(1.0 / sqrt(variance + (double)epsilon));
    if (scale && bias) {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) * rstd * scale[i] + bias[i];
    } else if (scale) {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) * rstd * scale[i];
    } else if (bias) {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) * rstd + bias[i];
    } else {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) * rstd;
    }
}

// Of a row whose norm before scale and bias is x * rstd + shift: the norm and its gradient, from the gradient behind scale, bias and SiLU.
static void norm_gradient_parts(float *norm, float *gradient, const float *x, const float *behind, int64_t n, const float *rstd, const float *shift,
                                const float *scale, const float *bias, int silu) {
    if (silu) {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) {
            const float v = x[i] * rstd[i] + shift[i], z = v * scale[i] + bias[i], s = s_sigmoid(z);
            norm[i] = v, gradient[i] = behind[i] * scale[i] * (s + z * s * (1 - s));
        }
    } else {
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) norm[i] = x[i] * rstd[i] + shift[i], gradient[i] = behind[i] * scale[i];
    }
}

// Adds to sums[c] and squares[c] the sum and the sum of squares, in float64, of column c of `pixels` rows: few, so that
// memory is read nearly in order.
#if DD_VW == 16
#define COLUMNS 64
#else
#define COLUMNS 16
#endif
static void column_sums(double *sums, double *squares, const float *x, const float *addend, int64_t ld, int64_t count, int64_t pixels) {
    int64_t c = 0;
    for (; c + COLUMNS <= count; c += COLUMNS) {
        dvec8 sum[COLUMNS / 8], square[COLUMNS / 8];
        for (int k = 0; k < COLUMNS / 8; k++) sum[k] = square[k] = (dvec8){0};
        for (int64_t p = 0; p < pixels; p++) {
            for (int k = 0; k < COLUMNS / 8; k++) {
                vec8 v, w = {0};
                memcpy(&v, x + p * ld + c + 8 * k, 32);
                if (addend) memcpy(&w, addend + p * ld + c + 8 * k, 32), v += w;
                dvec8 d = __builtin_convertvector(v, dvec8);
                sum[k] += d;
                square[k] += d * d;
            }
        }
        for (int k = 0; k < COLUMNS / 8; k++) {
            dvec8 d;
            memcpy(&d, sums + c + 8 * k, 64), d += sum[k], memcpy(sums + c + 8 * k, &d, 64);
            memcpy(&d, squares + c + 8 * k, 64), d += square[k], memcpy(squares + c + 8 * k, &d, 64);
        }
    }
    for (; c < count; c++) {
        double sum = 0, square = 0;
        for (int64_t p = 0; p < pixels; p++) {
            float v = x[p * ld + c];
            if (addend) v += addend[p * ld + c];
            sum += (double)v;
            square += (double)v * (double)v;
        }
        sums[c] += sum;
        squares[c] += square;
    }
}
#undef COLUMNS
