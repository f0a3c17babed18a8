// AVX-512 with BF16: products of pairs, 32 multiplications and additions an instruction, summed in float32. (The
// instruction takes subnormal numbers as zero.)
#include "gemm_kernels.h"

static inline __attribute__((always_inline)) void tile_rows_bfloat16(const int rows, const int vectors, int64_t pairs, const uint16_t *a,
                                                                     int64_t lda, const uint16_t *panel, float *tile,
                                                                     int64_t ld_tile, const int adds) {
    __m512 sum[8][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) sum[i][j] = adds ? _mm512_loadu_ps(tile + i * ld_tile + 16 * j) : _mm512_setzero_ps();
#pragma clang loop unroll_count(4)
    for (int64_t l = 0; l < pairs; l++) {
        const __m512bh left = (__m512bh)_mm512_loadu_si512(panel + l * DD_PANEL * 2);
        const __m512bh right = vectors > 1 ? (__m512bh)_mm512_loadu_si512(panel + l * DD_PANEL * 2 + 32) : left;
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            int32_t pair;
            memcpy(&pair, a + i * lda + 2 * l, sizeof pair);
            const __m512bh factor = (__m512bh)_mm512_set1_epi32(pair);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], factor, left);
            if (vectors > 1) sum[i][1] = _mm512_dpbf16_ps(sum[i][1], factor, right);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        _mm512_storeu_ps(tile + i * ld_tile, sum[i][0]);
        if (vectors > 1) _mm512_storeu_ps(tile + i * ld_tile + 16, sum[i][1]);
    }
}

static void tile_bfloat16(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile,
                          int64_t ld_tile, int adds) {
    DD_TILE_SWITCH(tile_rows_bfloat16, (k + 1) / 2, a, lda, panel, tile, ld_tile, adds)
}
