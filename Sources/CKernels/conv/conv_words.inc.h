// Words of one precision, a float32 or two int16: how they are written, and their products.

#if DD_INT16
/// What products are added up in.
typedef vi DD_NAME(sum);

/// v * factor, in the range of int16, to nearest, in the lower half of each lane: 1.5 * 2^23 leaves the whole number in the lowest bits.
DD_INLINE vi DD_NAME(whole)(vf v, vf factor) { return (vi)(v * factor + 12582912.0f); }

/// Writes 2 * DD_VL values as words from channel c of a slot of v.
DD_INLINE void DD_NAME(put_scaled)(float *slot, int64_t c, const float *values, vf factor) {
    const vi low = DD_NAME(whole)(load(values), factor), high = DD_NAME(whole)(load(values + DD_VL), factor);
#if DD_VL == 16
    static const uint16_t lower[32] = {0,  2,  4,  6,  8,  10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
                                       32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62};
    store(slot + c / 2, (vf)_mm512_permutex2var_epi16((__m512i)low, _mm512_loadu_si512(lower), (__m512i)high));
#else
    typedef int16_t half_vector __attribute__((vector_size(DD_VL * 2)));
    const half_vector narrow[2] = {__builtin_convertvector(low, half_vector), __builtin_convertvector(high, half_vector)};
    memcpy((uint16_t *)(void *)slot + c, narrow, sizeof narrow);
#endif
}

/// Words of two whole numbers each, `low` in the lower half.
DD_INLINE vf DD_NAME(words_of)(vi low, vi high) { return (vf)((low & 0xffff) | (high << 16)); }
#else
typedef vf DD_NAME(sum);
#endif

/// acc + the products of the lanes' words.
DD_INLINE DD_NAME(sum) DD_NAME(dot)(DD_NAME(sum) acc, vf x, vf w) {
#if DD_INT16 && DD_NATIVE_INT16
    // Written out: of the intrinsic the compiler makes a product and an addition, for a shorter chain that nobody waits for.
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
#elif DD_INT16 && DD_VL == 16
    return acc + (vi)_mm512_madd_epi16((__m512i)x, (__m512i)w);
#elif DD_INT16 && DD_VL == 8
    return acc + (vi)_mm256_madd_epi16((__m256i)x, (__m256i)w);
#elif DD_INT16
    return acc + ((vi)x << 16 >> 16) * ((vi)w << 16 >> 16) + ((vi)x >> 16) * ((vi)w >> 16);
#else
    return acc + x * w;
#endif
}

/// acc[r][c] += sum over k of the word at base + offsets[r] + k times weights[k][c].
/// Prefetching the next product's weights costs a tenth: the hardware sees the stream itself.
DD_INLINE void DD_NAME(accumulate)(DD_NAME(sum) acc[DD_ROWS][DD_COLUMNS], const int columns, const float *base, const int64_t *offsets,
                                   int64_t count, const float *weights) {
    const float *a[DD_ROWS];
    DD_UNROLL
    for (int r = 0; r < DD_ROWS; r++) a[r] = base + offsets[r];
#if DD_VL == 16
#pragma clang loop unroll_count(4)
#endif
    for (int64_t k = 0; k < count; k++, weights += DD_CONV_PANEL) {
        vf w[DD_COLUMNS];
        DD_UNROLL
        for (int c = 0; c < columns; c++) w[c] = load(weights + c * DD_VL);
        DD_UNROLL
        for (int r = 0; r < DD_ROWS; r++) {
            const vf x = splat(a[r][k]);
            DD_UNROLL
            for (int c = 0; c < columns; c++) acc[r][c] = DD_NAME(dot)(acc[r][c], x, w[c]);
        }
    }
}
