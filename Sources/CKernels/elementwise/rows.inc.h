// The last n < 16 floats of a row, and `fill` after them. Short rows are mostly edge, so it is worth a vector.
DD_INLINE void load_edge(float *edge, const float *x, int64_t n, float fill) {
#if DD_VW == 16
    _mm512_storeu_ps(edge, _mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1u << n) - 1), x));
#else
    for (int64_t k = 0; k < 16; k++) edge[k] = k < n ? x[k] : fill;
#endif
}

DD_INLINE void store_edge(float *y, const float *edge, int64_t n) {
#if DD_VW == 16
    _mm512_mask_storeu_ps(y, (__mmask16)((1u << n) - 1), _mm512_loadu_ps(edge));
#else
    for (int64_t k = 0; k < n; k++) y[k] = edge[k];
#endif
}

// The largest, or NaN.
static float row_max(const float *x, int64_t n) {
    const int64_t whole = n / 16 * 16;
    float best[16];
    load_edge(best, x + whole, n - whole, -INFINITY);
    for (int64_t i = 0; i < whole; i += 16) DD_VECTORIZE for (int k = 0; k < 16; k++) {
            float v = x[i + k], m = best[k];
            best[k] = v > m || v != v ? v : m;
        }
    float largest = best[0];
    for (int k = 1; k < 16; k++) largest = best[k] > largest || best[k] != best[k] ? best[k] : largest;
    return largest;
}

// y = exp(x - m); returns the sum, of float32 lanes over short stretches and float64 over those.
static double row_exp(float *y, const float *x, int64_t n, float m) {
    double sum = 0;
    for (int64_t start = 0; start < n; start += 512) {
        int64_t count = dd_min(512, n - start), whole = count / 16 * 16;
        float *to = y + start, edge[16];
        const float *from = x + start;
        DD_VECTORIZE for (int64_t j = 0; j < whole; j++) to[j] = s_exp_of_difference(from[j] - m);
        vec16 lanes = {0}, v;
        for (int64_t j = 0; j < whole; j += 16) memcpy(&v, to + j, sizeof v), lanes += v;
        for (int k = 0; k < 16; k++) sum += (double)lanes[k];
        if (whole == count) continue;
        load_edge(edge, from + whole, count - whole, -INFINITY);
        DD_VECTORIZE for (int j = 0; j < 16; j++) edge[j] = s_exp_of_difference(edge[j] - m);
        store_edge(to + whole, edge, count - whole);
        for (int64_t j = 0; j < count - whole; j++) sum += (double)edge[j];
    }
    return sum;
}

static void softmax_rows(float *y, const float *x, int64_t rows, int64_t n) {
    for (int64_t r = 0; r < rows; r++) {
        float *to = y + r * n;
        const float factor = (float)(1.0 / row_exp(to, x + r * n, n, row_max(x + r * n, n)));
        DD_VECTORIZE for (int64_t j = 0; j < n; j++) to[j] *= factor;
    }
}
