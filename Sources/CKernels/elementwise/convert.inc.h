static void f32_to_f16(void *y, const void *x, int64_t n) {
    const float *from = x;
#if DD_VW > 4
    _Float16 *to = y; // there is an instruction
    DD_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = (_Float16)from[i];
#else
    uint16_t *to = y;
    DD_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = dd_float16_from_float(from[i]);
#endif
}

static void f16_to_f32(void *y, const void *x, int64_t n) {
    float *to = y;
#if DD_VW > 4
    const _Float16 *from = x;
    DD_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = (float)from[i];
#else
    const uint16_t *from = x;
    DD_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = dd_float_from_float16(from[i]);
#endif
}

static void f32_to_bf16(void *y, const void *x, int64_t n) {
    uint16_t *to = y;
    const float *from = x;
    DD_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = dd_bfloat16_from_float(from[i]);
}

static void bf16_to_f32(void *y, const void *x, int64_t n) {
    float *to = y;
    const uint16_t *from = x;
    DD_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = dd_float_from_bfloat16(from[i]);
}
