// Scores of one block of keys beside the weights of the block before: the tile's multiplications leave most of the
// processor's slots free, and the exponentials go into them. For AVX-512, with and without BF16.
#include "attention_template.h"

/// Two vectors for each of 8 rows: what a call weighs.
enum { WEIGHED = 16 };

static inline __attribute__((always_inline)) void scores_step_float32(__m512 sum[8][2], const void *q, int64_t ldq, const void *panel,
                                                                      int64_t l) {
    const float *a = (const float *)q + l, *keys = (const float *)panel + l * DD_PANEL;
    const __m512 left = _mm512_loadu_ps(keys), right = _mm512_loadu_ps(keys + 16);
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        const __m512 factor = _mm512_set1_ps(a[i * ldq]);
        sum[i][0] = _mm512_fmadd_ps(factor, left, sum[i][0]);
        sum[i][1] = _mm512_fmadd_ps(factor, right, sum[i][1]);
    }
}

#ifdef DD_VMATH_BF16
static inline __attribute__((always_inline)) void scores_step_bfloat16(__m512 sum[8][2], const void *q, int64_t ldq, const void *panel,
                                                                       int64_t l) {
    const uint16_t *a = (const uint16_t *)q + 2 * l, *keys = (const uint16_t *)panel + l * DD_PANEL * 2;
    const __m512bh left = (__m512bh)_mm512_loadu_si512(keys), right = (__m512bh)_mm512_loadu_si512(keys + 32);
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        int32_t pair;
        memcpy(&pair, a + i * ldq, sizeof pair);
        const __m512bh factor = (__m512bh)_mm512_set1_epi32(pair);
        sum[i][0] = _mm512_dpbf16_ps(sum[i][0], factor, left);
        sum[i][1] = _mm512_dpbf16_ps(sum[i][1], factor, right);
    }
}
#endif

/// Nothing moves across: the compiler would load what all steps need first, which does not fit the registers.
#define DD_KEEP_ORDER(i)                                                                                                       \
    __asm__ volatile(""                                                                                                        \
                     : "+v"(sum[i][0]), "+v"(sum[i][1]), "+v"(sum[i + 1][0]), "+v"(sum[i + 1][1]), "+v"(sum[i + 2][0]),         \
                       "+v"(sum[i + 2][1]), "+v"(sum[i + 3][0]), "+v"(sum[i + 3][1])                                            \
                     :                                                                                                         \
                     : "memory")

static inline __attribute__((always_inline)) void scores_step(const int bfloat16, __m512 sum[8][2], const void *q, int64_t ldq,
                                                              const void *panel, int64_t l) {
    DD_KEEP_ORDER(0);
    DD_KEEP_ORDER(4);
#ifdef DD_VMATH_BF16
    if (bfloat16) {
        scores_step_bfloat16(sum, q, ldq, panel, l);
        return;
    }
#endif
    (void)bfloat16;
    scores_step_float32(sum, q, ldq, panel, l);
}

/// `pace` steps of the products for each vector of weights.
static inline __attribute__((always_inline)) void scores_and_weights_at(const int bfloat16, const int64_t pace, int64_t words, const void *q,
                                                                        int64_t ldq, const void *panel, const float *shift, float *scores,
                                                                        int64_t ld, float *top, float *previous, int64_t column, float *sums) {
    __m512 sum[8][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) sum[i][0] = sum[i][1] = _mm512_set1_ps(shift[i]);
    int64_t l = 0;
#pragma clang loop unroll(disable)
    for (int64_t row = 0; row < 8; row++) {
        __m512 weights[2];
#pragma clang loop unroll(full)
        for (int v = 0; v < 2; v++) {
#pragma clang loop unroll_count(4)
            for (const int64_t end = l + pace; l < end; l++) {
                scores_step(bfloat16, sum, q, ldq, panel, l);
            }
            weights[v] = weight_of(bfloat16, _mm512_loadu_ps(previous + row * ld + column + 16 * v));
        }
        put_weights(bfloat16, previous + row * ld, column, weights, sums + row * DD_LANES);
    }
    for (; l < words; l++) {
        scores_step(bfloat16, sum, q, ldq, panel, l);
    }
    __m512 largest = _mm512_loadu_ps(top);
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        _mm512_storeu_ps(scores + i * ld, sum[i][0]);
        _mm512_storeu_ps(scores + i * ld + 16, sum[i][1]);
        largest = _mm512_max_ps(_mm512_max_ps(sum[i][0], sum[i][1]), largest);
    }
    _mm512_storeu_ps(top, largest);
}

static void scores_and_weights(dd_precision precision, int64_t words, const void *q, int64_t ldq, const void *panel, const float *shift,
                               float *scores, int64_t ld, float *top, float *previous, int64_t column, float *sums) {
#ifdef DD_VMATH_BF16
    if (precision == DD_PRECISION_BFLOAT16) {
        if (words == 32)
            scores_and_weights_at(1, 2, 32, q, ldq, panel, shift, scores, ld, top, previous, column, sums);
        else
            scores_and_weights_at(1, words / WEIGHED, words, q, ldq, panel, shift, scores, ld, top, previous, column, sums);
        return;
    }
#endif
    (void)precision;
    if (words == 64)
        scores_and_weights_at(0, 4, 64, q, ldq, panel, shift, scores, ld, top, previous, column, sums);
    else
        scores_and_weights_at(0, words / WEIGHED, words, q, ldq, panel, shift, scores, ld, top, previous, column, sums);
}
