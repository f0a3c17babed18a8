// What each instruction set's file gives to the driver in attention.c; the products are the GEMM's tiles.
#ifndef DD_ATTENTION_KERNELS_H
#define DD_ATTENTION_KERNELS_H
#include "../gemm/gemm_kernels.h"
#include "dd_attention.h"

typedef struct dd_attention_kernels {
    const char *name_float32, *name_bfloat16;

    /// Packs `count` (<= 32) keys as a panel, [d][32] or pairs of channels [ceil(d / 2)][32][2], scaled and filled with zeros.
    void (*pack_keys)(dd_precision precision, void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale);
    /// Packs `count` (<= 32, the first even) tokens of `columns` (<= 32) channels, [count][32] or pairs of tokens.
    void (*pack_values)(dd_precision precision, void *out, const float *v, int64_t stride, int64_t count, int64_t columns);
    /// Turns a row of `count` scores (in units of log 2) into weights, in place:
    ///
    ///     max' = max(max, scores),  weight = exp2(score - max'),  sum' = sum exp2(max - max') + weights
    ///
    /// and returns exp2(max - max'), by which what was summed before must be multiplied. As the products read them, weights
    /// are floats or, for bfloat16, rounded (floats or pairs, like the GEMM's strips; a zero makes odd counts even).
    /// What lies beyond `count` up to a multiple of DD_PANEL may be overwritten.
    float (*softmax_row)(dd_precision precision, float *scores, int64_t count, float *max, float *sum);
    /// out = out * factors[row] + tile.
    void (*accumulate)(int64_t rows, float *out, int64_t ld, const float *factors, const float *tile);
    /// y = out / sum.
    void (*store_row)(float *y, const float *out, float sum, int64_t d);
} dd_attention_kernels;

extern const dd_attention_kernels dd_attention_kernels_scalar;
#if defined(__x86_64__)
extern const dd_attention_kernels dd_attention_kernels_avx2;
extern const dd_attention_kernels dd_attention_kernels_avx512;
extern const dd_attention_kernels dd_attention_kernels_avx512_bf16;
#endif

#endif
