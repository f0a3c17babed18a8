// What each instruction set's file gives to the driver in attention.c; the products are the GEMM's tiles.
#ifndef DD_ATTENTION_KERNELS_H
#define DD_ATTENTION_KERNELS_H
#include "../gemm/gemm_kernels.h"
#include "dd_attention.h"

enum {
    DD_LANES = 16,        // that a row's sums are kept in
    DD_ROWS_TOGETHER = 8, // of scores_and_weights
    DD_HEADROOM = 8,      // powers of two by which scores may exceed the base of their row
};

/// How an instruction set attends at one precision. Keys, values and weights lie as the GEMM's operands do.
typedef struct dd_attention_format {
    const char *name; // "attention-avx2 float32"; NULL where the instruction set has no such format: the portable one serves
    /// Packs `count` (<= 32) keys as a panel of d channels, scaled and filled with zeros. NULL in int16, whose scales are of whole keys:
    /// the driver packs those.
    void (*pack_keys)(void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale);
    /// Packs `count` (<= 32, the first even) tokens of `columns` (<= 32) channels.
    void (*pack_values)(void *out, const float *v, int64_t stride, int64_t count, int64_t columns);
    /// Turns columns (whole panels) of scores into weights in place, as the tiles read them:
    ///
    ///     weight = exp2(score),  sums[row][lane] += weight
    ///
    /// In int16 the columns are all that a row has, of which the first `keys` are there.
    void (*weigh)(int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums);
    /// Three at once, or NULL: the product of 8 rows of q (of `words` floats or pairs, at least 16) and a panel of keys, plus
    /// `shift`, into `scores`, its top, and the weights of one panel (from `column` on) of the scores `previous`.
    void (*scores_and_weights)(int64_t words, const void *q, int64_t ldq, const void *panel, const float *shift, float *scores, int64_t ld, float *top,
                               float *previous, int64_t column, float *sums);
} dd_attention_format;

typedef struct dd_attention_kernels {
    const dd_attention_format *formats; // of each precision
    /// Scores are in units of log 2, less the base of their row, which is near its largest: shift = -base.
    ///
    /// top[lane] = max(top, a panel of scores) over all rows.
    void (*find_top)(int64_t rows, const float *scores, int64_t ld, float *top);
    /// Where a row has a score of more than DD_HEADROOM, or no base yet: the largest becomes the base, and scores, sums and
    /// results follow. `columns` of scores, `channels` of results.
    void (*settle)(int64_t rows, float *scores, int64_t ld, int64_t columns, float *shift, uint8_t *has_base, float *sums, float *out, int64_t ld_out,
                   int64_t channels);
    /// y = out / sum of sums, as DD_F32 or DD_BF16.
    void (*store_row)(void *y, dd_element type, const float *out, const float *sums, int64_t d);
    /// out [rows][columns] = rows of bfloat16, `stride` elements apart.
    void (*widen)(float *out, const uint16_t *rows, int64_t stride, int64_t count, int64_t columns);
} dd_attention_kernels;

#endif
