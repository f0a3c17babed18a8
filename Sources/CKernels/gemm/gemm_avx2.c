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

/// acc + the lanes' two products. Together, since apart the compiler puts so many products between them that accumulators leave the registers.
#define DD_DOT_INT16(acc, x, w)                                                                                                \
    do {                                                                                                                       \
        __m256i products;                                                                                                      \
        __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(acc), "=&x"(products) : "x"(x), "x"(w));                    \
    } while (0)

static inline __attribute__((always_inline)) void tile_rows_int16(const int rows, int64_t columns, int64_t k, const int16_t *a, int64_t lda,
                                                                  const float *panel, float *tile, int64_t ld_tile, const int adds) {
    const int64_t part = dd_int16_part(k);
    for (; columns > 0; columns -= DD_HALF_PANEL, panel += DD_HALF_PANEL, tile += DD_HALF_PANEL) {
        const float *weights = panel + DD_PANEL, *scales = dd_int16_scales(a, k);
        for (int64_t first = 0; first < k; first += part, scales++) {
            const int64_t end = first + part < k ? first + part : k + (k & 1);
            __m256i sum[6][2];
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = _mm256_setzero_si256();
#pragma clang loop unroll(disable)
            for (int64_t l = first; l < end; l += 2, weights += DD_PANEL) {
                const __m256i left = _mm256_loadu_si256((const __m256i *)weights), right = _mm256_loadu_si256((const __m256i *)(weights + 8));
#pragma clang loop unroll(full)
                for (int i = 0; i < rows; i++) {
                    int32_t pair;
                    memcpy(&pair, a + i * lda + l, sizeof pair);
                    const __m256i factor = _mm256_set1_epi32(pair);
                    DD_DOT_INT16(sum[i][0], factor, left);
                    DD_DOT_INT16(sum[i][1], factor, right);
                }
            }
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
                const __m256 scale = _mm256_set1_ps(scales[i * lda / 2]);
#pragma clang loop unroll(full)
                for (int j = 0; j < 2; j++) {
                    float *to = tile + i * ld_tile + 8 * j;
                    __m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[i][j]), scale);
                    if (first > 0) x = _mm256_add_ps(x, _mm256_loadu_ps(to));
                    if (end >= k) {
                        const __m256 column = _mm256_loadu_ps(panel + 8 * j);
                        x = adds ? _mm256_fmadd_ps(x, column, _mm256_loadu_ps(to)) : _mm256_mul_ps(x, column);
                    }
                    _mm256_storeu_ps(to, x);
                }
            }
        }
    }
}

static void tile_int16(int64_t rows, int64_t columns, int64_t k, const int16_t *a, int64_t lda, const float *panel, float *tile,
                       int64_t ld_tile, const int adds) {
    switch (rows) {
        case 6: tile_rows_int16(6, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        case 5: tile_rows_int16(5, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        case 4: tile_rows_int16(4, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        case 3: tile_rows_int16(3, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        case 2: tile_rows_int16(2, columns, k, a, lda, panel, tile, ld_tile, adds); break;
        default: tile_rows_int16(1, columns, k, a, lda, panel, tile, ld_tile, adds); break;
    }
}
#pragma clang attribute pop

const dd_gemm_kernels dd_gemm_kernels_avx2 = {
    .names = {"gemm-avx2 float32 6x16", "gemm-avx2 bfloat16-widened 6x16", "gemm-avx2 int16 6x16"},
    .tile_rows = 6,
    .strips_bfloat16 = DD_STRIPS_BFLOAT16,
    .tile_float32 = tile_float32,
    .tile_bfloat16 = tile_bfloat16,
    .tile_int16 = tile_int16,
    .load_rows = load_rows,
    .finish = finish,
    .sum_columns = sum_columns,
};
#endif
