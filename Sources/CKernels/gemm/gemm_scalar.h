// The portable kernels: plain C, and the reference for the others.
#include <math.h>

#include "gemm_kernels.h"

static void tile_float32(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile, int64_t ld_tile, int adds) {
    (void)columns; // all of them: wanted or not, they are there
    const float *x = a, *weights = panel;
    for (int64_t i = 0; i < rows; i++) {
        float sum[DD_PANEL] = {0};
        if (adds) memcpy(sum, tile + i * ld_tile, sizeof sum);
        for (int64_t l = 0; l < k; l++) {
            const float factor = x[i * lda + l];
            for (int64_t j = 0; j < DD_PANEL; j++) sum[j] += factor * weights[l * DD_PANEL + j];
        }
        memcpy(tile + i * ld_tile, sum, sizeof sum);
    }
}

static void tile_bfloat16(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile, int64_t ld_tile, int adds) {
    (void)columns;
    const dd_bfloat16_in_place *x = a;
    const uint16_t *weights = panel;
    for (int64_t i = 0; i < rows; i++) {
        float sum[DD_PANEL] = {0};
        if (adds) memcpy(sum, tile + i * ld_tile, sizeof sum);
        for (int64_t l = 0; l < k + (k & 1); l++) {
            const float factor = dd_float_from_bfloat16(x[i * lda + l]);
            for (int64_t j = 0; j < DD_PANEL; j++) sum[j] += factor * dd_float_from_bfloat16(weights[(l / 2 * DD_PANEL + j) * 2 + l % 2]);
        }
        memcpy(tile + i * ld_tile, sum, sizeof sum);
    }
}

static void tile_int16(int64_t rows, int64_t columns, int64_t k, const void *a, int64_t lda, const void *panel, float *tile, int64_t ld_tile, int adds) {
    (void)columns;
    const float *scales = panel;
    const int16_t *weights = (const int16_t *)(const void *)(scales + DD_PANEL);
    const int64_t part = dd_int16_part(k);
    for (int64_t i = 0; i < rows; i++) {
        const int16_t *row = (const int16_t *)a + i * lda;
        float sum[DD_PANEL] = {0};
        for (int64_t first = 0; first < k; first += part) {
            int32_t whole[DD_PANEL] = {0};
            const int64_t end = first + part < k ? first + part : k;
            for (int64_t l = first; l < end; l++)
                for (int64_t j = 0; j < DD_PANEL; j++) whole[j] += row[l] * weights[(l / 2 * DD_PANEL + j) * 2 + l % 2];
            for (int64_t j = 0; j < DD_PANEL; j++) sum[j] += (float)whole[j] * dd_int16_scales(row, k)[first / part];
        }
        for (int64_t j = 0; j < DD_PANEL; j++) tile[i * ld_tile + j] = sum[j] * scales[j] + (adds ? tile[i * ld_tile + j] : 0);
    }
}

static float activate(dd_activation activation, float x) {
    switch (activation) {
        case DD_ACTIVATION_SILU: return x / (1.0f + expf(-x));
        case DD_ACTIVATION_GELU:
        case DD_ACTIVATION_GEGLU: return 0.5f * x * (1.0f + erff(x * 0.70710678f));
        default: return x;
    }
}

static void row_statistics(const dd_gemm_args *args, const float *line, float *mean, float *rstd) {
    double sum = 0, squares = 0;
    for (int64_t l = 0; l < args->k; l++) sum += line[l];
    const double centre = sum / (double)args->k;
    for (int64_t l = 0; l < args->k; l++) squares += (line[l] - centre) * (line[l] - centre);
    *mean = (float)centre;
    *rstd = (float)(1.0 / sqrt(squares / (double)args->k + (double)args->epsilon));
}

static void store_integers(int16_t *strip, const float *line, int64_t k) {
    const int64_t part = dd_int16_part(k);
    for (int64_t first = 0; first < k; first += part) {
        const int64_t end = first + part < k ? first + part : k;
        float squares = 0, inverse;
        for (int64_t l = first; l < end; l++) squares += line[l] * line[l];
        dd_int16_scale(squares, (float *)dd_int16_scales(strip, k) + first / part, &inverse);
        for (int64_t l = first; l < end; l++) strip[l] = dd_int16_from_float(line[l] * inverse);
    }
    if (k & 1) strip[k] = 0;
}

