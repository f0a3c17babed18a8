// The GEMM's loader and epilogue over the vectors of dd_vmath.h, compiled once for each instruction set.
#include "../math/dd_vmath.h"
#include "gemm_kernels.h"
#include "int16_row.h"

// MARK: loading

/// A row of A as floats: where it is, or widened into `room`.
static const float *floats_of(const dd_gemm_args *args, int64_t row, float *room) {
    const void *values = dd_element_address(args->a, args->a_type, row * args->lda);
    if (args->a_type == DD_F32) return values;
    const uint16_t *halves = values;
    int64_t l = 0;
    for (; l + DD_VW <= args->k; l += DD_VW) dd_v_store(room + l, dd_v_load_bfloat16(halves + l));
    for (; l < args->k; l++) room[l] = dd_float_from_bfloat16(halves[l]);
    return room;
}

static void row_statistics(const float *line, int64_t k, float epsilon, float *mean, float *rstd) {
    enum { CHAINS = 4 }; // of additions, each of which waits for the one before
    dd_vf sums[CHAINS], squares[CHAINS];
    for (int c = 0; c < CHAINS; c++) sums[c] = squares[c] = dd_v_zero();
    const int64_t whole = k - k % DD_VW, rest = k - whole, together = k - k % (CHAINS * DD_VW);
    for (int64_t l = 0; l < together; l += CHAINS * DD_VW)
        for (int c = 0; c < CHAINS; c++) sums[c] = dd_v_add(sums[c], dd_v_load(line + l + c * DD_VW));
    for (int64_t l = together; l < whole; l += DD_VW) sums[0] = dd_v_add(sums[0], dd_v_load(line + l));
    if (rest) sums[1] = dd_v_add(sums[1], dd_v_load_n(line + whole, rest));
    const float centre = dd_v_sum(dd_v_add(dd_v_add(sums[0], sums[1]), dd_v_add(sums[2], sums[3]))) / (float)k;
    for (int64_t l = 0; l < together; l += CHAINS * DD_VW)
        for (int c = 0; c < CHAINS; c++) {
            const dd_vf x = dd_v_sub(dd_v_load(line + l + c * DD_VW), dd_v_set(centre));
            squares[c] = dd_v_fma(x, x, squares[c]);
        }
    for (int64_t l = together; l < whole; l += DD_VW) {
        const dd_vf x = dd_v_sub(dd_v_load(line + l), dd_v_set(centre));
        squares[0] = dd_v_fma(x, x, squares[0]);
    }
    float total = dd_v_sum(dd_v_add(dd_v_add(squares[0], squares[1]), dd_v_add(squares[2], squares[3])));
    for (int64_t l = whole; l < k; l++) total += (line[l] - centre) * (line[l] - centre);
    *mean = centre;
    *rstd = 1.0f / sqrtf(total / (float)k + epsilon);
}

/// A vector of a strip, at element l.
DD_VINLINE void store_strip(const dd_precision precision, void *strip, int64_t l, dd_vf x) {
#if defined(DD_VMATH_BF16)
    if (precision == DD_PRECISION_BFLOAT16) {
        dd_v_store_bfloat16_fast((uint16_t *)strip + l, x);
        return;
    }
#endif
    (void)precision;
    dd_v_store((float *)strip + l, x);
}

/// The last values of a line, fewer than a vector, and the zero behind an odd number of bfloat16.
DD_VINLINE void store_strip_rest(const dd_precision precision, void *strip, int64_t l, const float *values, int64_t k) {
    if (precision == DD_PRECISION_BFLOAT16) {
        uint16_t *halves = strip;
        for (; l < k; l++) halves[l] = dd_bfloat16_from_float(*values++);
        if (k % 2) halves[k] = 0;
    } else {
        for (; l < k; l++) ((float *)strip)[l] = *values++;
    }
}

