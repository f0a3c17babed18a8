// Tiles of 8 rows x 32 columns in 16 accumulators, for AVX-512. Shared by the files with and without BF16.
#include "gemm_kernels.h"

// The numbers of rows and of vectors are constants in each copy, so that the accumulators stay in registers.
static inline __attribute__((always_inline)) void tile_rows_float32(const int rows, const int vectors, int64_t k, const float *a, int64_t lda,
                                                                    const float *panel, float *tile, int64_t ld_tile, const int adds) {
    __m512 sum[8][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) sum[i][j] = adds ? _mm512_loadu_ps(tile + i * ld_tile + 16 * j) : _mm512_setzero_ps();
#pragma clang loop unroll_count(4)
    for (int64_t l = 0; l < k; l++) {
        const __m512 left = _mm512_loadu_ps(panel + l * DD_PANEL);
        const __m512 right = vectors > 1 ? _mm512_loadu_ps(panel + l * DD_PANEL + 16) : left;
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const __m512 factor = _mm512_set1_ps(a[i * lda + l]);
            sum[i][0] = _mm512_fmadd_ps(factor, left, sum[i][0]);
            if (vectors > 1) sum[i][1] = _mm512_fmadd_ps(factor, right, sum[i][1]);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        _mm512_storeu_ps(tile + i * ld_tile, sum[i][0]);
        if (vectors > 1) _mm512_storeu_ps(tile + i * ld_tile + 16, sum[i][1]);
    }
}

// A copy for each number of rows and both widths.
#define DD_TILE_CASE(function, rows, ...)                                                                                      \
    case rows:                                                                                                                 \
        if (columns > DD_HALF_PANEL)                                                                                           \
            function(rows, 2, __VA_ARGS__);                                                                                    \
        else                                                                                                                   \
            function(rows, 1, __VA_ARGS__);                                                                                    \
        break;
#define DD_TILE_SWITCH(function, ...)                                                                                          \
    switch (rows) {                                                                                                            \
        DD_TILE_CASE(function, 8, __VA_ARGS__)                                                                                 \
        DD_TILE_CASE(function, 7, __VA_ARGS__)                                                                                 \
        DD_TILE_CASE(function, 6, __VA_ARGS__)                                                                                 \
        DD_TILE_CASE(function, 5, __VA_ARGS__)                                                                                 \
        DD_TILE_CASE(function, 4, __VA_ARGS__)                                                                                 \
        DD_TILE_CASE(function, 3, __VA_ARGS__)                                                                                 \
        DD_TILE_CASE(function, 2, __VA_ARGS__)                                                                                 \
        default: DD_TILE_CASE(function, 1, __VA_ARGS__)                                                                        \
    }

static void tile_float32(int64_t rows, int64_t columns, int64_t k, const float *a, int64_t lda, const float *panel, float *tile,
                         int64_t ld_tile, const int adds) {
    DD_TILE_SWITCH(tile_rows_float32, k, a, lda, panel, tile, ld_tile, adds)
}
