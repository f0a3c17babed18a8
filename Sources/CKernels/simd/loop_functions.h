// Elementary functions of one number without branches or calls, so that loops over them become vector code. Comparisons are written so that NaN
// passes through.
#ifndef DD_LOOP_FUNCTIONS_H
#define DD_LOOP_FUNCTIONS_H
#include "vector.h"

// exp(x) = 2^n exp(r), |r| <= ln(2) / 2. The sum with 1.5 * 2^23 has n in its low bits; ln(2) is taken off in two parts, the
// first of so few digits that n times it is exact. Two steps: what n and r are, and the polynomial.
#define EXP_MAGIC 12582912.0f
#define EXP_REDUCE(v)                                                           \
    const float shifted = (v)*1.44269504f + EXP_MAGIC, n = shifted - EXP_MAGIC; \
    float r = (v)-n * 0.693359375f;                                             \
    r = r - n * -2.12194440e-4f;

// clang-format off
// factor * exp(r)
#define EXP_POLYNOMIAL(factor)                                                                                         \
    ((((((1.9875691500e-4f * factor * r + 1.3981999507e-3f * factor) * r + 8.3334519073e-3f * factor) * r +            \
        4.1665795894e-2f * factor) * r + 1.6666665459e-1f * factor) * r + 5.0000001201e-1f * factor) * (r * r) +       \
     (r * factor + factor))
// clang-format on

// 2^n in two factors, so that results in the denormal range and at the edge of overflow come out rounded once.
DD_INLINE float s_exp(float x) {
    float v = x > 89.0f ? 89.0f : x;
    v = v < -104.0f ? -104.0f : v;
    EXP_REDUCE(v)
    int32_t i = (int32_t)(dd_bits_from_float(shifted) - dd_bits_from_float(EXP_MAGIC));
    int32_t half = i >> 1;
    float s0 = dd_float_from_bits((uint32_t)(half + 127) << 23);
    float s1 = dd_float_from_bits((uint32_t)(i - half + 127) << 23);
    return EXP_POLYNOMIAL(1.0f) * s0 * s1;
}

// The same with a third fewer instructions, for x in -86.5 ... infinity: 2 exp(r) * 2^(n - 1).
DD_INLINE float s_exp_above(float v) {
    EXP_REDUCE(v)
    float s = dd_float_from_bits((dd_bits_from_float(shifted) << 23) + (126u << 23));
    return EXP_POLYNOMIAL(2.0f) * s;
}

// Never below 2.7e-38, for uses that add something to it.
DD_INLINE float s_exp_normal(float x) {
    float v = x > 89.0f ? 89.0f : x;
    v = v < -86.5f ? -86.5f : v;
    return s_exp_above(v);
}

// 0 below 2.7e-38, for x <= 0.
DD_INLINE float s_exp_of_difference(float x) {
    float y = s_exp_above(x < -86.5f ? -86.5f : x);
    return x < -86.5f ? 0.0f : y;
}

