// The portable kernels: plain C, and the reference for the others.
#include <math.h>

#include "attention_kernels.h"

static void pack_keys_float32(void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale) {
    for (int64_t c = 0; c < d; c++)
        for (int64_t j = 0; j < DD_PANEL; j++) ((float *)out)[c * DD_PANEL + j] = j < count ? k[j * stride + c] * scale : 0;
}

static void pack_keys_bfloat16(void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale) {
    for (int64_t c = 0; c < d + (d & 1); c++)
        for (int64_t j = 0; j < DD_PANEL; j++)
            dd_store_element(out, DD_BF16, (c / 2 * DD_PANEL + j) * 2 + c % 2, c < d && j < count ? k[j * stride + c] * scale : 0);
}

static void pack_values_float32(void *out, const float *v, int64_t stride, int64_t count, int64_t columns) {
    for (int64_t t = 0; t < count; t++)
        for (int64_t j = 0; j < DD_PANEL; j++) ((float *)out)[t * DD_PANEL + j] = j < columns ? v[t * stride + j] : 0;
}

static void pack_values_bfloat16(void *out, const float *v, int64_t stride, int64_t count, int64_t columns) {
    for (int64_t t = 0; t < count + (count & 1); t++)
        for (int64_t j = 0; j < DD_PANEL; j++)
            dd_store_element(out, DD_BF16, (t / 2 * DD_PANEL + j) * 2 + t % 2, t < count && j < columns ? v[t * stride + j] : 0);
}

static void find_top(int64_t rows, const float *scores, int64_t ld, float *top) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < DD_PANEL; j++)
            if (scores[i * ld + j] > top[j % DD_LANES]) top[j % DD_LANES] = scores[i * ld + j];
}

static void settle(int64_t rows, float *scores, int64_t ld, int64_t columns, float *shift, uint8_t *has_base, float *sums, float *out, int64_t ld_out,
                   int64_t channels) {
    for (int64_t i = 0; i < rows; i++) {
        float largest = -INFINITY;
        for (int64_t j = 0; j < columns; j++) largest = scores[i * ld + j] > largest ? scores[i * ld + j] : largest;
        if (!(largest > (has_base[i] ? DD_HEADROOM : -INFINITY))) continue;
        const float factor = has_base[i] ? exp2f(-largest) : 0;
        has_base[i] = 1;
        shift[i] -= largest;
        for (int64_t j = 0; j < columns; j++) scores[i * ld + j] -= largest;
        for (int64_t j = 0; j < DD_LANES; j++) sums[i * DD_LANES + j] *= factor;
        for (int64_t j = 0; j < channels; j++) out[i * ld_out + j] *= factor;
    }
}

static void weigh_float32(int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums) {
    (void)keys;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = column; j < column + columns; j++) {
            scores[i * ld + j] = exp2f(scores[i * ld + j]);
            sums[i * DD_LANES + j % DD_LANES] += scores[i * ld + j];
        }
}

static void weigh_bfloat16(int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums) {
    weigh_float32(rows, scores, ld, column, columns, keys, sums);
    for (int64_t i = 0; i < rows; i++) {
        const float *weights = scores + i * ld;
        dd_bfloat16_in_place *halves = (dd_bfloat16_in_place *)(void *)(scores + i * ld);
        // Half as wide: never ahead of what is read.
        for (int64_t j = column; j < column + columns; j++) halves[j] = dd_bfloat16_from_float(weights[j]);
    }
}

static void weigh_int16(int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums) {
    weigh_float32(rows, scores, ld, column, columns, keys, sums);
    for (int64_t i = 0; i < rows; i++) {
        float *row = scores + i * ld, squares = 0, scale, inverse;
        dd_int16_in_place *integers = (dd_int16_in_place *)(void *)row;
        for (int64_t j = 0; j < keys; j++) squares += row[j] * row[j];
        dd_int16_scale(squares, &scale, &inverse);
        for (int64_t j = 0; j < keys; j++) {
            const float weight = row[j];
            integers[j] = dd_int16_from_float(weight * inverse);
        }
        if (keys & 1) integers[keys] = 0;
        *(float *)dd_int16_scales(integers, keys) = scale;
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

static const dd_attention_format attention_formats[DD_PRECISION_COUNT] = {
    [DD_PRECISION_FLOAT32] = {"attention-scalar float32", pack_keys_float32, pack_values_float32, weigh_float32, 0},
    [DD_PRECISION_BFLOAT16] = {"attention-scalar bfloat16", pack_keys_bfloat16, pack_values_bfloat16, weigh_bfloat16, 0},
    [DD_PRECISION_INT16] = {.name = "attention-scalar int16", .weigh = weigh_int16},
};

static const dd_attention_kernels attention_kernels = {
    .formats = attention_formats,
    .find_top = find_top,
    .settle = settle,
    .store_row = store_row,
    .widen = widen,
};
