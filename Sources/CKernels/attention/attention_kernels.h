// What each instruction set's file gives to the driver in attention.c; the products are the GEMM's tiles.
#ifndef DD_ATTENTION_KERNELS_H
#define DD_ATTENTION_KERNELS_H
#include "../gemm/gemm_kernels.h"
#include "dd_attention.h"

enum {
    DD_LANES = 16,    // that a row's sums are kept in
    DD_HEADROOM = 8,  // powers of two by which scores may exceed the base of their row
};

typedef struct dd_attention_kernels {
    const char *names[3]; // by precision

    /// (int16 has packing of its own.) Packs `count` (<= 32) keys as a panel, [d][32] or pairs of channels [ceil(d / 2)][32][2], scaled and filled with zeros.
    void (*pack_keys)(dd_precision precision, void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale);
    /// Packs `count` (<= 32, the first even) tokens of `columns` (<= 32) channels, [count][32] or pairs of tokens.
    void (*pack_values)(dd_precision precision, void *out, const float *v, int64_t stride, int64_t count, int64_t columns);
    /// Scores are in units of log 2, less the base of their row, which is near its largest: shift = -base.
    ///
    /// top[lane] = max(top, a panel of scores) over all rows.
    void (*find_top)(int64_t rows, const float *scores, int64_t ld, float *top);
    /// Where a row has a score of more than DD_HEADROOM, or no base yet: the largest becomes the base, and scores, sums and
    /// results follow. `columns` of scores, `channels` of results.
    void (*settle)(int64_t rows, float *scores, int64_t ld, int64_t columns, float *shift, uint8_t *has_base, float *sums, float *out,
                   int64_t ld_out, int64_t channels);
    /// Turns columns (whole panels) of scores into weights in place:
    ///
    ///     weight = exp2(score),  sums[row][lane] += weight
    ///
    /// As the products read them, weights are floats or, for bfloat16, rounded (floats or halves, like the GEMM's strips). For int16 the
    /// columns are all that a row has, of which the first `keys` are there: strips with their scale behind them.
    void (*weigh)(dd_precision precision, int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums);
    /// Three at once, or NULL: the product of 8 rows of q (of `words` floats or pairs, at least 16) and a panel of keys, plus
    /// `shift`, into `scores`, its top, and the weights of one panel (from `column` on) of the scores `previous`.
    void (*scores_and_weights)(dd_precision precision, int64_t words, const void *q, int64_t ldq, const void *panel, const float *shift,
                               float *scores, int64_t ld, float *top, float *previous, int64_t column, float *sums);
    /// y = out / sum of sums, as DD_F32 or DD_BF16.
    void (*store_row)(void *y, dd_element type, const float *out, const float *sums, int64_t d);
    /// out [rows][columns] = rows of bfloat16, `stride` elements apart.
    void (*widen)(float *out, const uint16_t *rows, int64_t stride, int64_t count, int64_t columns);
} dd_attention_kernels;

extern const dd_attention_kernels dd_attention_kernels_scalar;
#if defined(__x86_64__)
extern const dd_attention_kernels dd_attention_kernels_avx2;
extern const dd_attention_kernels dd_attention_kernels_avx512;
extern const dd_attention_kernels dd_attention_kernels_avx512_bf16;
#endif

#endif
