// Vector arithmetic and elementary functions, written once for each instruction set that a file can be compiled for.
//
// A file defines one of DD_VMATH_AVX512 (and DD_VMATH_BF16), DD_VMATH_AVX2 or neither (portable, one lane), makes sure that its functions are
// compiled for that instruction set (#pragma clang attribute push), and includes this. Everything is static: two files that
// choose differently do not meet. dd_vf is a vector of DD_VW floats; functions with a count handle tails: lanes beyond it
// are read as 0 and not written, and no memory beyond it is touched.
//
// Largest errors, measured against double precision over all of the range (Tools/kernels/check_vmath.c):
//
//     dd_v_exp         1.1 ulp (portable: 1.4), subnormal results included; 0 below -104, infinity above 88.72...
//     dd_v_exp2        2.4e-7 relative (AVX-512: 5.8e-7);   dd_v_exp2_short  7.5e-5 relative (AVX-512: 1.2e-4)
//     dd_v_erf         7.1e-8 absolute
//     dd_v_gelu, dd_v_silu   1.2e-7 max(1, |x|) absolute
//
// NaN gives NaN; infinities give the limits, where there are any (silu and gelu of -infinity are NaN, as in PyTorch).
#ifndef DD_VMATH_H
#define DD_VMATH_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#define DD_VINLINE static inline __attribute__((always_inline, unused))

#if defined(DD_VMATH_AVX512)

#define DD_VW 16
typedef __m512 dd_vf;

DD_VINLINE dd_vf dd_v_set(float x) { return _mm512_set1_ps(x); }
DD_VINLINE dd_vf dd_v_zero(void) { return _mm512_setzero_ps(); }
DD_VINLINE dd_vf dd_v_load(const float *p) { return _mm512_loadu_ps(p); }
DD_VINLINE void dd_v_store(float *p, dd_vf x) { _mm512_storeu_ps(p, x); }
DD_VINLINE __mmask16 dd_v_mask(int64_t count) { return (__mmask16)((1u << count) - 1); }
/// 0 <= count < DD_VW.
DD_VINLINE dd_vf dd_v_load_n(const float *p, int64_t count) { return _mm512_maskz_loadu_ps(dd_v_mask(count), p); }
DD_VINLINE void dd_v_store_n(float *p, dd_vf x, int64_t count) { _mm512_mask_storeu_ps(p, dd_v_mask(count), x); }
DD_VINLINE dd_vf dd_v_add(dd_vf a, dd_vf b) { return _mm512_add_ps(a, b); }
DD_VINLINE dd_vf dd_v_sub(dd_vf a, dd_vf b) { return _mm512_sub_ps(a, b); }
DD_VINLINE dd_vf dd_v_mul(dd_vf a, dd_vf b) { return _mm512_mul_ps(a, b); }
DD_VINLINE dd_vf dd_v_div(dd_vf a, dd_vf b) { return _mm512_div_ps(a, b); }
/// a b + c
DD_VINLINE dd_vf dd_v_fma(dd_vf a, dd_vf b, dd_vf c) { return _mm512_fmadd_ps(a, b, c); }
/// c - a b
DD_VINLINE dd_vf dd_v_fnma(dd_vf a, dd_vf b, dd_vf c) { return _mm512_fnmadd_ps(a, b, c); }
/// The larger one; b if either is NaN.
DD_VINLINE dd_vf dd_v_max(dd_vf a, dd_vf b) { return _mm512_max_ps(a, b); }
DD_VINLINE dd_vf dd_v_min(dd_vf a, dd_vf b) { return _mm512_min_ps(a, b); }
DD_VINLINE dd_vf dd_v_abs(dd_vf a) { return _mm512_abs_ps(a); }
DD_VINLINE dd_vf dd_v_copysign(dd_vf magnitude, dd_vf sign) {
    const __m512i bit = _mm512_set1_epi32((int)0x80000000u);
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(bit, _mm512_castps_si512(sign), _mm512_castps_si512(magnitude), 0xca));
}
/// x < bound ? a : b
DD_VINLINE dd_vf dd_v_select_below(dd_vf x, dd_vf bound, dd_vf a, dd_vf b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, bound, _CMP_LT_OQ), b, a);
}
DD_VINLINE dd_vf dd_v_round(dd_vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// p 2^n for whole n in -160 ... 160; subnormals and overflow come out right.
DD_VINLINE dd_vf dd_v_scale(dd_vf p, dd_vf n) { return _mm512_scalef_ps(p, n); }
DD_VINLINE float dd_v_sum(dd_vf a) { return _mm512_reduce_add_ps(a); }
DD_VINLINE float dd_v_largest(dd_vf a) { return _mm512_reduce_max_ps(a); }
DD_VINLINE int dd_v_any_above(dd_vf a, dd_vf bound) { return _mm512_cmp_ps_mask(a, bound, _CMP_GT_OQ) != 0; }
DD_VINLINE dd_vf dd_v_load_bfloat16(const uint16_t *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
/// To nearest, ties to even; NaNs stay NaNs.
DD_VINLINE __m256i dd_v_to_bfloat16(dd_vf x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
    const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}
DD_VINLINE void dd_v_store_bfloat16(uint16_t *p, dd_vf x) { _mm256_storeu_si256((__m256i *)p, dd_v_to_bfloat16(x)); }
/// To nearest, ties to even; what is out of range to its ends, NaN to the lower.
DD_VINLINE void dd_v_store_int16(int16_t *p, dd_vf x) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x))); }
#if defined(DD_VMATH_BF16)
/// In one instruction, which makes subnormal numbers 0.
DD_VINLINE void dd_v_store_bfloat16_fast(uint16_t *p, dd_vf x) {
    _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(x));
}
#endif
/// The same as floats.
DD_VINLINE dd_vf dd_v_rounded_bfloat16(dd_vf x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(dd_v_to_bfloat16(x)), 16));
}

