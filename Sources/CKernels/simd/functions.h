// Elementary functions of the vectors of vector.h. Largest errors, measured against double precision over all of the range
// (Tools/kernels/check_functions.c):
//
//     v_exp         1.1 ulp, subnormal results included; 0 below -104, infinity above 88.72...
//     v_exp2        2.4e-7 relative (AVX-512: 5.8e-7);   v_exp2_short  7.5e-5 relative (AVX-512: 1.2e-4)
//     v_gelu, v_silu   1.2e-7 max(1, |x|) absolute
//     v_silu_fast   2.3e-7 max(1, |x|) absolute; of -infinity -infinity
//
// NaN gives NaN; infinities give the limits, where there are any (silu and gelu of -infinity are NaN, as in PyTorch).
#ifndef DD_FUNCTIONS_H
#define DD_FUNCTIONS_H
#include "vector.h"

#if DD_VW > 4
DD_INLINE vf v_exp(vf x) {
    // NaN survives as the second operand.
    x = v_min(v_splat(89.0f), v_max(v_splat(-105.0f), x));
    const vf n = v_round(x * 1.44269504f);
    vf r = v_fnma(n, v_splat(0x1.62e400p-1f), x); // log 2 in two parts, the first short enough for n times it to be exact
    r = v_fnma(n, v_splat(0x1.7f7d1cp-20f), r);
    vf p = v_splat(0x1.6fe1dap-10f);
    p = v_fma(p, r, v_splat(0x1.125314p-7f));
    p = v_fma(p, r, v_splat(0x1.55528ap-5f));
    p = v_fma(p, r, v_splat(0x1.555438p-3f));
    p = v_fma(p, r, v_splat(0.5f));
    p = v_fma(p, r, v_splat(1.0f));
    p = v_fma(p, r, v_splat(1.0f));
    return v_scale(p, n);
}

/// x / (1 + exp(-x))
DD_INLINE vf v_silu(vf x) { return x / (1.0f + v_exp(0 - x)); }
#endif

#if DD_VW == 16
/// 2^x as a product, for x in [-126, 126] (below: 2^-126; NaN stays NaN): 2^n from the exponent bits times 2^(j/16) from a
/// table, and a polynomial for the rest within 1/32; 5.8e-7 relative.
DD_INLINE void v_exp2_factors(vf x, vf *power, vf *polynomial) {
    // clang-format off
    // 2^(j/16) less j at the place to which the shift below brings j.
    const __m512i table = _mm512_setr_epi32(0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
                                            0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d);
    // clang-format on
    const vf shifter = v_splat(0x1.8p19f); // leaves sixteenths in the last bits
    x = v_max(v_splat(-126.0f), x);
    const vf shifted = x + shifter, r = x - (shifted - shifter);
    const __m512i sixteenths = _mm512_castps_si512(shifted);
    *power = _mm512_castsi512_ps(_mm512_add_epi32(_mm512_slli_epi32(sixteenths, 19), _mm512_permutexvar_epi32(sixteenths, table)));
    *polynomial = v_fma(v_fma(v_splat(0x1.ebf82ep-3f), r, v_splat(0x1.62e984p-1f)), r, v_splat(1.0f));
}
DD_INLINE vf v_exp2(vf x) {
    vf power, polynomial;
    v_exp2_factors(x, &power, &polynomial);
    return polynomial * power;
}

// clang-format off
/// 2^(j/16) times 1.00012 and its slope: the line that is nearest within 1/32.
static const float v_exp2_line[2][16] __attribute__((unused)) = {
    {0x1.0007b0p+0f, 0x1.0b5d8ep+0f, 0x1.1733e6p+0f, 0x1.239068p+0f, 0x1.307904p+0f, 0x1.3df3f0p+0f, 0x1.4c07a6p+0f, 0x1.5abae8p+0f,
     0x1.6a14c6p+0f, 0x1.7a1ca2p+0f, 0x1.8ada30p+0f, 0x1.9c557ap+0f, 0x1.ae96e8p+0f, 0x1.c1a73ep+0f, 0x1.d58fa8p+0f, 0x1.ea59b4p+0f},
    {0x1.62e0a2p-1f, 0x1.7296d8p-1f, 0x1.82ff22p-1f, 0x1.942164p-1f, 0x1.a605d8p-1f, 0x1.b8b516p-1f, 0x1.cc381ap-1f, 0x1.e09844p-1f,
     0x1.f5df5ep-1f, 0x1.060bd2p+0f, 0x1.11a5e0p+0f, 0x1.1dc36cp+0f, 0x1.2a6a4ap+0f, 0x1.37a08ep+0f, 0x1.456c90p+0f, 0x1.53d4f2p+0f},
};
// clang-format on

/// The same within 1.2e-4, with one multiplication: those are what costs beside a product, all else fits in between.
DD_INLINE vf v_exp2_short(vf x) {
    const vf shifter = v_splat(0x1.8p19f);
    x = v_max(v_splat(-126.0f), x);
    const vf shifted = x + shifter, rounded = shifted - shifter;
    const __m512i sixteenths = _mm512_castps_si512(shifted);
    const vf value = _mm512_permutexvar_ps(sixteenths, v_load(v_exp2_line[0]));
    const vf slope = _mm512_permutexvar_ps(sixteenths, v_load(v_exp2_line[1]));
    return v_scale(v_fma(slope, x - rounded, value), rounded);
}

