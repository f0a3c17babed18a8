// Scaled dot-product attention: softmax(scale q k^T) v for each batch entry and head, without a score matrix in memory.
#ifndef DD_ATTENTION_H
#define DD_ATTENTION_H
#include <stdint.h>

#include "dd_gemm.h"
#include "dd_parallel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { DD_ATTENTION_MOST_CHANNELS = 4096 }; // of a head

/// Where element [batch, token, head, channel] of a tensor lies: base + batch_stride b + token_stride t + head_stride h + c.
/// Strides are in elements; the channels of one head lie side by side. Views into one q, k, v product need no copy.
typedef struct dd_attention_view {
    int64_t batch_stride; // 0: shared by the whole batch (keys and values only)
    int64_t token_stride;
    int64_t head_stride;
} dd_attention_view;

/// A zeroed structure is valid once sizes, scale, pointers and views are set.
typedef struct dd_attention_args {
    int64_t batch, heads;
    int64_t tq, tk;         // queries and keys; tk >= 1
    int64_t d;              // channels of a head, 1 ... DD_ATTENTION_MOST_CHANNELS
    float scale;            // mostly 1 / sqrt(d)
    int causal;             // not 0: query i sees keys 0 ... i + tk - tq only (tq <= tk)
    dd_precision precision; // of q, k, v and the weights after exp; scores, sums and softmax are float32. In INT16 a key that is not
                            // finite spoils all rows that see it, and heads of more than 512 channels are computed in FLOAT32
    const void *q;          // [batch, tq, heads, d]
    const void *k, *v;      // [batch, tk, heads, d]
    void *y;                // [batch, tq, heads, d]; may be q itself with the same view and element type
    dd_attention_view q_view, k_view, v_view, y_view;
    dd_element q_type, k_type, v_type, y_type; // DD_F32 or DD_BF16
} dd_attention_args;

/// Bytes of scratch with `threads` workers: packed keys and values of some heads at a time, and below 4 MB a worker. Reads
/// sizes and strides only; enough for every instruction set.
int64_t dd_attention_scratch_bytes(const dd_attention_args *args, int threads);

/// Queries that are computed together: a call for some of them, with all keys, gives the bits of a call for all if they begin at a multiple of this.
int64_t dd_attention_query_step(const dd_attention_args *args);

/// `scratch`: 64-byte aligned, dd_attention_scratch_bytes(args, dd_pool_size(pool)) bytes.
void dd_attention(dd_pool *pool, const dd_attention_args *args, void *scratch);

/// What attention is best made of where 16 bits will do: bfloat16 where there are instructions for it, beside which exponentials cost
/// next to nothing, and int16 elsewhere.
dd_precision dd_attention_16_bit_precision(void);

/// The name of the variant that dd_attention runs now.
const char *dd_attention_variant(dd_precision precision);

#ifdef __cplusplus
}
#endif
#endif