/// strip = f((line - mean) rstd scale + shift); scale and shift may be NULL. The strip may be the line itself.
DD_VINLINE void normalise(const dd_precision precision, void *strip, const float *line, int64_t k, float mean, float rstd, const float *scale,
                          const float *shift, const int silu) {
    const dd_vf centre = dd_v_set(mean), factor = dd_v_set(rstd), one = dd_v_set(1.0f);
    const int64_t whole = k - k % DD_VW, rest = k - whole;
    for (int64_t l = 0; l < whole; l += DD_VW) {
        dd_vf x = dd_v_mul(dd_v_sub(dd_v_load(line + l), centre), factor);
        x = dd_v_fma(x, scale ? dd_v_load(scale + l) : one, shift ? dd_v_load(shift + l) : dd_v_zero());
        store_strip(precision, strip, l, silu ? dd_v_silu(x) : x);
    }
    float values[DD_VW] = {0};
    if (rest) {
        dd_vf x = dd_v_mul(dd_v_sub(dd_v_load_n(line + whole, rest), centre), factor);
        x = dd_v_fma(x, scale ? dd_v_load_n(scale + whole, rest) : one, shift ? dd_v_load_n(shift + whole, rest) : dd_v_zero());
        dd_v_store(values, silu ? dd_v_silu(x) : x);
    }
    store_strip_rest(precision, strip, whole, values, k);
}

/// A line that is taken as it is. The strip may be the line itself.
DD_VINLINE void take(const dd_precision precision, void *strip, const float *line, int64_t k) {
    const int64_t whole = k - k % DD_VW;
    for (int64_t l = 0; l < whole; l += DD_VW) store_strip(precision, strip, l, dd_v_load(line + l));
    store_strip_rest(precision, strip, whole, line + whole, k);
}

DD_VINLINE void load_rows_as(const dd_precision precision, const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    const int64_t k = args->k, row_bytes = ld * (precision == DD_PRECISION_FLOAT32 ? 4 : 2);
    const int integers = precision == DD_PRECISION_INT16;
    for (int64_t i = row; i < row + rows; i++) {
        void *strip_row = (char *)strip + (i - row) * row_bytes, *out = integers ? line : strip_row;
        const float *values = floats_of(args, i, precision == DD_PRECISION_FLOAT32 ? out : line);
        if (args->prologue == DD_GEMM_PROLOGUE_NONE) {
            if (integers)
                store_integers(strip_row, values, k);
            else
                take(precision, out, values, k);
            continue;
        }
        float mean = 0, rstd = 1;
        if (args->prologue == DD_GEMM_PROLOGUE_LAYER_NORM) row_statistics(values, k, args->epsilon, &mean, &rstd);
        const int64_t group = dd_group(i, args->column_group_rows) * k;
        const float *scale = args->column_scale ? args->column_scale + group : 0;
        const float *shift = args->column_shift ? args->column_shift + group : 0;
        if (args->prologue == DD_GEMM_PROLOGUE_SCALE_SHIFT && args->prologue_activation == DD_ACTIVATION_SILU)
            normalise(precision, out, values, k, 0, 1, scale, shift, 1);
        else
            normalise(precision, out, values, k, mean, rstd, scale, shift, 0);
        if (integers) store_integers(strip_row, out, k);
    }
}

static void load_float32(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    load_rows_as(DD_PRECISION_FLOAT32, args, row, rows, strip, ld, line);
}

#if defined(DD_VMATH_BF16)
static void load_bfloat16(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    load_rows_as(DD_PRECISION_BFLOAT16, args, row, rows, strip, ld, line);
}
#endif

static void load_int16(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    load_rows_as(DD_PRECISION_INT16, args, row, rows, strip, ld, line);
}

// MARK: the epilogue

DD_VINLINE dd_vf activated(dd_activation activation, dd_vf x) {
    switch (activation) {
        case DD_ACTIVATION_SILU: return dd_v_silu(x);
        case DD_ACTIVATION_GELU: return dd_v_gelu(x);
        default: return x;
    }
}

