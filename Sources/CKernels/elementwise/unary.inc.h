#define MAP(expression)                                \
    {                                                  \
        DD_VECTORIZE for (int64_t i = 0; i < n; i++) { \
            float v = x[i];                            \
            y[i] = (expression);                       \
        }                                              \
        break;                                         \
    }

// The C library's functions, one element at a time.
#define MAP_CALL(expression)              \
    {                                     \
        for (int64_t i = 0; i < n; i++) { \
            float v = x[i];               \
            y[i] = (expression);          \
        }                                 \
        break;                            \
    }

static void unary_run(dd_unary_op op, float *y, const float *x, int64_t n, float p0, float p1) {
    switch (op) {
        case DD_UNARY_SILU: MAP(s_silu(v))
        case DD_UNARY_GELU: MAP(s_gelu(v))
        case DD_UNARY_SIGMOID: MAP(s_sigmoid(v))
        case DD_UNARY_EXP: MAP(s_exp(v))
        case DD_UNARY_LOG: MAP(s_log(v))
        case DD_UNARY_SQRT: MAP(__builtin_elementwise_sqrt(v))
        case DD_UNARY_TANH: MAP(s_tanh(v))
        case DD_UNARY_ERF: MAP(s_erf(v))
        case DD_UNARY_ABS: MAP(__builtin_fabsf(v))
        case DD_UNARY_NEG: MAP(-v)
        case DD_UNARY_RELU: MAP(v < 0.0f ? 0.0f : v)
        case DD_UNARY_RECIPROCAL: MAP(1.0f / v)
        case DD_UNARY_FLOOR: MAP(__builtin_elementwise_floor(v))
        case DD_UNARY_CEIL: MAP(__builtin_elementwise_ceil(v))
        case DD_UNARY_ROUND: MAP(__builtin_elementwise_roundeven(v))
        case DD_UNARY_SIGN: MAP(v != v ? v : (float)((v > 0.0f) - (v < 0.0f)))
        case DD_UNARY_SIN: MAP_CALL(sinf(v))
        case DD_UNARY_COS: MAP_CALL(cosf(v))
        case DD_UNARY_SOFTPLUS: MAP(s_softplus(v))
        case DD_UNARY_LINEAR: MAP(p0 * v + p1)
        case DD_UNARY_LEAKY_RELU: MAP(v < 0.0f ? p0 * v : v)
        case DD_UNARY_ELU: MAP(v < 0.0f ? p0 * (s_exp_normal(v) - 1.0f) : v)
        case DD_UNARY_HARD_SIGMOID: MAP(s_unit(p0 * v + p1))
        case DD_UNARY_HARD_SWISH: MAP(v * s_unit(v * (1.0f / 6.0f) + 0.5f))
    }
}
#undef MAP
#undef MAP_CALL
