// Tiles of some rows and two vectors of columns: 8 x 32 (AVX-512) and 6 x 16 (AVX2), so that all accumulators stay in registers.
#include "gemm_template.h"

enum { MOST_ROWS = DD_VW == 16 ? 8 : 6 };

/// Words may lie where other numbers do, and pairs are aligned to theirs.
typedef float word_in_place __attribute__((may_alias, aligned(2)));

/// sum + the products of a word of each row, `row_bytes` apart, and of one or two vectors of weights. The numbers of rows and of vectors are
/// constants in each copy.
DD_INLINE void add_word(const dd_precision precision, const int rows, const int vectors, vf sum[][2], const char *a, int64_t row_bytes, const float *panel) {
    const vf left = v_load(panel), right = vectors > 1 ? v_load(panel + DD_VW) : left;
    DD_UNROLL
    for (int i = 0; i < rows; i++) {
        const vf factor = v_splat(*(const word_in_place *)(const void *)(a + i * row_bytes));
        sum[i][0] = v_dot(precision, sum[i][0], factor, left);
        if (vectors > 1) sum[i][1] = v_dot(precision, sum[i][1], factor, right);
    }
}

DD_INLINE void add_words(const dd_precision precision, const int rows, const int vectors, vf sum[][2], int64_t words, const char *a, int64_t row_bytes,
                         const float *panel) {
#if DD_VW == 8
    if (precision == DD_PRECISION_INT16) {
#pragma clang loop unroll(disable)
        for (int64_t l = 0; l < words; l++) add_word(precision, rows, vectors, sum, a + 4 * l, row_bytes, panel + l * DD_PANEL);
        return;
    }
#endif
#pragma clang loop unroll_count(4)
    for (int64_t l = 0; l < words; l++) add_word(precision, rows, vectors, sum, a + 4 * l, row_bytes, panel + l * DD_PANEL);
}

DD_INLINE void tile_rows(const dd_precision precision, const int rows, const int vectors, int64_t k, const void *a, int64_t lda, const float *panel,
                         float *tile, int64_t ld_tile, const int adds) {
    vf sum[MOST_ROWS][2];
    if (precision != DD_PRECISION_INT16) {
        DD_UNROLL
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) sum[i][j] = adds ? v_load(tile + i * ld_tile + j * DD_VW) : v_splat(0);
        const int64_t element = precision == DD_PRECISION_FLOAT32 ? 4 : 2;
        add_words(precision, rows, vectors, sum, precision == DD_PRECISION_FLOAT32 ? k : (k + 1) / 2, a, lda * element, panel);
        DD_UNROLL
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) v_store(tile + i * ld_tile + j * DD_VW, sum[i][j]);
        return;
    }
    const float *weights = panel + DD_PANEL, *scales = dd_int16_scales(a, k);
    const int64_t part = dd_int16_part(k);
    for (int64_t first = 0; first < k; first += part, scales++) {
        const int64_t end = first + part < k ? first + part : k + (k & 1), words = (end - first) / 2;
        DD_UNROLL
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) sum[i][j] = v_splat(0);
        add_words(precision, rows, vectors, sum, words, (const char *)a + first * 2, lda * 2, weights);
        weights += words * DD_PANEL;
        DD_UNROLL
        for (int i = 0; i < rows; i++) {
            const vf scale = v_splat(scales[i * lda / 2]);
            DD_UNROLL
            for (int j = 0; j < vectors; j++) {
                float *to = tile + i * ld_tile + j * DD_VW;
                vf x = __builtin_convertvector((vi)sum[i][j], vf) * scale;
                if (first > 0) x += v_load(to);
                if (end >= k) {
                    const vf column = v_load(panel + j * DD_VW);
                    x = adds ? v_fma(x, column, v_load(to)) : x * column;
                }
                v_store(to, x);
            }
        }
    }
}

#define DD_TILE_CASE(rows)                                                          \
    case rows:                                                                      \
        if (DD_VW < 16 || columns > DD_VW)                                          \
            tile_rows(precision, rows, 2, k, a, lda, weights, tile, ld_tile, adds); \
        else                                                                        \
            tile_rows(precision, rows, 1, k, a, lda, weights, tile, ld_tile, adds); \
        break;

DD_INLINE void tile_as(const dd_precision precision, int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile,
                       int64_t ld_tile, int adds) {
    const float *weights = panel;
    for (; columns > 0; columns -= 2 * DD_VW, weights += 2 * DD_VW, tile += 2 * DD_VW) {
        switch (rows) {
#if DD_VW == 16
            DD_TILE_CASE(8)
            DD_TILE_CASE(7)
#endif
            DD_TILE_CASE(6)
            DD_TILE_CASE(5)
            DD_TILE_CASE(4)
            DD_TILE_CASE(3)
            DD_TILE_CASE(2)
            default: DD_TILE_CASE(1)
        }
    }
}

static void tile_float32(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile, int64_t ld_tile, int adds) {
    tile_as(DD_PRECISION_FLOAT32, rows, columns, k, a, lda, panel, tile, ld_tile, adds);
}

#if DD_HAS_BF16
static void tile_bfloat16(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile, int64_t ld_tile, int adds) {
    tile_as(DD_PRECISION_BFLOAT16, rows, columns, k, a, lda, panel, tile, ld_tile, adds);
}
#endif

static void tile_int16(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile, int64_t ld_tile, int adds) {
    tile_as(DD_PRECISION_INT16, rows, columns, k, a, lda, panel, tile, ld_tile, adds);
}

static const dd_gemm_format gemm_formats[DD_PRECISION_COUNT] = {
    [DD_PRECISION_FLOAT32] = {DD_VW == 16 ? "gemm-avx512 float32 8x32" : "gemm-avx2 float32 6x16", tile_float32, load_float32},
#if DD_HAS_BF16
    [DD_PRECISION_BFLOAT16] = {"gemm-avx512-bf16 bfloat16 8x32", tile_bfloat16, load_bfloat16},
#endif
    [DD_PRECISION_INT16] = {DD_HAS_VNNI   ? "gemm-avx512-vnni int16 8x32"
                            : DD_VW == 16 ? "gemm-avx512 int16 8x32"
                                          : "gemm-avx2 int16 6x16",
                            tile_int16, load_int16},
};

static const dd_gemm_kernels gemm_kernels = {
    .tile_rows = MOST_ROWS,
    .formats = gemm_formats,
    .finish = finish_tile,
    .sum_columns = sum_columns,
};
