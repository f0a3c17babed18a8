// Vectors of DD_VL floats as the compiler's vector extension: the same source for every instruction set. The including
// file sets DD_VL and the target.
#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT ON
#define DD_INLINE static inline __attribute__((always_inline))
#define DD_UNROLL _Pragma("clang loop unroll(full)")

typedef float vf __attribute__((vector_size(DD_VL * 4)));
typedef int32_t vi __attribute__((vector_size(DD_VL * 4)));
typedef float vf_anywhere __attribute__((vector_size(DD_VL * 4), aligned(4), may_alias));

DD_INLINE vf load(const float *at) { return *(const vf_anywhere *)at; }
DD_INLINE void store(float *at, vf v) { *(vf_anywhere *)at = v; }
DD_INLINE vf splat(float x) {
#if DD_VL == 16
    return (vf){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
#elif DD_VL == 8
    return (vf){x, x, x, x, x, x, x, x};
#else
    return (vf){x, x, x, x};
#endif
}

/// The first n (< DD_VL) lanes; the others zero.
DD_INLINE vf load_some(const float *at, int64_t n) {
#if DD_VL == 16
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), at);
#else
    float lanes[DD_VL] = {0};
    for (int64_t i = 0; i < n && i < DD_VL; i++) lanes[i] = at[i];
    return load(lanes);
#endif
}

DD_INLINE void store_some(float *at, vf v, int64_t n) {
#if DD_VL == 16
    _mm512_mask_storeu_ps(at, (__mmask16)((1u << n) - 1), (__m512)v);
#else
    float lanes[DD_VL];
    store(lanes, v);
    for (int64_t i = 0; i < n && i < DD_VL; i++) at[i] = lanes[i];
#endif
}

DD_INLINE float sum_of_lanes(vf v) {
#if DD_VL == 16
    return _mm512_reduce_add_ps((__m512)v);
#else
    float lanes[DD_VL];
    store(lanes, v);
    for (int i = DD_VL / 2; i > 0; i /= 2)
        for (int j = 0; j < i; j++) lanes[j] += lanes[j + i];
    return lanes[0];
#endif
}

DD_INLINE vf square_root(vf v) {
#if DD_VL == 16
    return (vf)_mm512_sqrt_ps((__m512)v);
#elif DD_VL == 8
    return (vf)_mm256_sqrt_ps((__m256)v);
#else
    for (int i = 0; i < DD_VL; i++) v[i] = __builtin_sqrtf(v[i]);
    return v;
#endif
}

#if DD_VL == 16
/// x / (1 + e^-x)
DD_INLINE vf silu(vf x) {
    // NaN comes through as the second operand. Below -80 the quotient is next to nothing already.
    const vf t = (vf)_mm512_min_ps(_mm512_set1_ps(115), (__m512)(x * -1.44269504f));
    __m512 power, polynomial;
    dd_v_exp2_factors((__m512)t, &power, &polynomial);
    const vf d = (vf)polynomial * (vf)power + 1.0f;
    vf q = (vf)_mm512_rcp14_ps((__m512)d);
    q = q * (2.0f - d * q);
    return x * q;
}
#else
/// e^x for x in [-87, 80], relative error below 3e-7: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2].
DD_INLINE vf exponential(vf x) {
    const vf magic = splat(0x1.8p23f);
    const vf shifted = x * 1.44269504f + magic;
    const vf n = shifted - magic;
    vf r = x - n * 0x1.62e400p-1f;
    r = r - n * 0x1.7f7d1cp-20f;
    vf p = r * 1.3981999e-3f + 8.3345031e-3f;
    p = p * r + 4.1665483e-2f;
    p = p * r + 1.6666574e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return (vf)((vi)p + ((vi)shifted << 23));
}

/// x / (1 + e^-x)
DD_INLINE vf silu(vf x) {
    vf t = -x;
    vi keep = t < 80.0f;
    t = (vf)((keep & (vi)t) | (~keep & (vi)splat(80)));
    keep = t > -87.0f;
    t = (vf)((keep & (vi)t) | (~keep & (vi)splat(-87)));
    return x / (exponential(t) + 1.0f);
}
#endif

#define DD_PARTS (DD_CONV_PANEL / DD_VL)  // vectors across a panel