/// 16 pairs: a's lanes rounded in the lower halves, b's in the upper.
DD_VINLINE dd_vf dd_v_pairs_bfloat16(dd_vf a, dd_vf b) {
    const __m512i low = _mm512_cvtepu16_epi32(dd_v_to_bfloat16(a)), high = _mm512_cvtepu16_epi32(dd_v_to_bfloat16(b));
    return _mm512_castsi512_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}
/// Turns a square of DD_VW x DD_VW around.
DD_VINLINE void dd_v_transpose(dd_vf r[DD_VW]) {
    dd_vf t[16];
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i += 2) t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i += 4) {
        for (int j = 0; j < 2; j++) {
            const __m512d a = _mm512_castps_pd(t[i + j]), b = _mm512_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88), t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88), t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    }
}

#elif defined(DD_VMATH_AVX2)

#define DD_VW 8
typedef __m256 dd_vf;

DD_VINLINE dd_vf dd_v_set(float x) { return _mm256_set1_ps(x); }
DD_VINLINE dd_vf dd_v_zero(void) { return _mm256_setzero_ps(); }
DD_VINLINE dd_vf dd_v_load(const float *p) { return _mm256_loadu_ps(p); }
DD_VINLINE void dd_v_store(float *p, dd_vf x) { _mm256_storeu_ps(p, x); }
DD_VINLINE __m256i dd_v_mask(int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
DD_VINLINE dd_vf dd_v_load_n(const float *p, int64_t count) { return _mm256_maskload_ps(p, dd_v_mask(count)); }
DD_VINLINE void dd_v_store_n(float *p, dd_vf x, int64_t count) { _mm256_maskstore_ps(p, dd_v_mask(count), x); }
DD_VINLINE dd_vf dd_v_add(dd_vf a, dd_vf b) { return _mm256_add_ps(a, b); }
DD_VINLINE dd_vf dd_v_sub(dd_vf a, dd_vf b) { return _mm256_sub_ps(a, b); }
DD_VINLINE dd_vf dd_v_mul(dd_vf a, dd_vf b) { return _mm256_mul_ps(a, b); }
DD_VINLINE dd_vf dd_v_div(dd_vf a, dd_vf b) { return _mm256_div_ps(a, b); }
DD_VINLINE dd_vf dd_v_fma(dd_vf a, dd_vf b, dd_vf c) { return _mm256_fmadd_ps(a, b, c); }
DD_VINLINE dd_vf dd_v_fnma(dd_vf a, dd_vf b, dd_vf c) { return _mm256_fnmadd_ps(a, b, c); }
DD_VINLINE dd_vf dd_v_max(dd_vf a, dd_vf b) { return _mm256_max_ps(a, b); }
DD_VINLINE dd_vf dd_v_min(dd_vf a, dd_vf b) { return _mm256_min_ps(a, b); }
DD_VINLINE dd_vf dd_v_abs(dd_vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
DD_VINLINE dd_vf dd_v_copysign(dd_vf magnitude, dd_vf sign) {
    const dd_vf bit = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_and_ps(bit, sign), _mm256_andnot_ps(bit, magnitude));
}
DD_VINLINE dd_vf dd_v_select_below(dd_vf x, dd_vf bound, dd_vf a, dd_vf b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, bound, _CMP_LT_OQ));
}
DD_VINLINE dd_vf dd_v_round(dd_vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// In two steps, so that each power of two is an ordinary number.
DD_VINLINE dd_vf dd_v_scale(dd_vf p, dd_vf n) {
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), bias = _mm256_set1_epi32(127);
    const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    const __m256i second = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
}
DD_VINLINE float dd_v_sum(dd_vf a) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
DD_VINLINE int dd_v_any_above(dd_vf a, dd_vf bound) { return _mm256_movemask_ps(_mm256_cmp_ps(a, bound, _CMP_GT_OQ)) != 0; }
DD_VINLINE float dd_v_largest(dd_vf a) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
DD_VINLINE dd_vf dd_v_load_bfloat16(const uint16_t *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
DD_VINLINE __m256i dd_v_bfloat16_bits(dd_vf x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, odd), _mm256_set1_epi32(0x7fff));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const dd_vf nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    return _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet), nan));
}
DD_VINLINE void dd_v_store_bfloat16(uint16_t *p, dd_vf x) {
    const __m256i halves = _mm256_srli_epi32(dd_v_bfloat16_bits(x), 16);
    _mm_storeu_si128((__m128i *)p, _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
}
DD_VINLINE void dd_v_store_int16(int16_t *p, dd_vf x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
}
DD_VINLINE dd_vf dd_v_rounded_bfloat16(dd_vf x) {
    return _mm256_castsi256_ps(_mm256_and_si256(dd_v_bfloat16_bits(x), _mm256_set1_epi32((int)0xffff0000u)));
}

DD_VINLINE dd_vf dd_v_pairs_bfloat16(dd_vf a, dd_vf b) {
    const __m256i low = _mm256_srli_epi32(dd_v_bfloat16_bits(a), 16);
    return _mm256_castsi256_ps(_mm256_blend_epi16(low, dd_v_bfloat16_bits(b), 0xaa));
}
DD_VINLINE void dd_v_transpose(dd_vf r[DD_VW]) {
    dd_vf t[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 2) t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) {
            const __m256d a = _mm256_castps_pd(t[i + j]), b = _mm256_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) r[i] = t[i];
}