// clang-format off
/// erf(u / sqrt 2) on sixteen stretches of 0.35, each as powers of the distance from its middle in stretches (within 3e-8).
static const float v_gelu_table[6][16] __attribute__((unused)) = {
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
// clang-format on

/// x / 2 (1 + erf(x / sqrt 2)); beyond 5.59 erf is 1.
DD_INLINE vf v_gelu(vf x) {
    const vf half = x * 0.5f, shifter = v_splat(0x1.8p23f);
    const vf u = v_min(v_splat(5.59f), v_abs(x)) * (1 / 0.35f);
    const vf middle = u - 0.5f, shifted = middle + shifter;
    const vf r = middle - (shifted - shifter);
    const __m512i stretch = _mm512_castps_si512(shifted);
    vf p = _mm512_permutexvar_ps(stretch, v_load(v_gelu_table[5]));
    DD_UNROLL
    for (int power = 4; power >= 0; power--) p = v_fma(p, r, _mm512_permutexvar_ps(stretch, v_load(v_gelu_table[power])));
    return v_fma(half, v_copysign(p, x), half);
}

/// The same as v_silu, with a table instead of a polynomial's last terms and of a division.
DD_INLINE vf v_silu_fast(vf x) {
    // NaN comes through as the second operand. Below -80 the quotient is next to nothing already.
    const vf t = v_min(v_splat(115), x * -1.44269504f);
    vf power, polynomial;
    v_exp2_factors(t, &power, &polynomial);
    const vf d = polynomial * power + 1.0f;
    vf q = _mm512_rcp14_ps(d);
    q = q * (2.0f - d * q);
    return x * q;
}

#else
/// e^x for x in [-87, 80], relative error below 3e-7: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2].
DD_INLINE vf v_exp_within(vf x) {
    const vf magic = v_splat(0x1.8p23f);
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

DD_INLINE vf v_silu_fast(vf x) {
    vf t = -x;
    vi keep = t < 80.0f;
    t = (vf)((keep & (vi)t) | (~keep & (vi)v_splat(80)));
    keep = t > -87.0f;
    t = (vf)((keep & (vi)t) | (~keep & (vi)v_splat(-87)));
    return x / (v_exp_within(t) + 1.0f);
}
#endif

#if DD_VW == 8
/// 2^x for x <= 0 (and up to 127): for softmax, where a common factor does not matter.
DD_INLINE vf v_exp2(vf x) {
    x = v_max(v_splat(-151.0f), x);
    const vf n = v_round(x);
    const vf r = x - n;
    vf p = v_splat(0x1.5c08dep-10f);
    p = v_fma(p, r, v_splat(0x1.3d0c52p-7f));
    p = v_fma(p, r, v_splat(0x1.c6b6e6p-5f));
    p = v_fma(p, r, v_splat(0x1.ebf918p-3f));
    p = v_fma(p, r, v_splat(0x1.62e428p-1f));
    p = v_fma(p, r, v_splat(0x1.000002p+0f));
    return v_scale(p, n);
}

/// The same with degree 3, 7.5e-5 relative: for weights that are rounded to bfloat16 (2e-3) afterwards.
DD_INLINE vf v_exp2_short(vf x) {
    x = v_max(v_splat(-151.0f), x);
    const vf n = v_round(x);
    const vf r = x - n;
    vf p = v_splat(0x1.c3f764p-5f);
    p = v_fma(p, r, v_splat(0x1.f0de1ap-3f));
    p = v_fma(p, r, v_splat(0x1.62f31ap-1f));
    p = v_fma(p, r, v_splat(0x1.fff692p-1f));
    return v_scale(p, n);
}

// A polynomial near zero; elsewhere 1 - exp of one (both with errors below 1 ulp of the result).
DD_INLINE vf v_erf(vf x) {
    const vf t = v_abs(x), s = x * x;
    vf r = v_fma(v_splat(-1.72853470e-5f), t, v_splat(3.83197126e-4f));
    const vf u = v_fma(v_splat(-3.88396438e-3f), t, v_splat(2.42546219e-2f));
    r = v_fma(r, s, u);
    r = v_fma(r, t, v_splat(-1.06777877e-1f));
    r = v_fma(r, t, v_splat(-6.34846687e-1f));
    r = v_fma(r, t, v_splat(-1.28717512e-1f));
    r = v_fma(r, t, 0 - t);
    const vf far = v_copysign(1.0f - v_exp(r), x);
    vf p = v_splat(-5.96761703e-4f);
    p = v_fma(p, s, v_splat(4.99119423e-3f));
    p = v_fma(p, s, v_splat(-2.67681349e-2f));
    p = v_fma(p, s, v_splat(1.12819925e-1f));
    p = v_fma(p, s, v_splat(-3.76125336e-1f));
    p = v_fma(p, s, v_splat(1.28379166e-1f));
    p = v_fma(p, x, x);
    return _mm256_blendv_ps(far, p, _mm256_cmp_ps(t, v_splat(0.927734375f), _CMP_LT_OQ));
}

/// x / 2 (1 + erf(x / sqrt 2))
DD_INLINE vf v_gelu(vf x) {
    const vf half = x * 0.5f;
    return v_fma(half, v_erf(x * 0.70710678f), half);
}
#endif
#endif
