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

#ifdef DD_VMATH_AVX512
/// 2^x for x in [-126, 126] (below: 2^-126; NaN stays NaN): 2^n from the exponent bits, 2^(j/16) from a table, and a
/// polynomial for the rest within 1/32; 4.3e-7 relative, or 1.2e-4 for weights that are rounded to bfloat16 afterwards.
DD_VINLINE dd_vf weight_of(const int bfloat16, dd_vf x) {
    // 2^(j/16) less j at the place to which the shift below brings j.
    const __m512i table = _mm512_setr_epi32(0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
                                            0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d);
    const __m512 shifter = _mm512_set1_ps(0x1.8p19f); // leaves sixteenths in the last bits
    x = _mm512_max_ps(_mm512_set1_ps(-126.0f), x);
    const __m512 shifted = _mm512_add_ps(x, shifter);
    const __m512i sixteenths = _mm512_castps_si512(shifted);
    const __m512 r = _mm512_sub_ps(x, _mm512_sub_ps(shifted, shifter));
    const __m512i power = _mm512_add_epi32(_mm512_slli_epi32(sixteenths, 19), _mm512_permutexvar_epi32(sixteenths, table));
    const __m512 p = bfloat16 ? _mm512_fmadd_ps(_mm512_set1_ps(0x1.62e0a2p-1f), r, _mm512_set1_ps(0x1.0007b0p+0f))
                              : _mm512_fmadd_ps(_mm512_fmadd_ps(_mm512_set1_ps(0x1.ebf82ep-3f), r, _mm512_set1_ps(0x1.62e984p-1f)), r,
                                                _mm512_set1_ps(1.0f));
    return _mm512_mul_ps(p, _mm512_castsi512_ps(power));
}
#else
DD_VINLINE dd_vf weight_of(const int bfloat16, dd_vf x) { return bfloat16 ? dd_v_exp2_short(x) : dd_v_exp2(x); }
#endif

/// DD_VW scores of a row to weights.
DD_VINLINE void weigh_vector(const int bfloat16, float *row, int64_t column, float base, float *sums) {
    const dd_vf weights = weight_of(bfloat16, dd_v_sub(dd_v_load(row + column), dd_v_set(base)));
    dd_v_store(sums, dd_v_add(dd_v_load(sums), weights));
    if (!bfloat16) {
        dd_v_store(row + column, weights);
        return;
    }
#if DD_STRIPS_BFLOAT16
    dd_v_store_bfloat16_fast((uint16_t *)row + column, weights); // half as wide: never ahead of what is read
#else
    dd_v_store(row + column, dd_v_rounded_bfloat16(weights));
#endif
}

static void weigh(dd_precision precision, int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, const float *base,
                  float *sums) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = column; j < column + columns; j += DD_VW) {
            if (precision == DD_PRECISION_BFLOAT16)
                weigh_vector(1, scores + i * ld, j, base[i], sums + i * DD_LANES + j % DD_LANES);
            else
                weigh_vector(0, scores + i * ld, j, base[i], sums + i * DD_LANES + j % DD_LANES);
        }
    }
}

static void find_tops(int64_t rows, const float *scores, int64_t ld, float *tops) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < DD_PANEL; j += DD_VW) {
            float *top = tops + i * DD_LANES + j % DD_LANES;
            dd_v_store(top, dd_v_max(dd_v_load(scores + i * ld + j), dd_v_load(top)));
        }
    }
}

static void settle(int64_t rows, const float *tops, float *max, float *base, float *sums, float *out, int64_t ld, int64_t columns) {
    for (int64_t i = 0; i < rows; i++, tops += DD_LANES, sums += DD_LANES, out += ld) {
        dd_vf top = dd_v_load(tops);
        for (int64_t j = DD_VW; j < DD_LANES; j += DD_VW) top = dd_v_max(top, dd_v_load(tops + j));
        if (!dd_v_any_above(top, dd_v_set(max[i] + DD_HEADROOM))) continue;
        const float largest = dd_v_largest(top);
        const float factor = max[i] == -INFINITY ? 0.0f : exp2f(max[i] - largest);
        max[i] = base[i] = largest;
        for (int64_t j = 0; j < DD_LANES; j += DD_VW) dd_v_store(sums + j, dd_v_mul(dd_v_load(sums + j), dd_v_set(factor)));
        for (int64_t j = 0; j < columns; j += DD_VW) dd_v_store(out + j, dd_v_mul(dd_v_load(out + j), dd_v_set(factor)));
    }
}

static void store_row(void *y, dd_element type, const float *out, const float *sums, int64_t d) {
    dd_vf sum = dd_v_load(sums);
    for (int64_t j = DD_VW; j < DD_LANES; j += DD_VW) sum = dd_v_add(sum, dd_v_load(sums + j));
    const dd_vf factor = dd_v_set(1.0f / dd_v_sum(sum));
    float *floats = y;
    uint16_t *halves = y;
    int64_t j = 0;
    for (; j + DD_VW <= d; j += DD_VW) {
        const dd_vf x = dd_v_mul(dd_v_load(out + j), factor);
        if (type == DD_BF16)
            dd_v_store_bfloat16(halves + j, x);
        else
            dd_v_store(floats + j, x);
    }
    if (j == d) return;
    const dd_vf x = dd_v_mul(dd_v_load_n(out + j, d - j), factor);
    if (type == DD_BF16) {
        float values[DD_VW];
        dd_v_store(values, x);
        for (int64_t i = j; i < d; i++) halves[i] = dd_bfloat16_from_float(values[i - j]);
    } else {
        dd_v_store_n(floats + j, x, d - j);
    }
}

static void widen(float *out, const uint16_t *rows, int64_t stride, int64_t count, int64_t columns) {
    for (int64_t i = 0; i < count; i++, rows += stride, out += columns) {
        int64_t j = 0;
        for (; j + DD_VW <= columns; j += DD_VW) dd_v_store(out + j, dd_v_load_bfloat16(rows + j));
        for (; j < columns; j++) out[j] = dd_float_from_bfloat16(rows[j]);
    }
}
