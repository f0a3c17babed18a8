// AVX-512 with BF16: products of pairs, 32 multiplications and additions an instruction, summed in float32. (The
// instruction takes subnormal numbers as zero.)
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni,avx2,fma"))), apply_to = function)
#define DD_VMATH_AVX512
#define DD_VMATH_BF16
#define DD_STRIPS_BFLOAT16 1
#define DD_VNNI 1
#include "gemm_avx512.h"
#include "gemm_template.h"

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

static void tile_bfloat16(int64_t rows, int64_t columns, int64_t pairs, const void *a, int64_t lda, const uint16_t *panel,
                          float *tile, int64_t ld_tile, const int adds) {
    DD_TILE_SWITCH(tile_rows_bfloat16, pairs, a, lda, panel, tile, ld_tile, adds)
}
#pragma clang attribute pop

const dd_gemm_kernels dd_gemm_kernels_avx512_bf16 = {
    .names = {"gemm-avx512 float32 8x32", "gemm-avx512-bf16 bfloat16 8x32", "gemm-avx512-vnni int16 8x32"},
    .tile_rows = 8,
    .strips_bfloat16 = DD_STRIPS_BFLOAT16,
    .tile_float32 = tile_float32,
    .tile_bfloat16 = tile_bfloat16,
    .tile_int16 = tile_int16,
    .load_rows = load_rows,
    .finish = finish,
    .sum_columns = sum_columns,
};
#endif
