#define LOOP(expression, index_a, index_b)         \
    DD_VECTORIZE for (int64_t i = 0; i < n; i++) { \
        float u = a[index_a], v = b[index_b];      \
        y[i] = (expression);                       \
    }

#define MAP(expression)                                \
    if (stride_a == 1 && stride_b == 1) {              \
        LOOP(expression, i, i)                         \
    } else if (stride_a == 1 && stride_b == 0) {       \
        const float v = b[0];                          \
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) { \
            float u = a[i];                            \
            y[i] = (expression);                       \
        }                                              \
    } else if (stride_a == 0 && stride_b == 1) {       \
        const float u = a[0];                          \
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) { \
            float v = b[i];                            \
            y[i] = (expression);                       \
        }                                              \
    } else {                                           \
        LOOP(expression, i *stride_a, i *stride_b)     \
    }                                                  \
    break;

// A run of n outputs along the innermost dimension.
static void binary_run(dd_binary_op op, float *y, const float *a, int64_t stride_a, const float *b, int64_t stride_b, int64_t n) {
    switch (op) {
        case DD_BINARY_ADD: MAP(u + v)
        case DD_BINARY_SUB: MAP(u - v)
        case DD_BINARY_MUL: MAP(u * v)
        case DD_BINARY_DIV: MAP(u / v)
        case DD_BINARY_MIN: MAP(u < v || u != u ? u : v)
        case DD_BINARY_MAX: MAP(u > v || u != u ? u : v)
        case DD_BINARY_POW:
            if (stride_b == 0 && b[0] == 2.0f) {
                DD_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = a[i * stride_a] * a[i * stride_a];
                break;
            }
            for (int64_t i = 0; i < n; i++) y[i] = powf(a[i * stride_a], b[i * stride_b]);
            break;
    }
}
#undef MAP
#undef LOOP
