// Vectors of one instruction set: DD_VW floats, 16 (AVX-512), 8 (AVX2) or 4 (portable). Sums and products are written with operators; within one
// expression a product and a sum become one instruction where there is one. Functions with a count handle tails: lanes beyond it are read as 0
// and not written, and no memory beyond it is touched. The including file has set its target, DD_VW, and where there is one DD_HAS_VNNI (an instruction
// multiplies and adds pairs of int16) and DD_HAS_BF16 (of bfloat16).
#ifndef DD_VECTOR_H
#define DD_VECTOR_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dd_types.h"
#include "half.h"

#pragma STDC FP_CONTRACT ON
#define DD_INLINE static inline __attribute__((always_inline, unused))
#define DD_UNROLL _Pragma("clang loop unroll(full)")
/// A loop whose iterations touch nothing of each other's, also when y is x: of one number each, for the compiler to make vectors of.
#define DD_VECTORIZE _Pragma("clang loop vectorize(assume_safety)")

typedef float vf __attribute__((vector_size(DD_VW * 4)));
typedef int32_t vi __attribute__((vector_size(DD_VW * 4)));
typedef float vf_anywhere __attribute__((vector_size(DD_VW * 4), aligned(4), may_alias));

/// Sixteen lanes whatever the machine, for sums whose order must be the same everywhere.
typedef float vec16 __attribute__((vector_size(64)));
typedef float vec8 __attribute__((vector_size(32)));
typedef double dvec8 __attribute__((vector_size(64)));

DD_INLINE vf v_load(const float *p) { return *(const vf_anywhere *)p; }
DD_INLINE void v_store(float *p, vf x) { *(vf_anywhere *)p = x; }
/// a b + c
DD_INLINE vf v_fma(vf a, vf b, vf c) { return a * b + c; }
/// c - a b
DD_INLINE vf v_fnma(vf a, vf b, vf c) { return c - a * b; }
DD_INLINE vf v_sqrt(vf x) { return __builtin_elementwise_sqrt(x); }

#if DD_VW == 16
DD_INLINE vf v_splat(float x) { return _mm512_set1_ps(x); }
DD_INLINE __mmask16 v_mask(int64_t count) { return (__mmask16)((1u << count) - 1); }
/// 0 <= count < DD_VW.
DD_INLINE vf v_load_n(const float *p, int64_t count) { return _mm512_maskz_loadu_ps(v_mask(count), p); }
DD_INLINE void v_store_n(float *p, vf x, int64_t count) { _mm512_mask_storeu_ps(p, v_mask(count), x); }
/// Past the caches; p is aligned to a line.
DD_INLINE void v_stream(float *p, vf x) { _mm512_stream_ps(p, x); }
DD_INLINE void v_end_stream(void) { _mm_sfence(); }
DD_INLINE float v_sum(vf x) { return _mm512_reduce_add_ps(x); }
DD_INLINE float v_largest(vf x) { return _mm512_reduce_max_ps(x); }
/// The larger one; b if either is NaN.
DD_INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
DD_INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
DD_INLINE vf v_abs(vf x) { return _mm512_abs_ps(x); }
DD_INLINE vf v_copysign(vf magnitude, vf sign) {
    const __m512i bit = _mm512_set1_epi32((int)0x80000000u);
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(bit, _mm512_castps_si512(sign), _mm512_castps_si512(magnitude), 0xca));
}
DD_INLINE vf v_round(vf x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// p 2^n for whole n in -160 ... 160; subnormals and overflow come out right.
DD_INLINE vf v_scale(vf p, vf n) { return _mm512_scalef_ps(p, n); }
DD_INLINE vf v_load_bfloat16(const uint16_t *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
/// To nearest, ties to even; NaNs stay NaNs.
DD_INLINE __m256i v_to_bfloat16(vf x) {
    const __m512i bits = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
    rounded = _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}
DD_INLINE void v_store_bfloat16(uint16_t *p, vf x) { _mm256_storeu_si256((__m256i *)p, v_to_bfloat16(x)); }
/// To nearest, ties to even; what is out of range to its ends, NaN to the lower.
DD_INLINE void v_store_int16(int16_t *p, vf x) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x))); }
/// The lower halves of all lanes, side by side.
DD_INLINE void v_store_lower_halves(void *p, vi a, vi b) {
    static const uint16_t lower[32] = {0,  2,  4,  6,  8,  10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
                                       32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62};
    _mm512_storeu_si512(p, _mm512_permutex2var_epi16((__m512i)a, _mm512_loadu_si512(lower), (__m512i)b));
}
/// sum + the lanes' two products of int16.
DD_INLINE vi v_dot_int16(vi sum, vi x, vi w) {
#if DD_HAS_VNNI
    // Written out: of the intrinsic the compiler makes a product and an addition, for a shorter chain that nobody waits for.
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
#else
    return sum + (vi)_mm512_madd_epi16((__m512i)x, (__m512i)w);
#endif
}
#if DD_HAS_BF16
/// Rounds in one instruction, which makes subnormal numbers 0.
DD_INLINE void v_store_bfloat16_fast(uint16_t *p, vf x) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(x)); }
/// sum + the lanes' two products of bfloat16, of which subnormal ones count as 0.
DD_INLINE vf v_dot_bfloat16(vf sum, vf x, vf w) { return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w); }
/// 16 pairs: a's lanes rounded in the lower halves, b's in the upper.
DD_INLINE vf v_pairs_bfloat16(vf a, vf b) {
    const __m512i low = _mm512_cvtepu16_epi32(v_to_bfloat16(a)), high = _mm512_cvtepu16_epi32(v_to_bfloat16(b));
    return _mm512_castsi512_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}
