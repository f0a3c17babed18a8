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

static void find_tops(int64_t rows, const float *scores, int64_t ld, float *tops) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < DD_PANEL; j++) {
            float *top = tops + i * DD_LANES + j % DD_LANES;
            if (!(scores[i * ld + j] <= *top)) *top = scores[i * ld + j];
        }
    }
}

static void settle(int64_t rows, const float *tops, float *max, float *base, float *sums, float *out, int64_t ld, int64_t columns) {
    for (int64_t i = 0; i < rows; i++) {
        float top = max[i];
        for (int64_t j = 0; j < DD_LANES; j++) top = tops[i * DD_LANES + j] > top ? tops[i * DD_LANES + j] : top;
        if (!(top > max[i] + DD_HEADROOM)) continue;
        const float factor = exp2f(max[i] - top);
        max[i] = base[i] = top;
        for (int64_t j = 0; j < DD_LANES; j++) sums[i * DD_LANES + j] *= factor;
        for (int64_t j = 0; j < columns; j++) out[i * ld + j] *= factor;
    }
}

static void weigh(dd_precision precision, int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, const float *base,
                  float *sums) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = column; j < column + columns; j++) {
            const float weight = exp2f(scores[i * ld + j] - base[i]);
            sums[i * DD_LANES + j % DD_LANES] += weight;
            scores[i * ld + j] = precision == DD_PRECISION_BFLOAT16 ? dd_float_from_bfloat16(dd_bfloat16_from_float(weight)) : weight;
        }
    }
}

static void store_row(void *y, dd_element type, const float *out, const float *sums, int64_t d) {
    float sum = 0;
    for (int64_t j = 0; j < DD_LANES; j++) sum += sums[j];
    for (int64_t j = 0; j < d; j++) dd_store_element(y, type, j, out[j] / sum);
}

static void widen(float *out, const uint16_t *rows, int64_t stride, int64_t count, int64_t columns) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < columns; j++) out[i * columns + j] = dd_float_from_bfloat16(rows[i * stride + j]);
}

const dd_attention_kernels dd_attention_kernels_scalar = {
    .name_float32 = "attention-scalar float32",
    .name_bfloat16 = "attention-scalar bfloat16-widened",
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .find_tops = find_tops,
    .settle = settle,
    .weigh = weigh,
    .store_row = store_row,
    .widen = widen,
};
