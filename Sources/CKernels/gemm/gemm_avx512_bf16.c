// AVX-512 with BF16: products of pairs, 32 multiplications and additions an instruction, summed in float32. (The
// instruction takes subnormal numbers as zero.)
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), apply_to = function)
#define DD_VMATH_AVX512
#define DD_VMATH_BF16
#define DD_STRIPS_BFLOAT16 1
#include "gemm_avx512.h"
#include "gemm_template.h"

static inline __attribute__((always_inline)) void tile_rows_bfloat16(const int rows, int64_t pairs, const uint16_t *a,
                                                                     int64_t lda, const uint16_t *panel, float *tile,
                                                                     int64_t ld_tile) {
    __m512 sum[8][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
#pragma clang loop unroll_count(4)
    for (int64_t l = 0; l < pairs; l++) {
        const __m512bh left = (__m512bh)_mm512_loadu_si512(panel + l * DD_PANEL * 2);
        const __m512bh right = (__m512bh)_mm512_loadu_si512(panel + l * DD_PANEL * 2 + 32);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            int32_t pair;
            memcpy(&pair, a + i * lda + 2 * l, sizeof pair);
            const __m512bh factor = (__m512bh)_mm512_set1_epi32(pair);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], factor, left);
            sum[i][1] = _mm512_dpbf16_ps(sum[i][1], factor, right);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        _mm512_storeu_ps(tile + i * ld_tile, sum[i][0]);
        _mm512_storeu_ps(tile + i * ld_tile + 16, sum[i][1]);
    }
}

static void tile_bfloat16(int64_t rows, int64_t pairs, const void *a, int64_t lda, const uint16_t *panel, float *tile,
                          int64_t ld_tile) {
    switch (rows) {
        case 8: tile_rows_bfloat16(8, pairs, a, lda, panel, tile, ld_tile); break;
        case 7: tile_rows_bfloat16(7, pairs, a, lda, panel, tile, ld_tile); break;
        case 6: tile_rows_bfloat16(6, pairs, a, lda, panel, tile, ld_tile); break;
        case 5: tile_rows_bfloat16(5, pairs, a, lda, panel, tile, ld_tile); break;
        case 4: tile_rows_bfloat16(4, pairs, a, lda, panel, tile, ld_tile); break;
        case 3: tile_rows_bfloat16(3, pairs, a, lda, panel, tile, ld_tile); break;
        case 2: tile_rows_bfloat16(2, pairs, a, lda, panel, tile, ld_tile); break;
        default: tile_rows_bfloat16(1, pairs, a, lda, panel, tile, ld_tile); break;
    }
}
#pragma clang attribute pop

const dd_gemm_kernels dd_gemm_kernels_avx512_bf16 = {
    .name_float32 = "gemm-avx512 float32 8x32",
    .name_bfloat16 = "gemm-avx512-bf16 bfloat16 8x32",
    .tile_rows = 8,
    .strips_bfloat16 = DD_STRIPS_BFLOAT16,
    .tile_float32 = tile_float32,
    .tile_bfloat16 = tile_bfloat16,
    .load_rows = load_rows,
    .finish = finish,
};
#endif