#else

#define DD_VW 1
typedef float dd_vf;

DD_VINLINE dd_vf dd_v_set(float x) { return x; }
DD_VINLINE dd_vf dd_v_zero(void) { return 0; }
DD_VINLINE dd_vf dd_v_load(const float *p) { return *p; }
DD_VINLINE void dd_v_store(float *p, dd_vf x) { *p = x; }
DD_VINLINE dd_vf dd_v_load_n(const float *p, int64_t count) { return count > 0 ? *p : 0; }
DD_VINLINE void dd_v_store_n(float *p, dd_vf x, int64_t count) {
    if (count > 0) *p = x;
}
DD_VINLINE dd_vf dd_v_add(dd_vf a, dd_vf b) { return a + b; }
DD_VINLINE dd_vf dd_v_sub(dd_vf a, dd_vf b) { return a - b; }
DD_VINLINE dd_vf dd_v_mul(dd_vf a, dd_vf b) { return a * b; }
DD_VINLINE dd_vf dd_v_div(dd_vf a, dd_vf b) { return a / b; }
DD_VINLINE dd_vf dd_v_fma(dd_vf a, dd_vf b, dd_vf c) { return a * b + c; }
DD_VINLINE dd_vf dd_v_fnma(dd_vf a, dd_vf b, dd_vf c) { return c - a * b; }
DD_VINLINE dd_vf dd_v_max(dd_vf a, dd_vf b) { return a > b ? a : b; }
DD_VINLINE dd_vf dd_v_min(dd_vf a, dd_vf b) { return a < b ? a : b; }
DD_VINLINE dd_vf dd_v_abs(dd_vf a) { return fabsf(a); }
DD_VINLINE dd_vf dd_v_copysign(dd_vf magnitude, dd_vf sign) { return copysignf(magnitude, sign); }
DD_VINLINE dd_vf dd_v_select_below(dd_vf x, dd_vf bound, dd_vf a, dd_vf b) { return x < bound ? a : b; }
DD_VINLINE dd_vf dd_v_round(dd_vf a) { return rintf(a); }
DD_VINLINE dd_vf dd_v_scale(dd_vf p, dd_vf n) { return n == n ? ldexpf(p, (int)n) : n; }
DD_VINLINE float dd_v_sum(dd_vf a) { return a; }
DD_VINLINE float dd_v_largest(dd_vf a) { return a; }
DD_VINLINE int dd_v_any_above(dd_vf a, dd_vf bound) { return a > bound; }

