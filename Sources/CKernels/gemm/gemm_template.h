// The GEMM's loader and epilogue over the vectors of vector.h, compiled once for each instruction set.
#include "../simd/functions.h"
#include "gemm_kernels.h"

// MARK: loading

/// A row of A as floats: where it is, or widened into `room`.
static const float *floats_of(const dd_gemm_args *args, int64_t row, float *room) {
    const void *values = dd_element_address(args->a, args->a_type, row * args->lda);
    if (args->a_type == DD_F32) return values;
    const uint16_t *halves = values;
    int64_t l = 0;
    for (; l + DD_VW <= args->k; l += DD_VW) v_store(room + l, v_load_bfloat16(halves + l));
    for (; l < args->k; l++) room[l] = dd_float_from_bfloat16(halves[l]);
    return room;
}

static void row_statistics(const float *line, int64_t k, float epsilon, float *mean, float *rstd) {
    enum { CHAINS = 4 }; // of additions, each of which waits for the one before
    vf sums[CHAINS], squares[CHAINS];
    for (int c = 0; c < CHAINS; c++) sums[c] = squares[c] = v_splat(0);
    const int64_t whole = k - k % DD_VW, rest = k - whole, together = k - k % (CHAINS * DD_VW);
    for (int64_t l = 0; l < together; l += CHAINS * DD_VW)
        for (int c = 0; c < CHAINS; c++) sums[c] += v_load(line + l + c * DD_VW);
    for (int64_t l = together; l < whole; l += DD_VW) sums[0] += v_load(line + l);
    if (rest) sums[1] += v_load_n(line + whole, rest);
    const float centre = v_sum((sums[0] + sums[1]) + (sums[2] + sums[3])) / (float)k;
    for (int64_t l = 0; l < together; l += CHAINS * DD_VW)
        for (int c = 0; c < CHAINS; c++) {
            const vf x = v_load(line + l + c * DD_VW) - centre;
            squares[c] = v_fma(x, x, squares[c]);
        }
    for (int64_t l = together; l < whole; l += DD_VW) {
        const vf x = v_load(line + l) - centre;
        squares[0] = v_fma(x, x, squares[0]);
    }
    float total = v_sum((squares[0] + squares[1]) + (squares[2] + squares[3]));
    for (int64_t l = whole; l < k; l++) total += (line[l] - centre) * (line[l] - centre);
    *mean = centre;
    *rstd = 1.0f / sqrtf(total / (float)k + epsilon);
}

/// A vector of a strip, at element l.
DD_INLINE void store_strip(const dd_precision precision, void *strip, int64_t l, vf x) {
#if DD_HAS_BF16
    if (precision == DD_PRECISION_BFLOAT16) {
        v_store_bfloat16_fast((uint16_t *)strip + l, x);
        return;
    }
#endif
    (void)precision;
    v_store((float *)strip + l, x);
}

/// The last values of a line, fewer than a vector, and the zero behind an odd number of bfloat16.
DD_INLINE void store_strip_rest(const dd_precision precision, void *strip, int64_t l, const float *values, int64_t k) {
    if (precision == DD_PRECISION_BFLOAT16) {
        uint16_t *halves = strip;
        for (; l < k; l++) halves[l] = dd_bfloat16_from_float(*values++);
        if (k % 2) halves[k] = 0;
    } else {
        for (; l < k; l++) ((float *)strip)[l] = *values++;
    }
}

