// Softmax over the vectors of dd_vmath.h, compiled once for each instruction set. DD_STRIPS_BFLOAT16 as in the GEMM's.
#include "../math/dd_vmath.h"
#include "../gemm/int16_row.h"
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

/// What is rounded to 16 bits afterwards need not be exact.
DD_VINLINE dd_vf weight_of(const int bfloat16, dd_vf x) { return bfloat16 ? dd_v_exp2_short(x) : dd_v_exp2(x); }

/// DD_PANEL weights of a row to where their scores were, and to its sums.
DD_VINLINE void put_weights(const int bfloat16, float *row, int64_t column, const dd_vf weights[DD_PANEL / DD_VW], float *sums) {
#if DD_STRIPS_BFLOAT16
    if (bfloat16) {
        // Half as wide: never ahead of what is read. What is summed are the rounded weights, pairs at a time.
        const __m512bh pairs = _mm512_cvtne2ps_pbh(weights[1], weights[0]), ones = (__m512bh)_mm512_set1_epi32(0x3f803f80);
        _mm512_storeu_si512((uint16_t *)row + column, (__m512i)pairs);
        dd_v_store(sums, _mm512_dpbf16_ps(dd_v_load(sums), pairs, ones));
        return;
    }
#endif
#pragma clang loop unroll(full)
    for (int lane = 0; lane < DD_LANES; lane += DD_VW) {
        dd_vf sum = weights[lane / DD_VW];
        for (int j = lane + DD_LANES; j < DD_PANEL; j += DD_LANES) sum = dd_v_add(sum, weights[j / DD_VW]);
        dd_v_store(sums + lane, dd_v_add(dd_v_load(sums + lane), sum));
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < DD_PANEL / DD_VW; j++) dd_v_store(row + column + j * DD_VW, bfloat16 ? dd_v_rounded_bfloat16(weights[j]) : weights[j]);
}

static void weigh(dd_precision precision, int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t c = column; c < column + columns; c += DD_PANEL) {
            dd_vf weights[DD_PANEL / DD_VW];
            for (int64_t j = 0; j < DD_PANEL / DD_VW; j++) {
                const dd_vf score = dd_v_load(scores + i * ld + c + j * DD_VW);
                weights[j] = precision == DD_PRECISION_FLOAT32 ? weight_of(0, score) : weight_of(1, score);
            }
            if (precision == DD_PRECISION_BFLOAT16)
                put_weights(1, scores + i * ld, c, weights, sums + i * DD_LANES);
            else
                put_weights(0, scores + i * ld, c, weights, sums + i * DD_LANES);
        }
        if (precision == DD_PRECISION_INT16) store_integers((int16_t *)(void *)(scores + i * ld), scores + i * ld, keys);
    }
}

static void find_top(int64_t rows, const float *scores, int64_t ld, float *top) {
    for (int64_t lane = 0; lane < DD_LANES; lane += DD_VW) {
        dd_vf largest = dd_v_load(top + lane);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = lane; j < DD_PANEL; j += DD_LANES) largest = dd_v_max(dd_v_load(scores + i * ld + j), largest);
        dd_v_store(top + lane, largest);
    }
}

static void settle(int64_t rows, float *scores, int64_t ld, int64_t columns, float *shift, uint8_t *has_base, float *sums, float *out,
                   int64_t ld_out, int64_t channels) {
    for (int64_t i = 0; i < rows; i++, scores += ld, sums += DD_LANES, out += ld_out) {
        dd_vf top = dd_v_set(-INFINITY);
        for (int64_t j = 0; j < columns; j += DD_VW) top = dd_v_max(dd_v_load(scores + j), top);
        const float largest = dd_v_largest(top);
        if (!(largest > (has_base[i] ? DD_HEADROOM : -INFINITY))) continue;
        const dd_vf factor = dd_v_set(has_base[i] ? exp2f(-largest) : 0), less = dd_v_set(largest);
        has_base[i] = 1;
        shift[i] -= largest;
        for (int64_t j = 0; j < columns; j += DD_VW) dd_v_store(scores + j, dd_v_sub(dd_v_load(scores + j), less));
        for (int64_t j = 0; j < DD_LANES; j += DD_VW) dd_v_store(sums + j, dd_v_mul(dd_v_load(sums + j), factor));
        for (int64_t j = 0; j < channels; j += DD_VW) dd_v_store(out + j, dd_v_mul(dd_v_load(out + j), factor));
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