DD_INLINE float s_log(float x) {
    int tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    uint32_t u = dd_bits_from_float(scaled);
    // The mantissa in sqrt(1/2) ... sqrt(2).
    uint32_t shifted = u - 0x3f3504f3u;
    int32_t exponent = (int32_t)shifted >> 23;
    float m = dd_float_from_bits((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float e = (float)(exponent - (tiny ? 23 : 0));
    float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m + -1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m + -1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m + -1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m + -2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float y = m * z * p;
    y = y + e * -2.12194440e-4f;
    y = y - 0.5f * z;
    float result = m + y;
    result = result + e * 0.693359375f;
    const float infinity = dd_float_from_bits(0x7f800000u);
    result = x == infinity ? x : result;
    result = x == 0.0f ? -infinity : result;
    return x < 0.0f || x != x ? dd_float_from_bits(0x7fc00000u) : result;
}

// log(1 + x) for 0 <= x <= 1, accurate for small x too.
DD_INLINE float s_log1p(float x) {
    float u = 1.0f + x;
    float d = u - 1.0f;
    float ratio = x / (d == 0.0f ? 1.0f : d);
    return d == 0.0f ? x : s_log(u) * ratio;
}

// erf in two ranges, as in N. Juffa's published minimax fits: t + t * near(t^2) up to 0.9277, 1 - exp(far(t)) above.
#define ERF_NEAR_END 0.927734375f

DD_INLINE float s_erf_near(float t) {
    float s = t * t;
    float q = -5.96761703e-4f;
    q = q * s + 4.99119423e-3f;
    q = q * s + -2.67681349e-2f;
    q = q * s + 1.12819925e-1f;
    q = q * s + -3.76125336e-1f;
    q = q * s + 1.28379166e-1f;
    return q * t + t;
}

// erfc(t) for t >= 0.9277, with an absolute error that suits 1 - erfc.
DD_INLINE float s_erfc_far(float t) {
    t = t > 10.0f ? 10.0f : t;
    float s = t * t;
    float r = -1.72853470e-5f * t + 3.83197126e-4f;
    float u = -3.88396438e-3f * t + 2.42546219e-2f;
    r = r * s + u;
    r = r * t + -1.06777877e-1f;
    r = r * t + -6.34846687e-1f;
    r = r * t + -1.28717512e-1f;
    r = r * t + -t;
    return s_exp_normal(r);
}

// Within 2 ulp.
DD_INLINE float s_erf(float x) {
    float t = __builtin_fabsf(x);
    float near = s_erf_near(t), far = 1.0f - s_erfc_far(t);
    float magnitude = t > ERF_NEAR_END ? far : near;
    return dd_float_from_bits(dd_bits_from_float(magnitude) | (dd_bits_from_float(x) & 0x80000000u));
}

DD_INLINE float s_tanh(float x) {
    float t = __builtin_fabsf(x);
    float far = 1.0f - 2.0f / (s_exp_normal(2.0f * t) + 1.0f);
    float z = t * t;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z + -5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z + -3.33332819422e-1f;
    float near = p * z * t + t;
    float magnitude = t > 0.625f ? far : near;
    return dd_float_from_bits(dd_bits_from_float(magnitude) | (dd_bits_from_float(x) & 0x80000000u));
}

DD_INLINE float s_sigmoid(float x) { return 1.0f / (1.0f + s_exp_normal(-x)); }
DD_INLINE float s_silu(float x) { return x / (1.0f + s_exp_normal(-x)); }

// max(x, 0) - t exp(-t^2 / 2) M(t), t = |x|, where M(t) is the normal distribution's upper tail divided by exp(-t^2 / 2): a
// smooth function, here a quotient of polynomials fitted on 0 ... 12.5. Absolute error 5e-8, and good relative to the
// result for negative x too, unlike x/2 (1 + erf).
DD_INLINE float s_gelu(float x) {
    float t = __builtin_fabsf(x);
    t = t > 12.5f ? 12.5f : t;
    float p = 0.013442229f * t + 0.10365316f;
    p = p * t + 0.33313107f;
    p = p * t + 0.49999997f;
    float q = 0.03371563f * t + 0.2592537f;
    q = q * t + 0.8755523f;
    q = q * t + 1.4641439f;
    q = q * t + 1.0f;
    float tail = t * s_exp_above(t * -0.5f * t) * p / q;
    return (x < 0.0f ? 0.0f : x) - tail;
}

DD_INLINE float s_softplus(float x) {
    float positive = x < 0.0f ? 0.0f : x;
    return positive + s_log1p(s_exp(-__builtin_fabsf(x)));
}

// Clamped to 0 ... 1.
DD_INLINE float s_unit(float x) {
    float v = x < 0.0f ? 0.0f : x;
    return v > 1.0f ? 1.0f : v;
}
#endif
