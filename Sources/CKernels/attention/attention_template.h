// Softmax over the vectors of dd_vmath.h, compiled once for each instruction set. DD_STRIPS_BFLOAT16 as in the GEMM's.
#include "../math/dd_vmath.h"
#include "attention_kernels.h"

DD_VINLINE void store_weights(const int bfloat16, float *row, int64_t at, dd_vf weights) {
    if (!bfloat16) {
        dd_v_store(row + at, weights);
        return;
    }
#if DD_STRIPS_BFLOAT16
    dd_v_store_bfloat16_fast((uint16_t *)row + at, weights); // half as wide: never ahead of what is read
#else
    dd_v_store(row + at, dd_v_rounded_bfloat16(weights));
#endif
}

DD_VINLINE float softmax_as(const int bfloat16, float *scores, int64_t count, float *max, float *sum) {
    // Scores of minus infinity weigh nothing: with them the row is whole vectors.
    const int64_t padded = (count + 2 * DD_VW - 1) / (2 * DD_VW) * (2 * DD_VW);
    for (int64_t j = count; j < padded; j++) scores[j] = -INFINITY;
    dd_vf top0 = dd_v_set(-INFINITY), top1 = top0;
    for (int64_t j = 0; j < padded; j += 2 * DD_VW) {
        top0 = dd_v_max(dd_v_load(scores + j), top0);
        top1 = dd_v_max(dd_v_load(scores + j + DD_VW), top1);
    }
    float top = dd_v_largest(dd_v_max(top0, top1));
    if (*max > top) top = *max;
    // Where all is minus infinity, so far, nothing may be subtracted.
    const float base = top == -INFINITY ? 0.0f : top;
    const dd_vf offset = dd_v_set(base);
    dd_vf sum0 = dd_v_zero(), sum1 = sum0;
    for (int64_t j = 0; j < padded; j += 2 * DD_VW) {
        const dd_vf x0 = dd_v_sub(dd_v_load(scores + j), offset), x1 = dd_v_sub(dd_v_load(scores + j + DD_VW), offset);
        const dd_vf weights0 = bfloat16 ? dd_v_exp2_short(x0) : dd_v_exp2(x0);
        const dd_vf weights1 = bfloat16 ? dd_v_exp2_short(x1) : dd_v_exp2(x1);
        sum0 = dd_v_add(sum0, weights0);
        sum1 = dd_v_add(sum1, weights1);
        store_weights(bfloat16, scores, j, weights0);
        store_weights(bfloat16, scores, j + DD_VW, weights1);
    }
    const float factor = exp2f(*max - base);
    *max = top;
    *sum = *sum * factor + dd_v_sum(dd_v_add(sum0, sum1));
    return factor;
}

static float softmax_row(dd_precision precision, float *scores, int64_t count, float *max, float *sum) {
    return precision == DD_PRECISION_BFLOAT16 ? softmax_as(1, scores, count, max, sum) : softmax_as(0, scores, count, max, sum);
}

static void accumulate(int64_t rows, float *out, int64_t ld, const float *factors, const float *tile) {
    for (int64_t i = 0; i < rows; i++) {
        const dd_vf factor = dd_v_set(factors[i]);
        for (int64_t j = 0; j < DD_PANEL; j += DD_VW)
            dd_v_store(out + i * ld + j, dd_v_fma(dd_v_load(out + i * ld + j), factor, dd_v_load(tile + i * DD_PANEL + j)));
    }
}

static void store_row(float *y, const float *out, float sum, int64_t d) {
    const dd_vf factor = dd_v_set(1.0f / sum);
    int64_t j = 0;
    for (; j + DD_VW <= d; j += DD_VW) dd_v_store(y + j, dd_v_mul(dd_v_load(out + j), factor));
    if (j < d) dd_v_store_n(y + j, dd_v_mul(dd_v_load_n(out + j, d - j), factor), d - j);
}
