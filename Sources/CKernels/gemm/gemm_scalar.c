// The portable kernels: plain C, and the truth that the others are held against.
#include <math.h>

#include "gemm_kernels.h"

static void tile_float32(int64_t rows, int64_t columns, int64_t k, const float *a, int64_t lda, const float *panel, float *tile,
                         int64_t ld_tile, int adds) {
    (void)columns; // all of them: wanted or not, they are there
    for (int64_t i = 0; i < rows; i++) {
        float sum[DD_PANEL] = {0};
        if (adds) memcpy(sum, tile + i * ld_tile, sizeof sum);
        for (int64_t l = 0; l < k; l++) {
            const float factor = a[i * lda + l];
            for (int64_t j = 0; j < DD_PANEL; j++) sum[j] += factor * panel[l * DD_PANEL + j];
        }
        memcpy(tile + i * ld_tile, sum, sizeof sum);
    }
}

static void tile_bfloat16(int64_t rows, int64_t columns, int64_t pairs, const void *raw, int64_t lda, const uint16_t *panel,
                          float *tile, int64_t ld_tile, int adds) {
    (void)columns;
    const float *a = raw;
    for (int64_t i = 0; i < rows; i++) {
        float sum[DD_PANEL] = {0};
        if (adds) memcpy(sum, tile + i * ld_tile, sizeof sum);
        for (int64_t l = 0; l < pairs; l++) {
            const float first = a[i * lda + 2 * l], second = a[i * lda + 2 * l + 1];
            for (int64_t j = 0; j < DD_PANEL; j++) {
                const uint16_t *pair = panel + (l * DD_PANEL + j) * 2;
                sum[j] += first * dd_float_from_bfloat16(pair[0]);
                sum[j] += second * dd_float_from_bfloat16(pair[1]);
            }
        }
        memcpy(tile + i * ld_tile, sum, sizeof sum);
    }
}

