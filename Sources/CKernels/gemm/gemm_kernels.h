// What each instruction set's file gives to the driver in gemm.c.
#ifndef DD_GEMM_KERNELS_H
#define DD_GEMM_KERNELS_H
#include <stdint.h>
#include <string.h>

#include "../math/int16_scales.h"
#include "../math/integers.h"
#include "../simd/half.h"
#include "dd_gemm.h"

enum {
    DD_PANEL = 32,      // columns of a packed panel, and of a tile
    DD_HALF_PANEL = 16, // GEGLU: values, then gates
    DD_TILE_ROWS = 128, // the most rows of any tile
};

/// How an instruction set multiplies at one precision. A tile is [rows][DD_PANEL] floats, its rows ld_tile apart. Strips are rows of A
/// as the tiles read them; dd_operand says what lies in them and in the panels.
typedef struct dd_gemm_format {
    const char *name; // "gemm-avx512 float32 8x32"; NULL where the instruction set has no such format: the portable one serves
    /// tile = a [rows, k] times the first columns of a panel; rows in 1 ... tile_rows, columns DD_HALF_PANEL or DD_PANEL.
    /// With `adds` the tile holds the sums so far: parts of k one after the other give what one call gives, bit for bit (in int16 only
    /// up to DD_INT16_PART).
    void (*tile)(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile, int64_t ld_tile, int adds);
    /// Makes strip rows from A: applies the prologue, rounds. `line`: room for k + 1 floats.
    void (*load_rows)(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line);
} dd_gemm_format;

typedef struct dd_gemm_kernels {
    int64_t tile_rows;
    const dd_gemm_format *formats; // of each precision
    /// Applies the epilogue to a tile (ld_tile = DD_PANEL) at (row, panel) and writes y.
    void (*finish)(const dd_gemm_args *args, const float *tile, int64_t row, int64_t rows, int64_t panel);
    /// Of the columns of y [rows, columns], columns <= DD_PANEL, what dd_moments_add takes.
    void (*sum_columns)(const float *y, int64_t ld, int64_t rows, int64_t columns, float *pivots, float *offsets, float *squares);
} dd_gemm_kernels;

/// Those in use that have a format of this precision.
const dd_gemm_kernels *dd_gemm_kernels_for(dd_precision precision);

/// How operands lie at one precision, the same on every instruction set.
typedef struct dd_operand {
    int64_t element;                 // bytes of one in a strip
    dd_element in_place;             // A of this type can be read where it is, if rows are whole words
    int64_t (*strip_row)(int64_t k); // elements of a strip row
    int64_t scale_rows;              // of 32 floats in front of a panel: 1 where rows of w have scales
    /// Columns start ..< start + count of row j of a panel, from floats; times `inverse` where there are scales.
    void (*pack)(void *panel, int64_t start, int64_t j, const float *line, int64_t count, float inverse);
} dd_operand;

extern const dd_operand dd_operands[DD_PRECISION_COUNT];

/// Words of four bytes that hold `count` elements of a strip.
static inline int64_t dd_operand_words(dd_precision precision, int64_t count) { return (count * dd_operands[precision].element + 3) / 4; }

/// Rows of 32 words of a panel of k columns.
static inline int64_t dd_operand_rows(dd_precision precision, int64_t k) { return dd_operands[precision].scale_rows + dd_operand_words(precision, k); }

/// Whether tiles can read rows of `k` elements where they are.
static inline int dd_operand_in_place(dd_precision precision, dd_element type, int64_t k) {
    return type == dd_operands[precision].in_place && k * dd_operands[precision].element % 4 == 0;
}

/// The columns that a tile must compute for `count` wanted ones.
static inline int64_t dd_tile_columns(int64_t count) { return count <= DD_HALF_PANEL ? DD_HALF_PANEL : DD_PANEL; }

static inline int64_t dd_group(int64_t row, int64_t group_rows) { return group_rows > 0 ? row / group_rows : 0; }

// MARK: 16 bits

/// Numbers that may lie where floats did.
typedef int16_t dd_int16_in_place __attribute__((may_alias));
typedef uint16_t dd_bfloat16_in_place __attribute__((may_alias));

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

#endif
