// AVX2 and FMA: tiles of 6 rows x 16 columns in 12 accumulators, two of them to a panel.
#define DD_VMATH_AVX2
#include "gemm_template.h"

// A copy for each number of rows, so that the accumulators stay in registers.
#define DD_TILE_SWITCH(function, ...)                                                                                          \
    switch (rows) {                                                                                                            \
        case 6: function(6, __VA_ARGS__); break;                                                                               \
        case 5: function(5, __VA_ARGS__); break;                                                                               \
        case 4: function(4, __VA_ARGS__); break;                                                                               \
        case 3: function(3, __VA_ARGS__); break;                                                                               \
        case 2: function(2, __VA_ARGS__); break;                                                                               \
        default: function(1, __VA_ARGS__); break;                                                                              \
    }

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

static void tile_float32(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile,
                         int64_t ld_tile, int adds) {
    DD_TILE_SWITCH(tile_rows_float32, columns, k, a, lda, panel, tile, ld_tile, adds)
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

static void tile_int16(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile,
                         int64_t ld_tile, int adds) {
    DD_TILE_SWITCH(tile_rows_int16, columns, k, a, lda, panel, tile, ld_tile, adds)
}

static const dd_gemm_kernels gemm_kernels = {
    .tile_rows = 6,
    .formats = {
        [DD_PRECISION_FLOAT32] = {"gemm-avx2 float32 6x16", tile_float32, load_float32},
        [DD_PRECISION_INT16] = {"gemm-avx2 int16 6x16", tile_int16, load_int16},
    },
    .finish = finish_tile,
    .sum_columns = sum_columns,
};
