// Rows of int16 products over the vectors of dd_vmath.h, for the templates of the GEMM and of attention.
#ifndef DD_INT16_ROW_H
#define DD_INT16_ROW_H
#include "../math/dd_vmath.h"
#include "gemm_kernels.h"

/// A line as integers, with the scales of its parts behind them. A line of one part may lie where the strip does.
static void store_integers(int16_t *strip, const float *line, int64_t k) {
    enum { CHAINS = 4 };
    const int64_t part = dd_int16_part(k);
    float *scales = (float *)dd_int16_scales(strip, k), scale = 0;
    for (int64_t first = 0; first < k; first += part) {
        const int64_t count = k - first < part ? k - first : part, whole = count - count % DD_VW, together = count - count % (CHAINS * DD_VW);
        const float *values = line + first;
        dd_int16_in_place *integers = (dd_int16_in_place *)strip + first;
        dd_vf squares[CHAINS];
        for (int c = 0; c < CHAINS; c++) squares[c] = dd_v_zero();
        for (int64_t l = 0; l < together; l += CHAINS * DD_VW)
            for (int c = 0; c < CHAINS; c++) {
                const dd_vf x = dd_v_load(values + l + c * DD_VW);
                squares[c] = dd_v_fma(x, x, squares[c]);
            }
        for (int64_t l = together; l < whole; l += DD_VW) squares[0] = dd_v_fma(dd_v_load(values + l), dd_v_load(values + l), squares[0]);
        float total = dd_v_sum(dd_v_add(dd_v_add(squares[0], squares[1]), dd_v_add(squares[2], squares[3]))), inverse;
        for (int64_t l = whole; l < count; l++) total += values[l] * values[l];
        dd_int16_scale(total, &scale, &inverse);
        for (int64_t l = 0; l < whole; l += DD_VW) dd_v_store_int16(strip + first + l, dd_v_mul(dd_v_load(values + l), dd_v_set(inverse)));
        for (int64_t l = whole; l < count; l++) integers[l] = dd_int16_from_float(values[l] * inverse);
        *scales++ = scale;
    }
    if (k % 2) ((dd_int16_in_place *)strip)[k] = 0;
}
#endif