static void tile_int16(int64_t rows, int64_t columns, int64_t k, const int16_t *a, int64_t lda, const float *panel, float *tile,
                       int64_t ld_tile, int adds) {
    (void)columns;
    const int16_t *weights = (const int16_t *)(const void *)(panel + DD_PANEL);
    const int64_t part = dd_int16_part(k);
    for (int64_t i = 0; i < rows; i++) {
        const int16_t *row = a + i * lda;
        float sum[DD_PANEL] = {0};
        for (int64_t first = 0; first < k; first += part) {
            int32_t whole[DD_PANEL] = {0};
            const int64_t end = first + part < k ? first + part : k;
            for (int64_t l = first; l < end; l++)
                for (int64_t j = 0; j < DD_PANEL; j++) whole[j] += row[l] * weights[(l / 2 * DD_PANEL + j) * 2 + l % 2];
            for (int64_t j = 0; j < DD_PANEL; j++) sum[j] += (float)whole[j] * dd_int16_scales(row, k)[first / part];
        }
        for (int64_t j = 0; j < DD_PANEL; j++) tile[i * ld_tile + j] = sum[j] * panel[j] + (adds ? tile[i * ld_tile + j] : 0);
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

static float source(const dd_gemm_args *args, int64_t row, int64_t column) {
    const int second = args->a2 && column >= args->k0;
    const void *base = second ? args->a2 : args->a, *addend = second ? args->a2_addend : args->a_addend;
    if (second) column -= args->k0;
    float value = dd_load_element(base, args->a_type, row * (second ? args->lda2 : args->lda) + column);
    if (addend)
        value += dd_load_element(addend, args->a_type, row * (second ? args->ld_a2_addend : args->ld_a_addend) + column);
    return value;
}

static void row_statistics(const dd_gemm_args *args, const float *line, float *mean, float *rstd) {
    double sum = 0, squares = 0;
    for (int64_t l = 0; l < args->k; l++) sum += line[l];
    const double centre = sum / (double)args->k;
    for (int64_t l = 0; l < args->k; l++) squares += (line[l] - centre) * (line[l] - centre);
    *mean = (float)centre;
    *rstd = (float)(1.0 / sqrt(squares / (double)args->k + (double)args->epsilon));
}

static void load_rows(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    const int64_t k = args->k, part = dd_int16_part(k);
    const int rounds = args->precision == DD_PRECISION_BFLOAT16;
    for (int64_t i = row; i < row + rows; i++) {
        float *out = args->precision == DD_PRECISION_INT16 ? line : (float *)strip + (i - row) * ld;
        const int64_t group = dd_group(i, args->column_group_rows) * k;
        for (int64_t l = 0; l < k; l++) out[l] = source(args, i, l);
        if (args->prologue != DD_GEMM_PROLOGUE_NONE) {
            float mean = 0, rstd = 1;
            if (args->prologue == DD_GEMM_PROLOGUE_LAYER_NORM) {
                if (args->row_mean) {
                    mean = args->row_mean[i];
                    rstd = args->row_rstd[i];
                } else {
                    row_statistics(args, out, &mean, &rstd);
                }
            }
            for (int64_t l = 0; l < k; l++) {
                float value = (out[l] - mean) * rstd;
                if (args->column_scale) value *= args->column_scale[group + l];
                if (args->column_shift) value += args->column_shift[group + l];
                out[l] = args->prologue == DD_GEMM_PROLOGUE_SCALE_SHIFT ? activate(args->prologue_activation, value) : value;
            }
        }
        if (rounds) {
            for (int64_t l = 0; l < k; l++) out[l] = dd_float_from_bfloat16(dd_bfloat16_from_float(out[l]));
            if (k & 1) out[k] = 0;
        }
        if (args->precision != DD_PRECISION_INT16) continue;
        int16_t *integers = (int16_t *)strip + (i - row) * ld;
        for (int64_t first = 0; first < k; first += part) {
            const int64_t end = first + part < k ? first + part : k;
            float squares = 0, inverse;
            for (int64_t l = first; l < end; l++) squares += out[l] * out[l];
            dd_int16_scale(squares, (float *)dd_int16_scales(integers, k) + first / part, &inverse);
            for (int64_t l = first; l < end; l++) integers[l] = dd_int16_from_float(out[l] * inverse);
        }
        if (k & 1) integers[k] = 0;
    }
}

static void finish(const dd_gemm_args *args, const float *tile, int64_t row, int64_t rows, int64_t panel) {
    const int geglu = args->activation == DD_ACTIVATION_GEGLU;
    const int64_t width = geglu ? DD_HALF_PANEL : DD_PANEL;
    const int64_t columns = geglu ? args->n / 2 : args->n;
    for (int64_t i = row; i < row + rows; i++) {
        const float *in = tile + (i - row) * DD_PANEL;
        const float *added = args->group_row ? args->group_row + dd_group(i, args->group_rows) * args->ld_group_row : 0;
        for (int64_t j = 0; j < width; j++) {
            const int64_t column = panel * width + j;
            if (column >= columns) break;
            float value = in[j];
            if (args->bias) value += args->bias[column];
            if (added) value += added[column];
            if (geglu) {
                float gate = in[DD_HALF_PANEL + j];
                if (args->bias) gate += args->bias[columns + column];
                if (added) gate += added[columns + column];
                value *= activate(DD_ACTIVATION_GELU, gate);
            } else {
                value = activate(args->activation, value);
            }
            if (args->residual) value += args->residual[i * args->ld_residual + column];
            dd_store_element(args->y, args->y_type, i * args->ldy + column, value);
        }
    }
}

static void sum_columns(const float *y, int64_t ld, int64_t rows, int64_t columns, float *pivots, float *sums, float *squares) {
    for (int64_t j = 0; j < columns; j++) {
        pivots[j] = y[j];
        sums[j] = squares[j] = 0;
        for (int64_t i = 1; i < rows; i++) {
            const float d = y[i * ld + j] - y[j];
            sums[j] += d;
            squares[j] += d * d;
        }
    }
}

const dd_gemm_kernels dd_gemm_kernels_scalar = {
    .names = {"gemm-scalar float32 8x32", "gemm-scalar bfloat16-widened 8x32", "gemm-scalar int16 8x32"},
    .tile_rows = 8,
    .strips_bfloat16 = 0,
    .tile_float32 = tile_float32,
    .tile_bfloat16 = tile_bfloat16,
    .tile_int16 = tile_int16,
    .load_rows = load_rows,
    .finish = finish,
    .sum_columns = sum_columns,
};