/// `count` values of one row (DD_VW, or fewer with `tail`), from column on.
DD_VINLINE void finish_vector(const dd_gemm_args *args, const dd_activation activation, const float *in, int64_t row,
                              int64_t column, int64_t columns, const int tail, int64_t count) {
    dd_vf x = dd_v_load(in);
#define DD_LOAD(p) (tail ? dd_v_load_n(p, count) : dd_v_load(p))
    if (args->bias) x = dd_v_add(x, DD_LOAD(args->bias + column));
    if (activation == DD_ACTIVATION_GEGLU) {
        dd_vf gate = dd_v_load(in + DD_HALF_PANEL);
        if (args->bias) gate = dd_v_add(gate, DD_LOAD(args->bias + columns + column));
        x = dd_v_mul(x, dd_v_gelu(gate));
    } else {
        x = activated(activation, x);
    }
    if (args->residual) x = dd_v_add(x, DD_LOAD(args->residual + row * args->ld_residual + column));
#undef DD_LOAD
    const int64_t at = row * args->ldy + column;
    if (args->y_type == DD_F32) {
        if (tail)
            dd_v_store_n((float *)args->y + at, x, count);
        else
            dd_v_store((float *)args->y + at, x);
    } else if (!tail && args->y_type == DD_BF16) {
        dd_v_store_bfloat16((uint16_t *)args->y + at, x);
    } else {
        float values[DD_VW];
        dd_v_store(values, x);
        for (int64_t j = 0; j < count; j++) dd_store_element(args->y, args->y_type, at + j, values[j]);
    }
}

DD_VINLINE void finish_as(const dd_gemm_args *args, const dd_activation activation, const float *tile, int64_t row,
                          int64_t rows, int64_t panel) {
    const int geglu = activation == DD_ACTIVATION_GEGLU;
    const int64_t columns = geglu ? args->n / 2 : args->n;
    const int64_t width = geglu ? DD_HALF_PANEL : DD_PANEL;
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < width; j += DD_VW) {
            const int64_t column = panel * width + j, left = columns - column;
            if (left >= DD_VW)
                finish_vector(args, activation, tile + i * DD_PANEL + j, row + i, column, columns, 0, DD_VW);
            else if (left > 0)
                finish_vector(args, activation, tile + i * DD_PANEL + j, row + i, column, columns, 1, left);
        }
    }
}

/// Rounds for a reader that is a bfloat16 product itself, and takes subnormal numbers as zero where the instruction does.
DD_VINLINE void store_rounded(uint16_t *y, dd_vf x) {
#if defined(DD_VMATH_BF16)
    dd_v_store_bfloat16_fast(y, x);
#else
    dd_v_store_bfloat16(y, x);
#endif
}

/// The common case, a whole panel with nothing but bias, activation and residual: no questions in the loop.
DD_VINLINE void finish_whole(const dd_gemm_args *args, const dd_activation activation, const int residual, const int halves,
                             const float *tile, int64_t row, int64_t rows, int64_t panel) {
    const int geglu = activation == DD_ACTIVATION_GEGLU;
    enum { VECTORS = DD_PANEL / DD_VW };
    const int outputs = geglu ? VECTORS / 2 : VECTORS;
    const int64_t column = panel * DD_VW * outputs;
    dd_vf bias[VECTORS];
    for (int j = 0; j < VECTORS; j++)
        bias[j] = args->bias ? dd_v_load(args->bias + column + (geglu && j >= outputs ? args->n / 2 - DD_VW * outputs : 0) + j * DD_VW)
                             : dd_v_zero();
    const float *other = residual ? args->residual + row * args->ld_residual + column : 0;
    int64_t at = row * args->ldy + column;
    for (int64_t i = 0; i < rows; i++, tile += DD_PANEL, at += args->ldy, other += residual ? args->ld_residual : 0) {
#pragma clang loop unroll(full)
        for (int j = 0; j < outputs; j++) {
            dd_vf x = dd_v_add(dd_v_load(tile + j * DD_VW), bias[j]);
            if (geglu)
                x = dd_v_mul(x, dd_v_gelu(dd_v_add(dd_v_load(tile + DD_HALF_PANEL + j * DD_VW), bias[outputs + j])));
            else
                x = activated(activation, x);
            if (residual) x = dd_v_add(x, dd_v_load(other + j * DD_VW));
            if (halves)
                store_rounded((uint16_t *)args->y + at + j * DD_VW, x);
            else
                dd_v_store((float *)args->y + at + j * DD_VW, x);
        }
    }
}

