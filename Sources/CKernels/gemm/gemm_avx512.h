// Tiles of 8 rows x 32 columns in 16 accumulators, for AVX-512. Shared by the files with and without BF16.
#include "gemm_kernels.h"

// The number of rows is a constant in each copy, so that the accumulators stay in registers.
static inline __attribute__((always_inline)) void tile_rows_float32(const int rows, int64_t k, const float *a, int64_t lda,
                                                                    const float *panel, float *tile, int64_t ld_tile) {
    __m512 sum[8][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
#pragma clang loop unroll_count(4)
    for (int64_t l = 0; l < k; l++) {
        const __m512 left = _mm512_loadu_ps(panel + l * DD_PANEL), right = _mm512_loadu_ps(panel + l * DD_PANEL + 16);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const __m512 factor = _mm512_set1_ps(a[i * lda + l]);
            sum[i][0] = _mm512_fmadd_ps(factor, left, sum[i][0]);
            sum[i][1] = _mm512_fmadd_ps(factor, right, sum[i][1]);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        _mm512_storeu_ps(tile + i * ld_tile, sum[i][0]);
        _mm512_storeu_ps(tile + i * ld_tile + 16, sum[i][1]);
    }
}

static void tile_float32(int64_t rows, int64_t k, const float *a, int64_t lda, const float *panel, float *tile,
                         int64_t ld_tile) {
    switch (rows) {
        case 8: tile_rows_float32(8, k, a, lda, panel, tile, ld_tile); break;
        case 7: tile_rows_float32(7, k, a, lda, panel, tile, ld_tile); break;
        case 6: tile_rows_float32(6, k, a, lda, panel, tile, ld_tile); break;
        case 5: tile_rows_float32(5, k, a, lda, panel, tile, ld_tile); break;
        case 4: tile_rows_float32(4, k, a, lda, panel, tile, ld_tile); break;
        case 3: tile_rows_float32(3, k, a, lda, panel, tile, ld_tile); break;
        case 2: tile_rows_float32(2, k, a, lda, panel, tile, ld_tile); break;
        default: tile_rows_float32(1, k, a, lda, panel, tile, ld_tile); break;
    }
}
