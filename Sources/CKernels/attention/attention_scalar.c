// The portable kernels: plain C, and the truth that the others are held against.
#include <math.h>

#include "attention_kernels.h"

static void pack_keys(dd_precision precision, void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale) {
    for (int64_t c = 0; c < d + (d & 1); c++) {
        for (int64_t j = 0; j < DD_PANEL; j++) {
            const float value = c < d && j < count ? k[j * stride + c] * scale : 0;
            if (precision == DD_PRECISION_BFLOAT16)
                ((uint16_t *)out)[(c / 2 * DD_PANEL + j) * 2 + c % 2] = dd_bfloat16_from_float(value);
            else if (c < d)
                ((float *)out)[c * DD_PANEL + j] = value;
        }
    }
}

static void pack_values(dd_precision precision, void *out, const float *v, int64_t stride, int64_t count, int64_t columns) {
    for (int64_t t = 0; t < count + (count & 1); t++) {
        for (int64_t j = 0; j < DD_PANEL; j++) {
            const float value = t < count && j < columns ? v[t * stride + j] : 0;
            if (precision == DD_PRECISION_BFLOAT16)
                ((uint16_t *)out)[(t / 2 * DD_PANEL + j) * 2 + t % 2] = dd_bfloat16_from_float(value);
            else if (t < count)
                ((float *)out)[t * DD_PANEL + j] = value;
        }
    }
}

static float softmax_row(dd_precision precision, float *scores, int64_t count, float *max, float *sum) {
    float top = *max;
    for (int64_t j = 0; j < count; j++) top = scores[j] > top ? scores[j] : top;
    // Where all is minus infinity, so far, nothing may be subtracted.
    const float base = top == -INFINITY ? 0.0f : top;
    const float factor = exp2f(*max - base);
    float total = 0;
    for (int64_t j = 0; j < count; j++) {
        const float weight = exp2f(scores[j] - base);
        total += weight;
        scores[j] = precision == DD_PRECISION_BFLOAT16 ? dd_float_from_bfloat16(dd_bfloat16_from_float(weight)) : weight;
    }
    if (precision == DD_PRECISION_BFLOAT16 && (count & 1)) scores[count] = 0;
    *max = top;
    *sum = *sum * factor + total;
    return factor;
}

static void accumulate(int64_t rows, float *out, int64_t ld, const float *factors, const float *tile) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < DD_PANEL; j++) out[i * ld + j] = out[i * ld + j] * factors[i] + tile[i * DD_PANEL + j];
}

static void store_row(float *y, const float *out, float sum, int64_t d) {
    for (int64_t j = 0; j < d; j++) y[j] = out[j] / sum;
}

const dd_attention_kernels dd_attention_kernels_scalar = {
    .name_float32 = "attention-scalar float32",
    .name_bfloat16 = "attention-scalar bfloat16-widened",
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .softmax_row = softmax_row,
    .accumulate = accumulate,
    .store_row = store_row,
};
