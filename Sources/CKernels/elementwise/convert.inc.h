#if VECTOR_BYTES > 16
static void FN(f32_to_f16)(void *y, const void *x, int64_t n) {
    _Float16 *to = y;
    const float *from = x;
    VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = (_Float16)from[i];
}

static void FN(f16_to_f32)(void *y, const void *x, int64_t n) {
    float *to = y;
    const _Float16 *from = x;
    VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = (float)from[i];
}
#else
static void FN(f32_to_f16)(void *y, const void *x, int64_t n) {
    uint16_t *to = y;
    const float *from = x;
    VECTORIZE for (int64_t i = 0; i < n; i++) {
        uint32_t u = bits_of(from[i]), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
        // Results in the denormal range: a sum with 0.5 rounds at the right bit.
        uint32_t small = bits_of(float_of(a) + 0.5f) - 0x3f000000u;
        uint32_t normal = (a + 0xc8000fffu + (a >> 13 & 1)) >> 13;
        uint32_t special = a > 0x7f800000u ? 0x7e00 | (a >> 13 & 0x3ff) : 0x7c00;
        uint32_t half = a < 0x38800000u ? small : normal;
        to[i] = (uint16_t)(sign | (a >= 0x47800000u ? special : half));
    }
}

static void FN(f16_to_f32)(void *y, const void *x, int64_t n) {
    float *to = y;
    const uint16_t *from = x;
    VECTORIZE for (int64_t i = 0; i < n; i++) {
        uint32_t h = from[i], sign = (h & 0x8000) << 16, a = (h & 0x7fff) << 13;
        uint32_t normal = a + 0x38000000u;
        uint32_t special = a + 0x70000000u;
        special = a > 0x0f800000u ? special | 0x00400000u : special; // NaN becomes quiet
        uint32_t small = bits_of(float_of(a + 0x38800000u) - float_of(0x38800000u));
        uint32_t result = a >= 0x0f800000u ? special : a < 0x00800000u ? small : normal;
        to[i] = float_of(sign | result);
    }
}
#endif

static void FN(f32_to_bf16)(void *y, const void *x, int64_t n) {
    uint16_t *to = y;
    const uint32_t *from = x;
    VECTORIZE for (int64_t i = 0; i < n; i++) {
        uint32_t u = from[i], rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
        to[i] = (uint16_t)((u & 0x7fffffff) > 0x7f800000u ? u >> 16 | 0x40 : rounded);
    }
}

static void FN(bf16_to_f32)(void *y, const void *x, int64_t n) {
    uint32_t *to = y;
    const uint16_t *from = x;
    VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = (uint32_t)from[i] << 16;
}