#endif

// MARK: elementary functions

DD_VINLINE dd_vf dd_v_exp(dd_vf x) {
    // NaN survives as the second operand.
    x = dd_v_min(dd_v_set(89.0f), dd_v_max(dd_v_set(-105.0f), x));
    const dd_vf n = dd_v_round(dd_v_mul(x, dd_v_set(1.44269504f)));
    dd_vf r = dd_v_fnma(n, dd_v_set(0x1.62e400p-1f), x); // log 2 in two parts, the first short enough for n times it to be exact
    r = dd_v_fnma(n, dd_v_set(0x1.7f7d1cp-20f), r);
    dd_vf p = dd_v_set(0x1.6fe1dap-10f);
    p = dd_v_fma(p, r, dd_v_set(0x1.125314p-7f));
    p = dd_v_fma(p, r, dd_v_set(0x1.55528ap-5f));
    p = dd_v_fma(p, r, dd_v_set(0x1.555438p-3f));
    p = dd_v_fma(p, r, dd_v_set(0.5f));
    p = dd_v_fma(p, r, dd_v_set(1.0f));
    p = dd_v_fma(p, r, dd_v_set(1.0f));
    return dd_v_scale(p, n);
}

#if defined(DD_VMATH_AVX512)
/// 2^x as a product, for x in [-126, 126] (below: 2^-126; NaN stays NaN): 2^n from the exponent bits times 2^(j/16) from a
/// table, and a polynomial for the rest within 1/32; 5.8e-7 relative.
DD_VINLINE void dd_v_exp2_factors(dd_vf x, dd_vf *power, dd_vf *polynomial) {
    // 2^(j/16) less j at the place to which the shift below brings j.
    const __m512i table = _mm512_setr_epi32(0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
                                            0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d);
    const dd_vf shifter = dd_v_set(0x1.8p19f); // leaves sixteenths in the last bits
    x = dd_v_max(dd_v_set(-126.0f), x);
    const dd_vf shifted = dd_v_add(x, shifter), r = dd_v_sub(x, dd_v_sub(shifted, shifter));
    const __m512i sixteenths = _mm512_castps_si512(shifted);
    *power = _mm512_castsi512_ps(_mm512_add_epi32(_mm512_slli_epi32(sixteenths, 19), _mm512_permutexvar_epi32(sixteenths, table)));
    *polynomial = dd_v_fma(dd_v_fma(dd_v_set(0x1.ebf82ep-3f), r, dd_v_set(0x1.62e984p-1f)), r, dd_v_set(1.0f));
}
DD_VINLINE dd_vf dd_v_exp2(dd_vf x) {
    dd_vf power, polynomial;
    dd_v_exp2_factors(x, &power, &polynomial);
    return dd_v_mul(polynomial, power);
}