/// A line as integers, with the scales of its parts behind them. A line of one part may lie where the strip does.
static void store_integers(int16_t *strip, const float *line, int64_t k) {
    enum { CHAINS = 4 };
    const int64_t part = dd_int16_part(k);
    float *scales = (float *)dd_int16_scales(strip, k), scale = 0;
    for (int64_t first = 0; first < k; first += part) {
        const int64_t count = k - first < part ? k - first : part, whole = count - count % DD_VW, together = count - count % (CHAINS * DD_VW);
        const float *values = line + first;
        dd_int16_in_place *integers = (dd_int16_in_place *)strip + first;
        vf squares[CHAINS];
        for (int c = 0; c < CHAINS; c++) squares[c] = v_splat(0);
        for (int64_t l = 0; l < together; l += CHAINS * DD_VW)
            for (int c = 0; c < CHAINS; c++) {
                const vf x = v_load(values + l + c * DD_VW);
                squares[c] = v_fma(x, x, squares[c]);
            }
        for (int64_t l = together; l < whole; l += DD_VW) squares[0] = v_fma(v_load(values + l), v_load(values + l), squares[0]);
        float total = v_sum((squares[0] + squares[1]) + (squares[2] + squares[3])), inverse;
        for (int64_t l = whole; l < count; l++) total += values[l] * values[l];
        dd_int16_scale(total, &scale, &inverse);
        for (int64_t l = 0; l < whole; l += DD_VW) v_store_int16(strip + first + l, v_load(values + l) * inverse);
        for (int64_t l = whole; l < count; l++) integers[l] = dd_int16_from_float(values[l] * inverse);
        *scales++ = scale;
    }
    if (k % 2) ((dd_int16_in_place *)strip)[k] = 0;
}

/// strip = f((line - mean) rstd scale + shift); scale and shift may be NULL. The strip may be the line itself.
DD_INLINE void normalise(const dd_precision precision, void *strip, const float *line, int64_t k, float mean, float rstd, const float *scale,
                         const float *shift, const int silu) {
    const vf centre = v_splat(mean), factor = v_splat(rstd), one = v_splat(1.0f);
    const int64_t whole = k - k % DD_VW, rest = k - whole;
    for (int64_t l = 0; l < whole; l += DD_VW) {
        vf x = (v_load(line + l) - centre) * factor;
        x = v_fma(x, scale ? v_load(scale + l) : one, shift ? v_load(shift + l) : v_splat(0));
        store_strip(precision, strip, l, silu ? v_silu(x) : x);
    }
    float values[DD_VW] = {0};
    if (rest) {
        vf x = (v_load_n(line + whole, rest) - centre) * factor;
        x = v_fma(x, scale ? v_load_n(scale + whole, rest) : one, shift ? v_load_n(shift + whole, rest) : v_splat(0));
        v_store(values, silu ? v_silu(x) : x);
    }
    store_strip_rest(precision, strip, whole, values, k);
}

/// A line that is taken as it is. The strip may be the line itself.
DD_INLINE void take(const dd_precision precision, void *strip, const float *line, int64_t k) {
    const int64_t whole = k - k % DD_VW;
    for (int64_t l = 0; l < whole; l += DD_VW) store_strip(precision, strip, l, v_load(line + l));
    store_strip_rest(precision, strip, whole, line + whole, k);
}

