// acc[j] is combined with each of `rows` rows' column j, j in 0 ..< columns, in float64: exact for maxima too.
#define ACCUMULATE(expression)                               \
    for (int64_t r = 0; r < rows; r++) {                     \
        const float *row = x + r * ld;                       \
        DD_VECTORIZE for (int64_t j = 0; j < columns; j++) { \
            double v = (double)row[j], a = acc[j];           \
            acc[j] = (expression);                           \
        }                                                    \
    }                                                        \
    break;

static void reduce_accumulate(dd_reduce_op op, double *acc, const float *x, int64_t rows, int64_t ld, int64_t columns) {
    switch (op) {
        case DD_REDUCE_SUM:
        case DD_REDUCE_MEAN: ACCUMULATE(a + v)
        case DD_REDUCE_MAX: ACCUMULATE(v > a || v != v ? v : a)
        case DD_REDUCE_MIN: ACCUMULATE(v < a || v != v ? v : a)
        case DD_REDUCE_PROD: ACCUMULATE(a * v)
        case DD_REDUCE_SUM_SQUARE: ACCUMULATE(a + v * v)
        case DD_REDUCE_L1: ACCUMULATE(a + __builtin_fabs(v))
    }
}
#undef ACCUMULATE
