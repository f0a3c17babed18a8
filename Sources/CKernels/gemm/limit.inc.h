// Multiplications and additions on registers alone, of one instruction set.

enum { LIMIT_CHAINS = 16 }; // more than latency times units, on all machines so far

// The empty assembly keeps the compiler from seeing through the loop.
#define DD_KEEP(x) __asm__ volatile("" : "+x"(x))
#define DD_KEEP_WIDE(x) __asm__ volatile("" : "+v"(x))

#if defined(DD_VMATH_BF16)
static void limit_bfloat16(int64_t steps, float *result) {
    __m512 sums[LIMIT_CHAINS];
    __m512i bits = _mm512_set1_epi32(0x3f003f00); // pairs of 0.5
    for (int i = 0; i < LIMIT_CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
    DD_KEEP_WIDE(bits);
    const __m512bh x = (__m512bh)bits;
    for (int64_t s = 0; s < steps; s++)
#pragma clang loop unroll(full)
        for (int i = 0; i < LIMIT_CHAINS; i++) sums[i] = _mm512_dpbf16_ps(sums[i], x, x);
    for (int i = 0; i < LIMIT_CHAINS; i++) *result += _mm512_cvtss_f32(sums[i]);
}
#elif defined(DD_VMATH_AVX512)
static void limit_avx512(int64_t steps, float *result) {
    __m512 sums[LIMIT_CHAINS], x = _mm512_set1_ps(0.5f);
    for (int i = 0; i < LIMIT_CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
    DD_KEEP_WIDE(x);
    for (int64_t s = 0; s < steps; s++)
#pragma clang loop unroll(full)
        for (int i = 0; i < LIMIT_CHAINS; i++) sums[i] = _mm512_fmadd_ps(x, x, sums[i]);
    for (int i = 0; i < LIMIT_CHAINS; i++) *result += _mm512_cvtss_f32(sums[i]);
}
#elif defined(DD_VMATH_AVX2)
static void limit_avx2(int64_t steps, float *result) {
    __m256 sums[12], x = _mm256_set1_ps(0.5f);
    for (int i = 0; i < 12; i++) sums[i] = _mm256_set1_ps((float)i);
    DD_KEEP(x);
    for (int64_t s = 0; s < steps; s++)
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) sums[i] = _mm256_fmadd_ps(x, x, sums[i]);
    for (int i = 0; i < 12; i++) *result += _mm256_cvtss_f32(sums[i]);
}
#else
static void limit_scalar(int64_t steps, float *result) {
    float sums[LIMIT_CHAINS] = {0};
    for (int64_t s = 0; s < steps; s++)
        for (int i = 0; i < LIMIT_CHAINS; i++) sums[i] = sums[i] * 0.5f + 1.0f;
    for (int i = 0; i < LIMIT_CHAINS; i++) *result += sums[i];
}
#endif
