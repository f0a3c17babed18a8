// Elementary functions without branches or calls, so that loops over them become vector code. Comparisons are written so
// that NaN passes through.

// 2^n * polynomial in two factors, so that results in the denormal range and at the edge of overflow come out rounded once.
ALWAYS_INLINE float FN(exp)(float x) {
    float v = x > 89.0f ? 89.0f : x;
    v = v < -104.0f ? -104.0f : v;
    const float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer in the low bits
    float shifted = v * 1.44269504f + magic;
    float n = shifted - magic;
    float r = v - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    int32_t i = (int32_t)(bits_of(shifted) - bits_of(magic));
    int32_t half = i >> 1;
    float s0 = float_of((uint32_t)(half + 127) << 23);
    float s1 = float_of((uint32_t)(i - half + 127) << 23);
    return p * s0 * s1;
}

ALWAYS_INLINE float FN(log)(float x) {
    int tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    uint32_t u = bits_of(scaled);
    // The mantissa in sqrt(1/2) ... sqrt(2).
    uint32_t shifted = u - 0x3f3504f3u;
    int32_t exponent = (int32_t)shifted >> 23;
    float m = float_of((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
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
    const float infinity = float_of(0x7f800000u);
    result = x == infinity ? x : result;
    result = x == 0.0f ? -infinity : result;
    return x < 0.0f || x != x ? float_of(0x7fc00000u) : result;
}

// log(1 + x) for 0 <= x <= 1, accurate for small x too.
ALWAYS_INLINE float FN(log1p)(float x) {
    float u = 1.0f + x;
    float d = u - 1.0f;
    float ratio = x / (d == 0.0f ? 1.0f : d);
    return d == 0.0f ? x : FN(log)(u) * ratio;
}

// Two ranges, as in N. Juffa's published minimax fits; within 2 ulp.
ALWAYS_INLINE float FN(erf)(float x) {
    float t = __builtin_fabsf(x);
    t = t > 4.0f ? 4.0f : t;
    float s = t * t;
    float r = -1.72853470e-5f * t + 3.83197126e-4f;
    float u = -3.88396438e-3f * t + 2.42546219e-2f;
    r = r * s + u;
    r = r * t + -1.06777877e-1f;
    r = r * t + -6.34846687e-1f;
    r = r * t + -1.28717512e-1f;
    r = r * t + -t;
    float far = 1.0f - FN(exp)(r);
    float q = -5.96761703e-4f;
    q = q * s + 4.99119423e-3f;
    q = q * s + -2.67681349e-2f;
    q = q * s + 1.12819925e-1f;
    q = q * s + -3.76125336e-1f;
    q = q * s + 1.28379166e-1f;
    float near = q * t + t;
    float magnitude = t > 0.927734375f ? far : near;
    return float_of(bits_of(magnitude) | (bits_of(x) & 0x80000000u));
}

ALWAYS_INLINE float FN(tanh)(float x) {
    float t = __builtin_fabsf(x);
    float far = 1.0f - 2.0f / (FN(exp)(2.0f * t) + 1.0f);
    float z = t * t;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z + -5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z + -3.33332819422e-1f;
    float near = p * z * t + t;
    float magnitude = t > 0.625f ? far : near;
    return float_of(bits_of(magnitude) | (bits_of(x) & 0x80000000u));
}

ALWAYS_INLINE float FN(sigmoid)(float x) { return 1.0f / (1.0f + FN(exp)(-x)); }
ALWAYS_INLINE float FN(silu)(float x) { return x / (1.0f + FN(exp)(-x)); }
ALWAYS_INLINE float FN(gelu)(float x) {
    float half = 0.5f * x;
    return half + half * FN(erf)(x * 0.70710678118654752f);
}

ALWAYS_INLINE float FN(softplus)(float x) {
    float positive = x < 0.0f ? 0.0f : x;
    return positive + FN(log1p)(FN(exp)(-__builtin_fabsf(x)));
}

// Clamped to 0 ... 1.
ALWAYS_INLINE float FN(unit)(float x) {
    float v = x < 0.0f ? 0.0f : x;
    return v > 1.0f ? 1.0f : v;
}