/// 2^(j/16) times 1.00012 and its slope: the line that is nearest within 1/32.
static const float dd_v_exp2_line[2][16] __attribute__((unused)) = {
    {0x1.0007b0p+0f, 0x1.0b5d8ep+0f, 0x1.1733e6p+0f, 0x1.239068p+0f, 0x1.307904p+0f, 0x1.3df3f0p+0f, 0x1.4c07a6p+0f, 0x1.5abae8p+0f,
     0x1.6a14c6p+0f, 0x1.7a1ca2p+0f, 0x1.8ada30p+0f, 0x1.9c557ap+0f, 0x1.ae96e8p+0f, 0x1.c1a73ep+0f, 0x1.d58fa8p+0f, 0x1.ea59b4p+0f},
    {0x1.62e0a2p-1f, 0x1.7296d8p-1f, 0x1.82ff22p-1f, 0x1.942164p-1f, 0x1.a605d8p-1f, 0x1.b8b516p-1f, 0x1.cc381ap-1f, 0x1.e09844p-1f,
     0x1.f5df5ep-1f, 0x1.060bd2p+0f, 0x1.11a5e0p+0f, 0x1.1dc36cp+0f, 0x1.2a6a4ap+0f, 0x1.37a08ep+0f, 0x1.456c90p+0f, 0x1.53d4f2p+0f},
};

/// The same within 1.2e-4, with one multiplication: those are what costs beside a product, all else fits in between.
DD_VINLINE dd_vf dd_v_exp2_short(dd_vf x) {
    const dd_vf shifter = dd_v_set(0x1.8p19f);
    x = dd_v_max(dd_v_set(-126.0f), x);
    const dd_vf shifted = dd_v_add(x, shifter), rounded = dd_v_sub(shifted, shifter);
    const __m512i sixteenths = _mm512_castps_si512(shifted);
    const dd_vf value = _mm512_permutexvar_ps(sixteenths, dd_v_load(dd_v_exp2_line[0]));
    const dd_vf slope = _mm512_permutexvar_ps(sixteenths, dd_v_load(dd_v_exp2_line[1]));
    return dd_v_scale(dd_v_fma(slope, dd_v_sub(x, rounded), value), rounded);
}
#else
/// 2^x for x <= 0 (and up to 127): for softmax, where a common factor does not matter.
DD_VINLINE dd_vf dd_v_exp2(dd_vf x) {
    x = dd_v_max(dd_v_set(-151.0f), x);
    const dd_vf n = dd_v_round(x);
    const dd_vf r = dd_v_sub(x, n);
    dd_vf p = dd_v_set(0x1.5c08dep-10f);
    p = dd_v_fma(p, r, dd_v_set(0x1.3d0c52p-7f));
    p = dd_v_fma(p, r, dd_v_set(0x1.c6b6e6p-5f));
    p = dd_v_fma(p, r, dd_v_set(0x1.ebf918p-3f));
    p = dd_v_fma(p, r, dd_v_set(0x1.62e428p-1f));
    p = dd_v_fma(p, r, dd_v_set(0x1.000002p+0f));
    return dd_v_scale(p, n);
}