#endif
/// Turns a square of DD_VW x DD_VW around.
DD_INLINE void v_transpose(vf r[DD_VW]) {
    vf t[16];
    DD_UNROLL
    for (int i = 0; i < 16; i += 2) t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    DD_UNROLL
    for (int i = 0; i < 16; i += 4) {
        for (int j = 0; j < 2; j++) {
            const __m512d a = _mm512_castps_pd(t[i + j]), b = _mm512_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
    DD_UNROLL
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88), t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88), t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
    }
    DD_UNROLL
    for (int i = 0; i < 8; i++) r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88), r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
}

#elif DD_VW == 8
DD_INLINE vf v_splat(float x) { return _mm256_set1_ps(x); }
DD_INLINE __m256i v_mask(int64_t count) { return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
DD_INLINE vf v_load_n(const float *p, int64_t count) { return _mm256_maskload_ps(p, v_mask(count)); }
DD_INLINE void v_store_n(float *p, vf x, int64_t count) { _mm256_maskstore_ps(p, v_mask(count), x); }
DD_INLINE float v_sum(vf v) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
DD_INLINE float v_largest(vf v) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
DD_INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
DD_INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
DD_INLINE vf v_abs(vf x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
DD_INLINE vf v_copysign(vf magnitude, vf sign) {
    const vf bit = v_splat(-0.0f);
    return _mm256_or_ps(_mm256_and_ps(bit, sign), _mm256_andnot_ps(bit, magnitude));
}
DD_INLINE vf v_round(vf x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// In two steps, so that each power of two is an ordinary number.
DD_INLINE vf v_scale(vf p, vf n) {
    const vi whole = (vi)_mm256_cvtps_epi32(n), half = whole >> 1;
    return p * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
}
DD_INLINE vf v_load_bfloat16(const uint16_t *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
DD_INLINE void v_store_bfloat16(uint16_t *p, vf x) {
    const __m256i bits = _mm256_castps_si256(x), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, odd), _mm256_set1_epi32(0x7fff));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const vf nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q), kept = _mm256_blendv_ps(_mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet), nan);
    const __m256i halves = _mm256_srli_epi32(_mm256_castps_si256(kept), 16);
    _mm_storeu_si128((__m128i *)p, _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
}
DD_INLINE void v_store_int16(int16_t *p, vf x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
}
DD_INLINE vi v_dot_int16(vi sum, vi x, vi w) {
    // Together, since apart the compiler puts so many products between them that accumulators leave the registers.
    vi products;
    __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sum), "=&x"(products) : "x"(x), "x"(w));
    return sum;
}
DD_INLINE void v_transpose(vf r[DD_VW]) {
    vf t[8];
    DD_UNROLL
    for (int i = 0; i < 8; i += 2) t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    DD_UNROLL
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) {
            const __m256d a = _mm256_castps_pd(t[i + j]), b = _mm256_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
        }
    }
    DD_UNROLL
    for (int i = 0; i < 4; i++) t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20), t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    DD_UNROLL
    for (int i = 0; i < 8; i++) r[i] = t[i];
}

#else
DD_INLINE vf v_splat(float x) { return (vf){x, x, x, x}; }
DD_INLINE vf v_load_n(const float *p, int64_t count) {
    vf x = {0};
    memcpy(&x, p, (size_t)count * sizeof(float));
    return x;
}
DD_INLINE void v_store_n(float *p, vf x, int64_t count) { memcpy(p, &x, (size_t)count * sizeof(float)); }
DD_INLINE float v_sum(vf x) { return (x[0] + x[2]) + (x[1] + x[3]); }
DD_INLINE void v_store_bfloat16(uint16_t *p, vf x) {
    for (int i = 0; i < DD_VW; i++) p[i] = dd_bfloat16_from_float(x[i]);
}
DD_INLINE vi v_dot_int16(vi sum, vi x, vi w) { return sum + (x << 16 >> 16) * (w << 16 >> 16) + (x >> 16) * (w >> 16); }
#endif

/// A vector, or the `count` floats that are left (not below 0).
DD_INLINE vf v_load_up_to(const float *p, int64_t count) { return count >= DD_VW ? v_load(p) : v_load_n(p, count); }
DD_INLINE void v_store_up_to(float *p, vf x, int64_t count) {
    if (count >= DD_VW)
        v_store(p, x);
    else
        v_store_n(p, x, count);
}

/// sum + x w of words, four bytes each: a float, or a pair of numbers of 16 bits whose two products are added.
DD_INLINE vf v_dot(const dd_precision precision, vf sum, vf x, vf w) {
#if DD_HAS_BF16
    if (precision == DD_PRECISION_BFLOAT16) return v_dot_bfloat16(sum, x, w);
#endif
    return precision == DD_PRECISION_INT16 ? (vf)v_dot_int16((vi)sum, (vi)x, (vi)w) : v_fma(x, w, sum);
}

#if DD_VW < 16
DD_INLINE void v_stream(float *p, vf x) { v_store(p, x); }
DD_INLINE void v_end_stream(void) {}
DD_INLINE void v_store_lower_halves(void *p, vi a, vi b) {
    typedef int16_t halves __attribute__((vector_size(DD_VW * 2)));
    const halves narrow[2] = {__builtin_convertvector(a, halves), __builtin_convertvector(b, halves)};
    memcpy(p, narrow, sizeof narrow);
}
#endif
#endif
