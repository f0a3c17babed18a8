// What AVX-512 without BF16 has, with VNNI and without: bfloat16 weights are widened while they are read. The including file defines
// DD_VNNI.
#define DD_VMATH_AVX512
#define DD_STRIPS_BFLOAT16 0
#include "gemm_avx512.h"
#include "gemm_template.h"

static inline __attribute__((always_inline)) void tile_rows_bfloat16(const int rows, const int vectors, int64_t pairs, const float *a, int64_t lda,
                                                                     const uint16_t *panel, float *tile, int64_t ld_tile, const int adds) {
    const __m512i high = _mm512_set1_epi32((int)0xffff0000u);
    __m512 sum[8][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) sum[i][j] = adds ? _mm512_loadu_ps(tile + i * ld_tile + 16 * j) : _mm512_setzero_ps();
    for (int64_t l = 0; l < pairs; l++) {
        const __m512i left = _mm512_loadu_si512(panel + l * DD_PANEL * 2);
        const __m512i right = vectors > 1 ? _mm512_loadu_si512(panel + l * DD_PANEL * 2 + 32) : left;
        const __m512 left_even = _mm512_castsi512_ps(_mm512_slli_epi32(left, 16));
        const __m512 right_even = _mm512_castsi512_ps(_mm512_slli_epi32(right, 16));
        const __m512 left_odd = _mm512_castsi512_ps(_mm512_and_si512(left, high));
        const __m512 right_odd = _mm512_castsi512_ps(_mm512_and_si512(right, high));
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const __m512 even = _mm512_set1_ps(a[i * lda + 2 * l]);
            sum[i][0] = _mm512_fmadd_ps(even, left_even, sum[i][0]);
            if (vectors > 1) sum[i][1] = _mm512_fmadd_ps(even, right_even, sum[i][1]);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const __m512 odd = _mm512_set1_ps(a[i * lda + 2 * l + 1]);
            sum[i][0] = _mm512_fmadd_ps(odd, left_odd, sum[i][0]);
            if (vectors > 1) sum[i][1] = _mm512_fmadd_ps(odd, right_odd, sum[i][1]);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        _mm512_storeu_ps(tile + i * ld_tile, sum[i][0]);
        if (vectors > 1) _mm512_storeu_ps(tile + i * ld_tile + 16, sum[i][1]);
    }
}

static void tile_bfloat16(int64_t rows, int64_t columns, int64_t pairs, const void *a, int64_t lda, const uint16_t *panel,
                          float *tile, int64_t ld_tile, const int adds) {
    DD_TILE_SWITCH(tile_rows_bfloat16, pairs, a, lda, panel, tile, ld_tile, adds)
}
