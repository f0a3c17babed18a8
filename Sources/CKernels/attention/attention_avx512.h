// Scores of one block of keys beside the weights of the block before: the tile's multiplications leave most of the
// processor's slots free, and the exponentials go into them. For AVX-512, with and without BF16.
#define DD_VMATH_AVX512
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

static inline __attribute__((always_inline)) void scores_step(const dd_precision precision, __m512 sum[8][2], const void *q, int64_t ldq,
                                                              const void *panel, int64_t l) {
    DD_KEEP_ORDER(0);
    DD_KEEP_ORDER(4);
#ifdef DD_VMATH_BF16
    if (precision == DD_PRECISION_BFLOAT16) {
        scores_step_bfloat16(sum, q, ldq, panel, l);
        return;
    }
#endif
    (void)precision;
    scores_step_float32(sum, q, ldq, panel, l);
}

/// `pace` steps of the products for each vector of weights.
static inline __attribute__((always_inline)) void scores_and_weights_at(const dd_precision precision, const int64_t pace, int64_t words, const void *q,
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
                scores_step(precision, sum, q, ldq, panel, l);
            }
            weights[v] = weight_of(precision, _mm512_loadu_ps(previous + row * ld + column + 16 * v));
        }
        put_weights(precision, previous + row * ld, column, weights, sums + row * DD_LANES);
    }
    for (; l < words; l++) {
        scores_step(precision, sum, q, ldq, panel, l);
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

static void scores_and_weights_float32(int64_t words, const void *q, int64_t ldq, const void *panel, const float *shift, float *scores, int64_t ld,
                                       float *top, float *previous, int64_t column, float *sums) {
    if (words == 64)
        scores_and_weights_at(DD_PRECISION_FLOAT32, 4, 64, q, ldq, panel, shift, scores, ld, top, previous, column, sums);
    else
        scores_and_weights_at(DD_PRECISION_FLOAT32, words / WEIGHED, words, q, ldq, panel, shift, scores, ld, top, previous, column, sums);
}

#ifdef DD_VMATH_BF16
static void scores_and_weights_bfloat16(int64_t words, const void *q, int64_t ldq, const void *panel, const float *shift, float *scores, int64_t ld,
                                        float *top, float *previous, int64_t column, float *sums) {
    if (words == 32)
        scores_and_weights_at(DD_PRECISION_BFLOAT16, 2, 32, q, ldq, panel, shift, scores, ld, top, previous, column, sums);
    else
        scores_and_weights_at(DD_PRECISION_BFLOAT16, words / WEIGHED, words, q, ldq, panel, shift, scores, ld, top, previous, column, sums);
}
#endif

static const dd_attention_kernels attention_kernels = {
    .formats = {
        [DD_PRECISION_FLOAT32] = {"attention-avx512 float32", pack_keys_float32, pack_values_float32, weigh_float32, scores_and_weights_float32},
#if defined(DD_VMATH_BF16)
        [DD_PRECISION_BFLOAT16] = {"attention-avx512-bf16 bfloat16", pack_keys_bfloat16, pack_values_bfloat16, weigh_bfloat16,
                                   scores_and_weights_bfloat16},
#endif
        [DD_PRECISION_INT16] = {.name = "attention-avx512 int16", .weigh = weigh_int16},
    },
    .find_top = find_top,
    .settle = settle,
    .store_row = store_row,
    .widen = widen,
};