/// The same with degree 3, 7.5e-5 relative: for weights that are rounded to bfloat16 (2e-3) afterwards.
DD_VINLINE dd_vf dd_v_exp2_short(dd_vf x) {
    x = dd_v_max(dd_v_set(-151.0f), x);
    const dd_vf n = dd_v_round(x);
    const dd_vf r = dd_v_sub(x, n);
    dd_vf p = dd_v_set(0x1.c3f764p-5f);
    p = dd_v_fma(p, r, dd_v_set(0x1.f0de1ap-3f));
    p = dd_v_fma(p, r, dd_v_set(0x1.62f31ap-1f));
    p = dd_v_fma(p, r, dd_v_set(0x1.fff692p-1f));
    return dd_v_scale(p, n);
}
#endif

// A polynomial near zero; elsewhere 1 - exp of one (both with errors below 1 ulp of the result).
DD_VINLINE dd_vf dd_v_erf(dd_vf x) {
    const dd_vf t = dd_v_abs(x), s = dd_v_mul(x, x);
    dd_vf r = dd_v_fma(dd_v_set(-1.72853470e-5f), t, dd_v_set(3.83197126e-4f));
    const dd_vf u = dd_v_fma(dd_v_set(-3.88396438e-3f), t, dd_v_set(2.42546219e-2f));
    r = dd_v_fma(r, s, u);
    r = dd_v_fma(r, t, dd_v_set(-1.06777877e-1f));
    r = dd_v_fma(r, t, dd_v_set(-6.34846687e-1f));
    r = dd_v_fma(r, t, dd_v_set(-1.28717512e-1f));
    r = dd_v_fma(r, t, dd_v_sub(dd_v_zero(), t));
    const dd_vf far = dd_v_copysign(dd_v_sub(dd_v_set(1.0f), dd_v_exp(r)), x);
    dd_vf p = dd_v_set(-5.96761703e-4f);
    p = dd_v_fma(p, s, dd_v_set(4.99119423e-3f));
    p = dd_v_fma(p, s, dd_v_set(-2.67681349e-2f));
    p = dd_v_fma(p, s, dd_v_set(1.12819925e-1f));
    p = dd_v_fma(p, s, dd_v_set(-3.76125336e-1f));
    p = dd_v_fma(p, s, dd_v_set(1.28379166e-1f));
    p = dd_v_fma(p, x, x);
    return dd_v_select_below(t, dd_v_set(0.927734375f), p, far);
}

