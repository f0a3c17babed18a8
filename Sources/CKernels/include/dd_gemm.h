// Matrix products with packed weights: y = activation(A w^T + bias) + residual.
//
// A is [m, k] row-major, one row a token; w is [n, k] row-major as PyTorch's Linear has it, packed once. Pointers need
// only their element's alignment (packed weights and scratch: 64 bytes); all strides (ld...) are in elements. Sums run over
// k in one fixed order, whatever the blocks: a result does not depend on the number of threads, nor on the rows beside it.
#ifndef DD_GEMM_H
#define DD_GEMM_H
#include <stdint.h>

#include "dd_parallel.h"
#include "dd_types.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: packed weights

/// Bytes of [n, k] packed: panels of 32 rows, [ceil(n / 32)][k][32] float32, or [ceil(n / 32)][ceil(k / 2)][32][2] bfloat16 or, with
/// 32 float32 scales in front of each panel, int16; what is beyond n and k is zero. The same on every instruction set.
int64_t dd_gemm_packed_bytes(dd_precision precision, int64_t n, int64_t k);

/// Packs w [n, k] (row stride ldw) of DD_F32, DD_F16 or DD_BF16 as rows row_offset ..< row_offset + n of a matrix that may be larger (q, k and v one
/// below the other). Parts come in rising order without gaps: each call also zeroes what follows its last row in that row's panel. `pool` may be NULL.
void dd_gemm_pack_rows(dd_pool *pool, dd_precision precision, void *packed, int64_t row_offset, const void *w, dd_element w_type, int64_t n, int64_t k,
                       int64_t ldw);

/// Packs w [n, k] whose rows 0 ..< n / 2 make the values and n / 2 ..< n the gates (n even): each panel holds 16 rows of
/// values and the 16 of their gates. Same size as dd_gemm_packed_bytes(precision, n, k).
void dd_gemm_pack_geglu(dd_pool *pool, dd_precision precision, void *packed, const void *w, dd_element w_type, int64_t n, int64_t k, int64_t ldw);

// MARK: the product

/// What is done with A while it is read. The column arrays may differ between groups of rows (the images of a batch).
typedef enum dd_gemm_prologue {
    DD_GEMM_PROLOGUE_NONE = 0,
    /// A' = (A - mean) / sqrt(variance + epsilon) column_scale + column_shift, mean and variance being those of the row's k columns.
    DD_GEMM_PROLOGUE_LAYER_NORM = 1,
    /// A' = f(A column_scale + column_shift), f = prologue_activation: a GroupNorm whose statistics are folded into columns.
    DD_GEMM_PROLOGUE_SCALE_SHIFT = 2,
} dd_gemm_prologue;

/// A zeroed structure is valid once m, n, k, a, lda, w_packed, y and ldy are set.
typedef struct dd_gemm_args {
    int64_t m, n, k;        // n: rows of w; with GEGLU those of values and gates together
    dd_precision precision; // the one that w was packed with
    const void *w_packed;

    const void *a; // [m, k]
    int64_t lda;
    dd_element a_type; // DD_F32 or DD_BF16

    dd_gemm_prologue prologue;
    float epsilon;                     // with LAYER_NORM
    const float *column_scale;         // [groups, k] or NULL (1)
    const float *column_shift;         // [groups, k] or NULL (0)
    int64_t column_group_rows;         // rows that share one set of columns; 0: all
    dd_activation prologue_activation; // NONE or SILU, with SCALE_SHIFT

    const float *bias; // [n] in w's own order, or NULL
    dd_activation activation;
    const float *residual; // [m, columns of y] or NULL; may be y itself
    int64_t ld_residual;

    void *y; // [m, n], with GEGLU [m, n / 2]; must not overlap A
    int64_t ldy;
    dd_element y_type; // DD_F32 or DD_BF16

    /// [groups][columns of y][2], where takes_moments is not 0: the mean and the variance (of the whole) of each column of y over each group of rows, as
    /// dd_group_statistics_nhwc_f32 takes them. Blocks of some hundred rows are summed in float32, about their mean, and
    /// brought together in float64, always in the same order. y_type must be DD_F32, k >= 1.
    float *moments;
    int takes_moments;
    int64_t moments_rows; // rows of a group; 0: all
} dd_gemm_args;

/// Bytes of scratch that dd_gemm needs with `threads` workers. No pointer matters, so that memory can be planned before there is any. Enough for every
/// instruction set.
int64_t dd_gemm_scratch_bytes(const dd_gemm_args *args, int threads);

/// Runs the product. `scratch`: 64-byte aligned, dd_gemm_scratch_bytes(args, dd_pool_size(pool)) bytes; may be NULL when
/// that is 0.
void dd_gemm(dd_pool *pool, const dd_gemm_args *args, void *scratch);

/// The name of the variant that dd_gemm runs now: "gemm-avx512-bf16 bfloat16 8x32".
const char *dd_gemm_variant(dd_precision precision);

// MARK: limits

/// What the pool's threads together reach in registers alone with the instruction that multiplies numbers of this precision, in
/// GFLOP/s (a multiply and an add are two), or 0 where there is none: the best of a few runs of some milliseconds, with the
/// instruction set in use.
double dd_measure_limit_gflops(dd_pool *pool, dd_precision precision);

#ifdef __cplusplus
}
#endif
#endif
