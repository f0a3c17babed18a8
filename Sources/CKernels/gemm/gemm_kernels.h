// What each instruction set's file gives to the driver in gemm.c.
#ifndef DD_GEMM_KERNELS_H
#define DD_GEMM_KERNELS_H
#include <stdint.h>
#include <string.h>

#include "../math/int16_scales.h"
#include "dd_gemm.h"

enum {
    DD_PANEL = 32,          // columns of a packed panel, and of a tile
    DD_HALF_PANEL = 16,     // GEGLU: values, then gates
    DD_TILE_ROWS = 8,       // the most rows of any tile
};

/// A tile is [rows][DD_PANEL] floats, its rows ld_tile apart. Strips are rows of A as the tile functions read them.
typedef struct dd_gemm_kernels {
    const char *names[3]; // by precision
    int64_t tile_rows;
    /// Strips of bfloat16 products hold bfloat16 (padded with a zero to even k). Otherwise floats that were rounded.
    int strips_bfloat16;

    /// tile = a [rows, k] times the first columns of a panel; rows in 1 ... tile_rows, columns DD_HALF_PANEL or DD_PANEL.
    /// With `adds` the tile holds the sums so far: parts of k one after the other give what one call gives, bit for bit.
    void (*tile_float32)(int64_t rows, int64_t columns, int64_t k, const float *a, int64_t lda, const float *panel,
                         float *tile, int64_t ld_tile, int adds);
    /// The same for a panel of `pairs` pairs; a holds bfloat16 or floats, 2 * pairs a row, as strips_bfloat16 says.
    void (*tile_bfloat16)(int64_t rows, int64_t columns, int64_t pairs, const void *a, int64_t lda, const uint16_t *panel,
                          float *tile, int64_t ld_tile, int adds);
    /// The same for int16: the panel begins with its scales, the rows of a have dd_int16_scales behind them. With `adds` k is at most
    /// DD_INT16_PART.
    void (*tile_int16)(int64_t rows, int64_t columns, int64_t k, const int16_t *a, int64_t lda, const float *panel, float *tile,
                       int64_t ld_tile, int adds);
    /// Makes strip rows from A: joins the sources, applies the prologue, rounds. `line`: room for k + 1 floats.
    void (*load_rows)(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line);
    /// Applies the epilogue to a tile (ld_tile = DD_PANEL) at (row, panel) and writes y.
    void (*finish)(const dd_gemm_args *args, const float *tile, int64_t row, int64_t rows, int64_t panel);
    /// Sums over rows of y [rows, columns], columns <= DD_PANEL, as dd_moments_add takes them.
    void (*sum_columns)(const float *y, int64_t ld, int64_t rows, int64_t columns, float *pivots, float *sums, float *squares);
} dd_gemm_kernels;

extern const dd_gemm_kernels dd_gemm_kernels_scalar;
#if defined(__x86_64__)
extern const dd_gemm_kernels dd_gemm_kernels_avx2;
extern const dd_gemm_kernels dd_gemm_kernels_avx512;
extern const dd_gemm_kernels dd_gemm_kernels_avx512_vnni;
extern const dd_gemm_kernels dd_gemm_kernels_avx512_bf16;
#endif

const dd_gemm_kernels *dd_gemm_kernels_current(void);

/// The columns that a tile must compute for `count` wanted ones.
static inline int64_t dd_tile_columns(int64_t count) { return count <= DD_HALF_PANEL ? DD_HALF_PANEL : DD_PANEL; }

// MARK: int16

/// Integers that may lie where their floats did.
typedef int16_t dd_int16_in_place __attribute__((may_alias));

/// Columns of A that share a scale, a multiple of 32.
static inline int64_t dd_int16_part(int64_t k) {
    const int64_t parts = (k + DD_INT16_PART - 1) / DD_INT16_PART;
    return ((k + parts - 1) / parts + 31) / 32 * 32;
}

/// Elements from the start of a strip row of k integers to the scales of its parts, and to their end.
static inline int64_t dd_int16_scales_at(int64_t k) { return (k + 31) / 32 * 32; }
static inline int64_t dd_int16_row(int64_t k) { return dd_int16_scales_at(k) + ((k + DD_INT16_PART - 1) / DD_INT16_PART * 2 + 31) / 32 * 32; }

static inline const float *dd_int16_scales(const int16_t *row, int64_t k) { return (const float *)(const void *)(row + dd_int16_scales_at(k)); }

/// What numbers with this sum of squares are multiples of, and its inverse. An infinity gives a scale that is one, a NaN one that is none:
/// either way no product with them is finite.
static inline void dd_int16_scale(float squares, float *scale, float *inverse) {
    const float root = __builtin_sqrtf(squares);
    *scale = root * (1 / DD_INT16_ROOT);
    *inverse = squares < DD_INT16_LEAST_SQUARES ? 0 : DD_INT16_ROOT / root;
}

// MARK: conversions

static inline float dd_float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t dd_bits_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float dd_float_from_bfloat16(uint16_t half) { return dd_float_from_bits((uint32_t)half << 16); }

/// To nearest, ties to even; NaNs stay NaNs.
static inline uint16_t dd_bfloat16_from_float(float value) {
    uint32_t bits = dd_bits_from_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// Exact for every float16: the exponent is rebased by a multiplication, which also makes subnormals right.
static inline float dd_float_from_float16(uint16_t half) {
    uint32_t bits = (uint32_t)(half & 0x7fffu) << 13;
    float magnitude = dd_float_from_bits(bits) * 0x1p112f;
    uint32_t out = bits >= 0x0f800000u ? bits | 0x7f800000u : dd_bits_from_float(magnitude);
    return dd_float_from_bits(out | (uint32_t)(half & 0x8000u) << 16);
}

/// To nearest, ties to even.
static inline uint16_t dd_float16_from_float(float value) {
    uint32_t bits = dd_bits_from_float(value);
    uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u) return sign | 0x7e00u;
    if (bits >= 0x477ff000u) return sign | 0x7c00u;
    if (bits < 0x38800000u) { // subnormal: adding one half aligns the last place
        float shifted = dd_float_from_bits(bits) + 0.5f;
        return (uint16_t)(sign | (dd_bits_from_float(shifted) - 0x3f000000u));
    }
    bits += 0xc8000fffu + ((bits >> 13) & 1u);
    return (uint16_t)(sign | bits >> 13);
}

static inline float dd_load_element(const void *base, dd_element type, int64_t index) {
    switch (type) {
        case DD_F16: return dd_float_from_float16(((const uint16_t *)base)[index]);
        case DD_BF16: return dd_float_from_bfloat16(((const uint16_t *)base)[index]);
        default: return ((const float *)base)[index];
    }
}

static inline void dd_store_element(void *base, dd_element type, int64_t index, float value) {
    switch (type) {
        case DD_F16: ((uint16_t *)base)[index] = dd_float16_from_float(value); break;
        case DD_BF16: ((uint16_t *)base)[index] = dd_bfloat16_from_float(value); break;
        default: ((float *)base)[index] = value;
    }
}

static inline const void *dd_element_address(const void *base, dd_element type, int64_t index) {
    return (const char *)base + index * dd_element_bytes(type);
}

static inline int64_t dd_group(int64_t row, int64_t group_rows) { return group_rows > 0 ? row / group_rows : 0; }

#endif