DD_INLINE void load_rows_as(const dd_precision precision, const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
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

#if !DD_HAS_AMX
static void load_float32(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    load_rows_as(DD_PRECISION_FLOAT32, args, row, rows, strip, ld, line);
}

static void load_int16(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    load_rows_as(DD_PRECISION_INT16, args, row, rows, strip, ld, line);
}
#endif

#if DD_HAS_BF16
static void load_bfloat16(const dd_gemm_args *args, int64_t row, int64_t rows, void *strip, int64_t ld, float *line) {
    load_rows_as(DD_PRECISION_BFLOAT16, args, row, rows, strip, ld, line);
}
#endif

// MARK: the epilogue

DD_INLINE vf activated(dd_activation activation, vf x) {
    switch (activation) {
        case DD_ACTIVATION_SILU: return v_silu(x);
        case DD_ACTIVATION_GELU: return v_gelu(x);
        default: return x;
    }
}

/// `count` values of one row (DD_VW, or fewer with `tail`), from column on.
DD_INLINE void finish_vector(const dd_gemm_args *args, const dd_activation activation, const float *in, int64_t row, int64_t column, int64_t columns,
                             const int tail, int64_t count) {
    vf x = v_load(in);
#define DD_LOAD(p) (tail ? v_load_n(p, count) : v_load(p))
    if (args->bias) x += DD_LOAD(args->bias + column);
    if (activation == DD_ACTIVATION_GEGLU) {
        vf gate = v_load(in + DD_HALF_PANEL);
        if (args->bias) gate += DD_LOAD(args->bias + columns + column);
        x *= v_gelu(gate);
    } else {
        x = activated(activation, x);
    }
    if (args->residual) x += DD_LOAD(args->residual + row * args->ld_residual + column);
#undef DD_LOAD
    const int64_t at = row * args->ldy + column;
    if (args->y_type == DD_F32) {
        if (tail)
            v_store_n((float *)args->y + at, x, count);
        else
            v_store((float *)args->y + at, x);
    } else if (!tail && args->y_type == DD_BF16) {
        v_store_bfloat16((uint16_t *)args->y + at, x);
    } else {
        float values[DD_VW];
        v_store(values, x);
        for (int64_t j = 0; j < count; j++) dd_store_element(args->y, args->y_type, at + j, values[j]);
    }
}

DD_INLINE void finish_as(const dd_gemm_args *args, const dd_activation activation, const float *tile, int64_t row, int64_t rows, int64_t panel) {
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
DD_INLINE void store_rounded(uint16_t *y, vf x) {
#if DD_HAS_BF16
    v_store_bfloat16_fast(y, x);
#else
    v_store_bfloat16(y, x);
#endif
}

/// The common case, a whole panel with nothing but bias, activation and residual: no questions in the loop.
DD_INLINE void finish_whole(const dd_gemm_args *args, const dd_activation activation, const int residual, const int halves, const float *tile, int64_t row,
                            int64_t rows, int64_t panel) {
    const int geglu = activation == DD_ACTIVATION_GEGLU;
    enum { VECTORS = DD_PANEL / DD_VW };
    const int outputs = geglu ? VECTORS / 2 : VECTORS;
    const int64_t column = panel * DD_VW * outputs;
    vf bias[VECTORS];
    for (int j = 0; j < VECTORS; j++)
        bias[j] = args->bias ? v_load(args->bias + column + (geglu && j >= outputs ? args->n / 2 - DD_VW * outputs : 0) + j * DD_VW) : v_splat(0);
    const float *other = residual ? args->residual + row * args->ld_residual + column : 0;
    int64_t at = row * args->ldy + column;
    for (int64_t i = 0; i < rows; i++, tile += DD_PANEL, at += args->ldy, other += residual ? args->ld_residual : 0) {
        DD_UNROLL
        for (int j = 0; j < outputs; j++) {
            vf x = v_load(tile + j * DD_VW) + bias[j];
            if (geglu)
                x *= v_gelu(v_load(tile + DD_HALF_PANEL + j * DD_VW) + bias[outputs + j]);
            else
                x = activated(activation, x);
            if (residual) x += v_load(other + j * DD_VW);
            if (halves)
                store_rounded((uint16_t *)args->y + at + j * DD_VW, x);
            else
                v_store((float *)args->y + at + j * DD_VW, x);
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
    const vf share = v_splat(1 / (float)rows);
    for (int64_t j = 0; j < columns; j += DD_VW) {
        const int64_t left = columns - j;
        const vf pivot = v_load_up_to(y + j, left);
        vf sum = v_splat(0), square = sum, rest = sum;
        for (int64_t i = 1; i < rows; i++) sum += v_load_up_to(y + i * ld + j, left) - pivot;
        const vf offset = sum * share;
        for (int64_t i = 0; i < rows; i++) {
            const vf d = (v_load_up_to(y + i * ld + j, left) - pivot) - offset;
            rest += d;
            square = v_fma(d, d, square);
        }
        // What the mean was rounded by.
        const vf change = rest * share, less = rest * change, mean = offset + change;
        v_store_up_to(pivots + j, pivot, left);
        v_store_up_to(offsets + j, mean, left);
        v_store_up_to(squares + j, square - less, left);
    }
}