#if defined(DD_VMATH_AVX512)
/// erf(u / sqrt 2) on sixteen stretches of 0.35, each as powers of the distance from its middle in stretches (within 3e-8).
static const float dd_v_gelu_table[6][16] = {
    {0x1.1c8248p-3f, 0x1.9a06dcp-2f, 0x1.3ca258p-1f, 0x1.8f10c4p-1f, 0x1.c4fd1cp-1f, 0x1.e43c0cp-1f, 0x1.f445acp-1f, 0x1.fb9046p-1f,
     0x1.fe7ffap-1f, 0x1.ff8c1cp-1f, 0x1.ffe0d4p-1f, 0x1.fff888p-1f, 0x1.fffe68p-1f, 0x1.ffffb2p-1f, 0x1.fffff2p-1f, 0x1.fffffep-1f},
    {0x1.199dccp-2f, 0x1.f24b9ep-3f, 0x1.86049ep-3f, 0x1.0e12bep-3f, 0x1.4ae86ep-4f, 0x1.66b34ap-5f, 0x1.57ff60p-6f, 0x1.23dcb8p-7f,
     0x1.b6280cp-9f, 0x1.22f88ep-10f, 0x1.55e65cp-12f, 0x1.636ca8p-14f, 0x1.46e282p-16f, 0x1.09f9b0p-18f, 0x1.7eed9ep-21f, 0x1.e7beb2p-24f},
    {-0x1.13fa68p-7f, -0x1.6e3d92p-6f, -0x1.ddc43ep-6f, -0x1.cf2c8cp-6f, -0x1.6cd3f4p-6f, -0x1.e35ac6p-7f, -0x1.11e97cp-7f, -0x1.0c26a4p-8f,
     -0x1.c83a2ep-10f, -0x1.529aaep-11f, -0x1.b7ba7ap-13f, -0x1.f49e72p-15f, -0x1.f466cap-17f, -0x1.b7aab4p-19f, -0x1.53dfc8p-21f, -0x1.cea502p-24f},
    {-0x1.64b45cp-8f, -0x1.d7a47cp-9f, -0x1.ddcb48p-11f, 0x1.615252p-10f, 0x1.4018cep-9f, 0x1.3d0880p-9f, 0x1.d53b02p-10f, 0x1.18d0acp-10f,
     0x1.18ebaep-11f, 0x1.dde568p-13f, 0x1.5d2bccp-14f, 0x1.b9305cp-16f, 0x1.e43656p-18f, 0x1.cf1ed2p-20f, 0x1.82f48cp-22f, 0x1.1afa3cp-24f},
    {0x1.09af0ap-12f, 0x1.43b2c2p-11f, 0x1.5ad594p-11f, 0x1.c4ae08p-12f, 0x1.f478f4p-14f, -0x1.b5a232p-14f, -0x1.829b22p-13f, -0x1.53ef00p-13f,
     -0x1.b4842cp-14f, -0x1.bfc960p-15f, -0x1.7cbaf4p-16f, -0x1.11836cp-17f, -0x1.4fdd3cp-19f, -0x1.632270p-21f, -0x1.4507c6p-23f, -0x1.0276bcp-25f},
    {0x1.93df46p-14f, 0x1.69c9ecp-15f, -0x1.8cef2ep-16f, -0x1.018fc8p-14f, -0x1.e38258p-15f, -0x1.f9d4e0p-16f, -0x1.d2a0a4p-19f, 0x1.51337ap-17f,
     0x1.8a359ap-17f, 0x1.124a28p-17f, 0x1.1eb2e6p-18f, 0x1.e259d2p-20f, 0x1.50e23cp-21f, 0x1.8d7372p-23f, 0x1.904852p-25f, 0x1.5a9b2ap-27f},
};

/// x / 2 (1 + erf(x / sqrt 2)); beyond 5.59 erf is 1.
DD_VINLINE dd_vf dd_v_gelu(dd_vf x) {
    const dd_vf half = dd_v_mul(x, dd_v_set(0.5f)), shifter = dd_v_set(0x1.8p23f);
    const dd_vf u = dd_v_mul(dd_v_min(dd_v_set(5.59f), dd_v_abs(x)), dd_v_set(1 / 0.35f));
    const dd_vf middle = dd_v_sub(u, dd_v_set(0.5f)), shifted = dd_v_add(middle, shifter);
    const dd_vf r = dd_v_sub(middle, dd_v_sub(shifted, shifter));
    const __m512i stretch = _mm512_castps_si512(shifted);
    dd_vf p = _mm512_permutexvar_ps(stretch, dd_v_load(dd_v_gelu_table[5]));
#pragma clang loop unroll(full)
    for (int power = 4; power >= 0; power--) p = dd_v_fma(p, r, _mm512_permutexvar_ps(stretch, dd_v_load(dd_v_gelu_table[power])));
    return dd_v_fma(half, dd_v_copysign(p, x), half);
}
#else
/// x / 2 (1 + erf(x / sqrt 2))
DD_VINLINE dd_vf dd_v_gelu(dd_vf x) {
    const dd_vf half = dd_v_mul(x, dd_v_set(0.5f));
    return dd_v_fma(half, dd_v_erf(dd_v_mul(x, dd_v_set(0.70710678f))), half);
}
#endif

/// x / (1 + exp(-x))
DD_VINLINE dd_vf dd_v_silu(dd_vf x) {
    return dd_v_div(x, dd_v_add(dd_v_set(1.0f), dd_v_exp(dd_v_sub(dd_v_zero(), x))));
}

#endif
