// AVX-512: tiles of 8 rows x 32 columns in 16 accumulators. DD_VNNI says whether there is an instruction that multiplies and adds pairs of
// int16, DD_VMATH_BF16 whether there is one for pairs of bfloat16.
#define DD_VMATH_AVX512
#include "gemm_template.h"

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

#if DD_VNNI
/// acc + the lanes' two products. Written out: of the intrinsic the compiler makes a product and an addition, for a shorter chain that
/// nobody waits for.
#define DD_DOT_INT16(acc, x, w) __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w))
#else
#define DD_DOT_INT16(acc, x, w) acc = _mm512_add_epi32(acc, _mm512_madd_epi16(x, w))
#endif

static inline __attribute__((always_inline)) void tile_rows_int16(const int rows, const int vectors, int64_t k, const int16_t *a, int64_t lda,
                                                                  const float *panel, float *tile, int64_t ld_tile, const int adds) {
    const float *weights = panel + DD_PANEL, *scales = dd_int16_scales(a, k);
    const int64_t part = dd_int16_part(k);
    for (int64_t first = 0; first < k; first += part, scales++) {
        const int64_t end = first + part < k ? first + part : k + (k & 1);
        __m512i sum[8][2];
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) sum[i][j] = _mm512_setzero_si512();
#pragma clang loop unroll_count(4)
        for (int64_t l = first; l < end; l += 2, weights += DD_PANEL) {
            const __m512i left = _mm512_loadu_si512(weights), right = vectors > 1 ? _mm512_loadu_si512(weights + 16) : left;
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
                int32_t pair;
                memcpy(&pair, a + i * lda + l, sizeof pair);
                const __m512i factor = _mm512_set1_epi32(pair);
                DD_DOT_INT16(sum[i][0], factor, left);
                if (vectors > 1) DD_DOT_INT16(sum[i][1], factor, right);
            }
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const __m512 scale = _mm512_set1_ps(scales[i * lda / 2]);
#pragma clang loop unroll(full)
            for (int j = 0; j < vectors; j++) {
                float *to = tile + i * ld_tile + 16 * j;
                __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[i][j]), scale);
                if (first > 0) x = _mm512_add_ps(x, _mm512_loadu_ps(to));
                if (end >= k) {
                    const __m512 column = _mm512_loadu_ps(panel + 16 * j);
                    x = adds ? _mm512_fmadd_ps(x, column, _mm512_loadu_ps(to)) : _mm512_mul_ps(x, column);
                }
                _mm512_storeu_ps(to, x);
            }
        }
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

static void tile_float32(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile,
                         int64_t ld_tile, int adds) {
    DD_TILE_SWITCH(tile_rows_float32, k, a, lda, panel, tile, ld_tile, adds)
}

static void tile_int16(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile,
                         int64_t ld_tile, int adds) {
    DD_TILE_SWITCH(tile_rows_int16, k, a, lda, panel, tile, ld_tile, adds)
}

#if defined(DD_VMATH_BF16)
#include "gemm_avx512_bf16.h"
#endif

static const dd_gemm_kernels gemm_kernels = {
    .tile_rows = 8,
    .formats = {
        [DD_PRECISION_FLOAT32] = {"gemm-avx512 float32 8x32", tile_float32, load_float32},
#if defined(DD_VMATH_BF16)
        [DD_PRECISION_BFLOAT16] = {"gemm-avx512-bf16 bfloat16 8x32", tile_bfloat16, load_bfloat16},
#endif
        [DD_PRECISION_INT16] = {DD_VNNI ? "gemm-avx512-vnni int16 8x32" : "gemm-avx512 int16 8x32", tile_int16, load_int16},
    },
    .finish = finish_tile,
    .sum_columns = sum_columns,
};
