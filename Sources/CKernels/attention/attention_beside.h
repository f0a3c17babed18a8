// Scores of one block of keys beside the weights of the block before: the tile's multiplications leave most of the processor's slots free, and the
// exponentials go into them. For AVX-512, with and without BF16.

/// Two vectors for each of 8 rows: what a call weighs.
enum { WEIGHED = 16 };

/// Nothing moves across: the compiler would load what all steps need first, which does not fit the registers.
#define DD_KEEP_ORDER(i)                                                                                                                     \
    __asm__ volatile(""                                                                                                                      \
                     : "+v"(sum[i][0]), "+v"(sum[i][1]), "+v"(sum[i + 1][0]), "+v"(sum[i + 1][1]), "+v"(sum[i + 2][0]), "+v"(sum[i + 2][1]), \
                       "+v"(sum[i + 3][0]), "+v"(sum[i + 3][1])                                                                              \
                     :                                                                                                                       \
                     : "memory")

DD_INLINE void scores_step(const dd_precision precision, vf sum[8][2], const char *q, int64_t row_bytes, const float *panel, int64_t l) {
    DD_KEEP_ORDER(0);
    DD_KEEP_ORDER(4);
    add_word(precision, 8, 2, sum, q + 4 * l, row_bytes, panel + l * DD_PANEL);
}

/// `pace` steps of the products for each vector of weights.
DD_INLINE void scores_and_weights_at(const dd_precision precision, const int64_t pace, int64_t words, const char *q, int64_t row_bytes, const float *panel,
                                     const float *shift, float *scores, int64_t ld, float *top, float *previous, int64_t column, float *sums) {
    vf sum[8][2];
    DD_UNROLL
    for (int i = 0; i < 8; i++) sum[i][0] = sum[i][1] = v_splat(shift[i]);
    int64_t l = 0;
#pragma clang loop unroll(disable)
    for (int64_t row = 0; row < 8; row++) {
        vf weights[2];
        DD_UNROLL
        for (int v = 0; v < 2; v++) {
#pragma clang loop unroll_count(4)
            for (const int64_t end = l + pace; l < end; l++) {
                scores_step(precision, sum, q, row_bytes, panel, l);
            }
            weights[v] = weight_of(precision, v_load(previous + row * ld + column + DD_VW * v));
        }
        put_weights(precision, previous + row * ld, column, weights, sums + row * DD_LANES);
    }
    for (; l < words; l++) scores_step(precision, sum, q, row_bytes, panel, l);
    vf largest = v_load(top);
    DD_UNROLL
    for (int i = 0; i < 8; i++) {
        v_store(scores + i * ld, sum[i][0]);
        v_store(scores + i * ld + DD_VW, sum[i][1]);
        largest = v_max(v_max(sum[i][0], sum[i][1]), largest);
    }
    v_store(top, largest);
}

static void scores_and_weights_float32(int64_t words, const void *q, int64_t ldq, const void *panel, const float *shift, float *scores, int64_t ld, float *top,
                                       float *previous, int64_t column, float *sums) {
    if (words == 64)
        scores_and_weights_at(DD_PRECISION_FLOAT32, 4, 64, q, 4 * ldq, panel, shift, scores, ld, top, previous, column, sums);
    else
        scores_and_weights_at(DD_PRECISION_FLOAT32, words / WEIGHED, words, q, 4 * ldq, panel, shift, scores, ld, top, previous, column, sums);
}

#if DD_HAS_BF16
static void scores_and_weights_bfloat16(int64_t words, const void *q, int64_t ldq, const void *panel, const float *shift, float *scores, int64_t ld, float *top,
                                        float *previous, int64_t column, float *sums) {
    if (words == 32)
        scores_and_weights_at(DD_PRECISION_BFLOAT16, 2, 32, q, 2 * ldq, panel, shift, scores, ld, top, previous, column, sums);
    else
        scores_and_weights_at(DD_PRECISION_BFLOAT16, words / WEIGHED, words, q, 2 * ldq, panel, shift, scores, ld, top, previous, column, sums);
}
#endif