static void load_rows(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    const int64_t k = args->k;
    for (int64_t i = row; i < row + rows; i++) {
        const int64_t group = dd_group(i, args->column_group_rows) * k;
        for (int64_t l = 0; l < k; l++) line[l] = dd_load_element(args->a, args->a_type, i * args->lda + l);
        if (args->prologue != DD_GEMM_PROLOGUE_NONE) {
            float mean = 0, rstd = 1;
            if (args->prologue == DD_GEMM_PROLOGUE_LAYER_NORM) row_statistics(args, line, &mean, &rstd);
            for (int64_t l = 0; l < k; l++) {
                float value = (line[l] - mean) * rstd;
                if (args->column_scale) value *= args->column_scale[group + l];
                if (args->column_shift) value += args->column_shift[group + l];
                line[l] = args->prologue == DD_GEMM_PROLOGUE_SCALE_SHIFT ? activate(args->prologue_activation, value) : value;
            }
        }
        const int64_t at = (i - row) * ld;
        switch (args->precision) {
            case DD_PRECISION_INT16: store_integers((int16_t *)strip + at, line, k); break;
            case DD_PRECISION_BFLOAT16:
                for (int64_t l = 0; l < k; l++) dd_store_element(strip, DD_BF16, at + l, line[l]);
                if (k & 1) ((uint16_t *)strip)[at + k] = 0;
                break;
            default: memcpy((float *)strip + at, line, (size_t)k * sizeof(float));
        }
    }
}

static void finish_tile(const dd_gemm_args *args, const float *tile, int64_t row, int64_t rows, int64_t panel) {
    const int geglu = args->activation == DD_ACTIVATION_GEGLU;
    const int64_t width = geglu ? DD_HALF_PANEL : DD_PANEL;
    const int64_t columns = geglu ? args->n / 2 : args->n;
    for (int64_t i = row; i < row + rows; i++) {
        const float *in = tile + (i - row) * DD_PANEL;
        for (int64_t j = 0; j < width; j++) {
            const int64_t column = panel * width + j;
            if (column >= columns) break;
            float value = in[j];
            if (args->bias) value += args->bias[column];
            if (geglu) {
                float gate = in[DD_HALF_PANEL + j];
                if (args->bias) gate += args->bias[columns + column];
                value *= activate(DD_ACTIVATION_GELU, gate);
            } else {
                value = activate(args->activation, value);
            }
            if (args->residual) value += args->residual[i * args->ld_residual + column];
            dd_store_element(args->y, args->y_type, i * args->ldy + column, value);
        }
    }
}

static void sum_columns(const float *y, int64_t ld, int64_t rows, int64_t columns, float *pivots, float *offsets, float *squares) {
    for (int64_t j = 0; j < columns; j++) {
        float sum = 0, rest = 0;
        pivots[j] = y[j];
        for (int64_t i = 1; i < rows; i++) sum += y[i * ld + j] - y[j];
        offsets[j] = sum / (float)rows;
        squares[j] = 0;
        for (int64_t i = 0; i < rows; i++) {
            const float d = (y[i * ld + j] - y[j]) - offsets[j];
            rest += d;
            squares[j] += d * d;
        }
        // What the mean was rounded by.
        offsets[j] += rest / (float)rows;
        squares[j] -= rest * (rest / (float)rows);
    }
}

static const dd_gemm_format gemm_formats[DD_PRECISION_COUNT] = {
    [DD_PRECISION_FLOAT32] = {"gemm-scalar float32 8x32", tile_float32, load_rows},
    [DD_PRECISION_BFLOAT16] = {"gemm-scalar bfloat16 8x32", tile_bfloat16, load_rows},
    [DD_PRECISION_INT16] = {"gemm-scalar int16 8x32", tile_int16, load_rows},
};

static const dd_gemm_kernels gemm_kernels = {
    .tile_rows = 8,
    .formats = gemm_formats,
    .finish = finish_tile,
    .sum_columns = sum_columns,
};
