// Softmax over the vectors of dd_vmath.h, compiled once for each instruction set. DD_STRIPS_BFLOAT16 as in the GEMM's.
#include "../math/dd_vmath.h"
#include "attention_kernels.h"

/// DD_VW tokens (fewer: the rest are zeros) by DD_VW channels or pairs of channels, turned around.
DD_VINLINE void turn_keys(const int bfloat16, float *out, const float *k, int64_t stride, int64_t count, int64_t d, dd_vf scale) {
    dd_vf r[DD_VW];
    for (int64_t i = 0; i < DD_VW; i++) {
        const float *row = k + i * stride;
        if (i >= count) {
            r[i] = dd_v_zero();
        } else if (!bfloat16) {
            r[i] = dd_v_mul(d >= DD_VW ? dd_v_load(row) : dd_v_load_n(row, d), scale);
        } else {
            float channels[2 * DD_VW] = {0}, even[DD_VW], odd[DD_VW];
            memcpy(channels, row, (size_t)(d < 2 * DD_VW ? d : 2 * DD_VW) * sizeof(float));
            for (int j = 0; j < DD_VW; j++) even[j] = channels[2 * j], odd[j] = channels[2 * j + 1];
            r[i] = dd_v_pairs_bfloat16(dd_v_mul(dd_v_load(even), scale), dd_v_mul(dd_v_load(odd), scale));
        }
    }
    dd_v_transpose(r);
    const int64_t rows = bfloat16 ? (d + 1) / 2 : d;
    for (int64_t i = 0; i < DD_VW; i++)
        if (i < rows) dd_v_store(out + i * DD_PANEL, r[i]);
}

static void pack_keys(dd_precision precision, void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale) {
    const dd_vf factor = dd_v_set(scale);
    const int64_t step = precision == DD_PRECISION_BFLOAT16 ? 2 * DD_VW : DD_VW;
    for (int64_t c = 0; c < d; c += step) {
        for (int64_t j = 0; j < DD_PANEL; j += DD_VW) {
            const float *from = j < count ? k + j * stride + c : k;
            if (precision == DD_PRECISION_BFLOAT16)
                turn_keys(1, (float *)out + c / 2 * DD_PANEL + j, from, stride, count - j, d - c, factor);
            else
                turn_keys(0, (float *)out + c * DD_PANEL + j, from, stride, count - j, d - c, factor);
        }
    }
}

static void pack_values(dd_precision precision, void *out, const float *v, int64_t stride, int64_t count, int64_t columns) {
    const int bfloat16 = precision == DD_PRECISION_BFLOAT16;
    float *to = out;
    for (int64_t t = 0; t < count; t += bfloat16 ? 2 : 1, to += DD_PANEL) {
        const float *row = v + t * stride;
        for (int64_t j = 0; j < DD_PANEL; j += DD_VW) {
            const int64_t left = columns - j;
            const float *next = bfloat16 && t + 1 < count ? row + stride : 0;
            dd_vf x = dd_v_zero(), z = x;
            if (left >= DD_VW) {
                x = dd_v_load(row + j);
                if (next) z = dd_v_load(next + j);
            } else if (left > 0) {
                x = dd_v_load_n(row + j, left);
                if (next) z = dd_v_load_n(next + j, left);
            }
            dd_v_store(to + j, bfloat16 ? dd_v_pairs_bfloat16(x, z) : x);
        }
    }
}

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
    const float factor = *max == -INFINITY ? 0.0f : *max == top ? 1.0f : exp2f(*max - base);
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
