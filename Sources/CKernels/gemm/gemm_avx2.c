// AVX2 and FMA: tiles of 6 rows x 16 columns in 12 accumulators, two of them to a panel.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define DD_VMATH_AVX2
#define DD_STRIPS_BFLOAT16 0
#include "gemm_template.h"

static inline __attribute__((always_inline)) void tile_rows_float32(const int rows, int64_t columns, int64_t k, const float *a, int64_t lda,
                                                                    const float *panel, float *tile, int64_t ld_tile, const int adds) {
    for (; columns > 0; columns -= DD_HALF_PANEL, panel += DD_HALF_PANEL, tile += DD_HALF_PANEL) {
        __m256 sum[6][2];
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            sum[i][0] = adds ? _mm256_loadu_ps(tile + i * ld_tile) : _mm256_setzero_ps();
            sum[i][1] = adds ? _mm256_loadu_ps(tile + i * ld_tile + 8) : _mm256_setzero_ps();
        }
#pragma clang loop unroll_count(4)
        for (int64_t l = 0; l < k; l++) {
            const __m256 left = _mm256_loadu_ps(panel + l * DD_PANEL), right = _mm256_loadu_ps(panel + l * DD_PANEL + 8);
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
                const __m256 factor = _mm256_broadcast_ss(a + i * lda + l);
                sum[i][0] = _mm256_fmadd_ps(factor, left, sum[i][0]);
                sum[i][1] = _mm256_fmadd_ps(factor, right, sum[i][1]);
            }
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            _mm256_storeu_ps(tile + i * ld_tile, sum[i][0]);
            _mm256_storeu_ps(tile + i * ld_tile + 8, sum[i][1]);
        }
    }
}

static void tile_float32(int64_t rows, int64_t columns, int64_t k, const float *a, int64_t lda, const float *panel, float *tile,
                         int64_t ld_tile, const int adds) {
    switch (rows) {
        case 6: tile_rows_float32(6, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        case 5: tile_rows_float32(5, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        case 4: tile_rows_float32(4, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        case 3: tile_rows_float32(3, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        case 2: tile_rows_float32(2, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        default: tile_rows_float32(1, columns, k, a, lda, panel, tile, ld_tile, adds); break;
    }
}

static inline __attribute__((always_inline)) void tile_rows_bfloat16(const int rows, int64_t columns, int64_t pairs, const float *a, int64_t lda,
                                                                     const uint16_t *panel, float *tile, int64_t ld_tile, const int adds) {
    const __m256i high = _mm256_set1_epi32((int)0xffff0000u);
    for (; columns > 0; columns -= DD_HALF_PANEL, panel += DD_PANEL, tile += DD_HALF_PANEL) {
        __m256 sum[6][2];
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            sum[i][0] = adds ? _mm256_loadu_ps(tile + i * ld_tile) : _mm256_setzero_ps();
            sum[i][1] = adds ? _mm256_loadu_ps(tile + i * ld_tile + 8) : _mm256_setzero_ps();
        }
        for (int64_t l = 0; l < pairs; l++) {
            const __m256i *weights = (const __m256i *)(panel + l * DD_PANEL * 2);
            const __m256i left = _mm256_loadu_si256(weights), right = _mm256_loadu_si256(weights + 1);
            __m256 first = _mm256_castsi256_ps(_mm256_slli_epi32(left, 16));
            __m256 second = _mm256_castsi256_ps(_mm256_slli_epi32(right, 16));
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
                const __m256 even = _mm256_broadcast_ss(a + i * lda + 2 * l);
                sum[i][0] = _mm256_fmadd_ps(even, first, sum[i][0]);
                sum[i][1] = _mm256_fmadd_ps(even, second, sum[i][1]);
            }
            first = _mm256_castsi256_ps(_mm256_and_si256(left, high));
            second = _mm256_castsi256_ps(_mm256_and_si256(right, high));
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
                const __m256 odd = _mm256_broadcast_ss(a + i * lda + 2 * l + 1);
                sum[i][0] = _mm256_fmadd_ps(odd, first, sum[i][0]);
                sum[i][1] = _mm256_fmadd_ps(odd, second, sum[i][1]);
            }
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            _mm256_storeu_ps(tile + i * ld_tile, sum[i][0]);
            _mm256_storeu_ps(tile + i * ld_tile + 8, sum[i][1]);
        }
    }
}

static void tile_bfloat16(int64_t rows, int64_t columns, int64_t pairs, const void *a, int64_t lda, const uint16_t *panel,
                          float *tile, int64_t ld_tile, const int adds) {
    switch (rows) {
        case 6: tile_rows_bfloat16(6, columns, pairs, a, lda, panel, tile, ld_tile, adds); break;
        case 5: tile_rows_bfloat16(5, columns, pairs, a, lda, panel, tile, ld_tile, adds); break;
        case 4: tile_rows_bfloat16(4, columns, pairs, a, lda, panel, tile, ld_tile, adds); break;
        case 3: tile_rows_bfloat16(3, columns, pairs, a, lda, panel, tile, ld_tile, adds); break;
        case 2: tile_rows_bfloat16(2, columns, pairs, a, lda, panel, tile, ld_tile, adds); break;
        default: tile_rows_bfloat16(1, columns, pairs, a, lda, panel, tile, ld_tile, adds); break;
    }
}
#pragma clang attribute pop

const dd_gemm_kernels dd_gemm_kernels_avx2 = {
    .name_float32 = "gemm-avx2 float32 6x16",
    .name_bfloat16 = "gemm-avx2 bfloat16-widened 6x16",
    .tile_rows = 6,
    .strips_bfloat16 = DD_STRIPS_BFLOAT16,
    .tile_float32 = tile_float32,
    .tile_bfloat16 = tile_bfloat16,
    .load_rows = load_rows,
    .finish = finish,
    .sum_columns = sum_columns,
};
#endif
