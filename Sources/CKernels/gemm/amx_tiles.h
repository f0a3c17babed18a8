// Products of bfloat16 on AMX's tile registers, each 16 rows of 64 bytes, after the GEMM's loader and epilogue. A register holds 32 numbers along k of 16 rows
// of A, or of 16 columns of a panel, as they lie in memory.
//
// 16-bit integers can be multiplied here too, as four products of bytes whose sums are put together modulo 2^32. That was exact, but slower than AVX-512
// whenever another program used the first cache: it loads a register for each product.
#include "gemm_template.h"

enum {
    SIDE = 16,   // rows of a register, and columns of the results
    TILE_K = 32, // numbers along k
    PART = 512,  // of k at a time
    AMX_ROWS = 128,
};

/// All eight registers are whole, once for each thread.
static void configure(void) {
    static _Thread_local int done;
    if (done) return;
    _Alignas(64) struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int i = 0; i < 8; i++) shape.row_bytes[i] = 64, shape.rows[i] = SIDE;
    _tile_loadconfig(&shape);
    done = 1;
}

/// A 16 x 16 piece of a tile, whatever its rows and k: what is not whole is copied and filled with zeros.
static void add_piece(int64_t rows, int64_t k, const uint16_t *a, int64_t lda, const float *panel, float *tile, int64_t ld_tile, int adds) {
    _Alignas(64) float result[SIDE][SIDE] = {0};
    if (adds)
        for (int64_t i = 0; i < rows; i++) memcpy(result[i], tile + i * ld_tile, sizeof result[i]);
    _tile_loadd(0, result, 64);
    for (int64_t l = 0; l < k; l += TILE_K) {
        const int64_t count = dd_min(TILE_K, k - l);
        _Alignas(64) uint16_t left[SIDE][TILE_K] = {0};
        _Alignas(64) float right[SIDE][SIDE] = {0};
        for (int64_t i = 0; i < rows; i++) memcpy(left[i], a + i * lda + l, (size_t)count * 2);
        for (int64_t i = 0; i < (count + 1) / 2; i++) memcpy(right[i], panel + (l / 2 + i) * DD_PANEL, sizeof right[i]);
        _tile_loadd(1, left, 64);
        _tile_loadd(2, right, 64);
        _tile_dpbf16ps(0, 1, 2);
    }
    _tile_stored(0, result, 64);
    for (int64_t i = 0; i < rows; i++) memcpy(tile + i * ld_tile, result[i], sizeof result[i]);
}

/// 32 x 32 results.
static void add_square(int64_t k, const char *a, int64_t row_bytes, const char *panel, float *tile, int64_t ld_tile, int adds) {
    const char *below = a + SIDE * row_bytes;
    float *under = tile + SIDE * ld_tile;
    const int64_t ld = ld_tile * 4;
    if (adds)
        _tile_loadd(0, tile, ld), _tile_loadd(1, tile + SIDE, ld), _tile_loadd(2, under, ld), _tile_loadd(3, under + SIDE, ld);
    else
        _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);
    for (int64_t l = 0; l < k; l += TILE_K, a += 64, below += 64, panel += SIDE * DD_PANEL * 4) {
        _tile_loadd(4, a, row_bytes);
        _tile_loadd(6, panel, DD_PANEL * 4);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, panel + SIDE * 4, DD_PANEL * 4);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, below, row_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, tile, ld), _tile_stored(1, tile + SIDE, ld), _tile_stored(2, under, ld), _tile_stored(3, under + SIDE, ld);
}

/// Parts of k one after the other, so that a part of the panel stays in the first cache while rows go over it.
static void tile_bfloat16(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile, int64_t ld_tile, int adds) {
    configure();
    for (int64_t first = 0; first < k; first += PART) {
        const int64_t count = dd_min(PART, k - first);
        const uint16_t *row = (const uint16_t *)a + first;
        const float *weights = (const float *)panel + first / 2 * DD_PANEL;
        for (int64_t i = 0; i < rows; i += 2 * SIDE) {
            float *to = tile + i * ld_tile;
            const uint16_t *from = row + i * lda;
            if (rows - i >= 2 * SIDE && columns == DD_PANEL && count % TILE_K == 0) {
                add_square(count, (const char *)from, lda * 2, (const char *)weights, to, ld_tile, adds || first > 0);
                continue;
            }
            for (int64_t half = 0; half < dd_min(rows - i, 2 * SIDE); half += SIDE)
                for (int64_t j = 0; j < columns; j += SIDE)
                    add_piece(dd_min(SIDE, rows - i - half), count, from + half * lda, lda, weights + j, to + half * ld_tile + j, ld_tile, adds || first > 0);
        }
    }
}

static const dd_gemm_format gemm_formats[DD_PRECISION_COUNT] = {
    [DD_PRECISION_BFLOAT16] = {"gemm-amx bfloat16 128x32", tile_bfloat16, load_bfloat16},
};

static const dd_gemm_kernels gemm_kernels = {
    .tile_rows = AMX_ROWS,
    .formats = gemm_formats,
    .finish = finish_tile,
    .sum_columns = sum_columns,
};

// MARK: what the machine can do at most

enum { LIMIT_FLOPS = 4 * 2 * SIDE * SIDE * TILE_K };

static void limit_bfloat16(int64_t steps, float *result) {
    configure();
    _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3), _tile_zero(4), _tile_zero(5);
    for (int64_t s = 0; s < steps; s++) {
        _tile_dpbf16ps(0, 4, 5);
        _tile_dpbf16ps(1, 4, 5);
        _tile_dpbf16ps(2, 4, 5);
        _tile_dpbf16ps(3, 4, 5);
    }
    _Alignas(64) float sums[SIDE * SIDE];
    _tile_stored(0, sums, 64);
    *result += sums[0];
}