static void finish_tile(const dd_gemm_args *args, const float *tile, int64_t row, int64_t rows, int64_t panel) {
    if ((panel + 1) * DD_PANEL <= args->n) {
#define DD_WHOLE(activation, residual, halves) finish_whole(args, activation, residual, halves, tile, row, rows, panel)
        if (args->y_type == DD_F32) {
            if (!args->residual) {
                switch (args->activation) {
                    case DD_ACTIVATION_SILU: DD_WHOLE(DD_ACTIVATION_SILU, 0, 0); return;
                    case DD_ACTIVATION_GELU: DD_WHOLE(DD_ACTIVATION_GELU, 0, 0); return;
                    case DD_ACTIVATION_GEGLU: DD_WHOLE(DD_ACTIVATION_GEGLU, 0, 0); return;
                    default: DD_WHOLE(DD_ACTIVATION_NONE, 0, 0); return;
                }
            }
            if (args->activation == DD_ACTIVATION_NONE) {
                DD_WHOLE(DD_ACTIVATION_NONE, 1, 0);
                return;
            }
        } else if (args->y_type == DD_BF16 && args->precision != DD_PRECISION_FLOAT32 && !args->residual) {
            if (args->activation == DD_ACTIVATION_NONE) {
                DD_WHOLE(DD_ACTIVATION_NONE, 0, 1);
                return;
            }
        }
#undef DD_WHOLE
    }
    switch (args->activation) {
        case DD_ACTIVATION_SILU: finish_as(args, DD_ACTIVATION_SILU, tile, row, rows, panel); break;
        case DD_ACTIVATION_GELU: finish_as(args, DD_ACTIVATION_GELU, tile, row, rows, panel); break;
        case DD_ACTIVATION_GEGLU: finish_as(args, DD_ACTIVATION_GEGLU, tile, row, rows, panel); break;
        default: finish_as(args, DD_ACTIVATION_NONE, tile, row, rows, panel); break;
    }
}

static void sum_columns(const float *y, int64_t ld, int64_t rows, int64_t columns, float *pivots, float *offsets, float *squares) {
    const dd_vf share = dd_v_set(1 / (float)rows);
    for (int64_t j = 0; j < columns; j += DD_VW) {
        const int64_t left = columns - j;
        const dd_vf pivot = left >= DD_VW ? dd_v_load(y + j) : dd_v_load_n(y + j, left);
        dd_vf sum = dd_v_zero(), square = sum, rest = sum;
        for (int64_t i = 1; i < rows; i++) {
            const dd_vf x = left >= DD_VW ? dd_v_load(y + i * ld + j) : dd_v_load_n(y + i * ld + j, left);
            sum = dd_v_add(sum, dd_v_sub(x, pivot));
        }
        const dd_vf offset = dd_v_mul(sum, share);
        for (int64_t i = 0; i < rows; i++) {
            const dd_vf x = left >= DD_VW ? dd_v_load(y + i * ld + j) : dd_v_load_n(y + i * ld + j, left);
            const dd_vf d = dd_v_sub(dd_v_sub(x, pivot), offset);
            rest = dd_v_add(rest, d);
            square = dd_v_fma(d, d, square);
        }
        // What the mean was rounded by.
        const dd_vf change = dd_v_mul(rest, share), mean = dd_v_add(offset, change);
        square = dd_v_sub(square, dd_v_mul(rest, change));
        if (left >= DD_VW) {
            dd_v_store(pivots + j, pivot);
            dd_v_store(offsets + j, mean);
            dd_v_store(squares + j, square);
        } else {
            dd_v_store_n(pivots + j, pivot, left);
            dd_v_store_n(offsets + j, mean, left);
            dd_v_store_n(squares + j, square, left);
        }
    }
}
