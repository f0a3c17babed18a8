// Softmax over the vectors of vector.h, compiled once for each instruction set, after the GEMM's tiles.
#include "attention_kernels.h"

/// DD_VW tokens (fewer: the rest are zeros) by DD_VW channels or pairs of channels, turned around.
DD_INLINE void turn_keys(const dd_precision precision, float *out, const float *k, int64_t stride, int64_t count, int64_t d, vf scale) {
    vf r[DD_VW];
    for (int64_t i = 0; i < DD_VW; i++) {
        const float *row = k + i * stride;
        if (i >= count) {
            r[i] = v_splat(0);
#if DD_HAS_BF16
        } else if (precision == DD_PRECISION_BFLOAT16) {
            float channels[2 * DD_VW] = {0}, even[DD_VW], odd[DD_VW];
            memcpy(channels, row, (size_t)(d < 2 * DD_VW ? d : 2 * DD_VW) * sizeof(float));
            for (int j = 0; j < DD_VW; j++) even[j] = channels[2 * j], odd[j] = channels[2 * j + 1];
            r[i] = v_pairs_bfloat16(v_load(even) * scale, v_load(odd) * scale);
#endif
        } else {
            r[i] = v_load_up_to(row, d) * scale;
        }
    }
    v_transpose(r);
    const int64_t rows = precision == DD_PRECISION_BFLOAT16 ? (d + 1) / 2 : d;
    for (int64_t i = 0; i < DD_VW; i++)
        if (i < rows) v_store(out + i * DD_PANEL, r[i]);
}

DD_INLINE void pack_keys_as(const dd_precision precision, float *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale) {
    const int64_t channels = precision == DD_PRECISION_BFLOAT16 ? 2 : 1; // of a word
    for (int64_t c = 0; c < d; c += channels * DD_VW)
        for (int64_t j = 0; j < DD_PANEL; j += DD_VW)
            turn_keys(precision, out + c / channels * DD_PANEL + j, j < count ? k + j * stride + c : k, stride, count - j, d - c, v_splat(scale));
}

#if !DD_HAS_AMX
static void pack_keys_float32(void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale) {
    pack_keys_as(DD_PRECISION_FLOAT32, out, k, stride, count, d, scale);
}

static void pack_values_float32(void *out, const float *v, int64_t stride, int64_t count, int64_t columns) {
    float *to = out;
    for (int64_t t = 0; t < count; t++, to += DD_PANEL)
        for (int64_t j = 0; j < DD_PANEL; j += DD_VW) v_store(to + j, v_load_up_to(v + t * stride + j, dd_max(0, columns - j)));
}
#endif

#if DD_HAS_BF16
static void pack_keys_bfloat16(void *out, const float *k, int64_t stride, int64_t count, int64_t d, float scale) {
    pack_keys_as(DD_PRECISION_BFLOAT16, out, k, stride, count, d, scale);
}

static void pack_values_bfloat16(void *out, const float *v, int64_t stride, int64_t count, int64_t columns) {
    float *to = out;
    for (int64_t t = 0; t < count; t += 2, to += DD_PANEL)
        for (int64_t j = 0; j < DD_PANEL; j += DD_VW) {
            const vf next = t + 1 < count ? v_load_up_to(v + (t + 1) * stride + j, dd_max(0, columns - j)) : v_splat(0);
            v_store(to + j, v_pairs_bfloat16(v_load_up_to(v + t * stride + j, dd_max(0, columns - j)), next));
        }
}
#endif

/// What is rounded to 16 bits afterwards need not be exact.
DD_INLINE vf weight_of(const dd_precision precision, vf x) { return precision == DD_PRECISION_FLOAT32 ? v_exp2(x) : v_exp2_short(x); }

/// DD_PANEL weights of a row to where their scores were, and to its sums.
DD_INLINE void put_weights(const dd_precision precision, float *row, int64_t column, const vf weights[DD_PANEL / DD_VW], float *sums) {
#if DD_HAS_BF16
    if (precision == DD_PRECISION_BFLOAT16) {
        // Half as wide: never ahead of what is read. What is summed are the rounded weights, pairs at a time.
        const __m512bh pairs = _mm512_cvtne2ps_pbh(weights[1], weights[0]), ones = (__m512bh)_mm512_set1_epi32(0x3f803f80);
        _mm512_storeu_si512((uint16_t *)row + column, (__m512i)pairs);
        v_store(sums, _mm512_dpbf16_ps(v_load(sums), pairs, ones));
        return;
    }
#endif
    (void)precision;
    DD_UNROLL
    for (int lane = 0; lane < DD_LANES; lane += DD_VW) {
        vf sum = weights[lane / DD_VW];
        for (int j = lane + DD_LANES; j < DD_PANEL; j += DD_LANES) sum += weights[j / DD_VW];
        v_store(sums + lane, v_load(sums + lane) + sum);
    }
    DD_UNROLL
    for (int j = 0; j < DD_PANEL / DD_VW; j++) v_store(row + column + j * DD_VW, weights[j]);
}

DD_INLINE void weigh_as(const dd_precision precision, int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t c = column; c < column + columns; c += DD_PANEL) {
            vf weights[DD_PANEL / DD_VW];
            for (int64_t j = 0; j < DD_PANEL / DD_VW; j++) weights[j] = weight_of(precision, v_load(scores + i * ld + c + j * DD_VW));
            put_weights(precision, scores + i * ld, c, weights, sums + i * DD_LANES);
        }
        if (precision == DD_PRECISION_INT16) store_integers((int16_t *)(void *)(scores + i * ld), scores + i * ld, keys);
    }
}

#if !DD_HAS_AMX
static void weigh_float32(int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums) {
    weigh_as(DD_PRECISION_FLOAT32, rows, scores, ld, column, columns, keys, sums);
}

static void weigh_int16(int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums) {
    weigh_as(DD_PRECISION_INT16, rows, scores, ld, column, columns, keys, sums);
}
#endif

#if DD_HAS_BF16
static void weigh_bfloat16(int64_t rows, float *scores, int64_t ld, int64_t column, int64_t columns, int64_t keys, float *sums) {
    weigh_as(DD_PRECISION_BFLOAT16, rows, scores, ld, column, columns, keys, sums);
}
#endif

static void find_top(int64_t rows, const float *scores, int64_t ld, float *top) {
    for (int64_t lane = 0; lane < DD_LANES; lane += DD_VW) {
        vf largest = v_load(top + lane);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = lane; j < DD_PANEL; j += DD_LANES) largest = v_max(v_load(scores + i * ld + j), largest);
        v_store(top + lane, largest);
    }
}

static void settle(int64_t rows, float *scores, int64_t ld, int64_t columns, float *shift, uint8_t *has_base, float *sums, float *out, int64_t ld_out,
                   int64_t channels) {
    for (int64_t i = 0; i < rows; i++, scores += ld, sums += DD_LANES, out += ld_out) {
        vf top = v_splat(-INFINITY);
        for (int64_t j = 0; j < columns; j += DD_VW) top = v_max(v_load(scores + j), top);
        const float largest = v_largest(top);
        if (!(largest > (has_base[i] ? DD_HEADROOM : -INFINITY))) continue;
        const vf factor = v_splat(has_base[i] ? exp2f(-largest) : 0), less = v_splat(largest);
        has_base[i] = 1;
        shift[i] -= largest;
        for (int64_t j = 0; j < columns; j += DD_VW) v_store(scores + j, v_load(scores + j) - less);
        for (int64_t j = 0; j < DD_LANES; j += DD_VW) v_store(sums + j, v_load(sums + j) * factor);
        for (int64_t j = 0; j < channels; j += DD_VW) v_store(out + j, v_load(out + j) * factor);
    }
}

static void store_row(void *y, dd_element type, const float *out, const float *sums, int64_t d) {
    vf sum = v_load(sums);
    for (int64_t j = DD_VW; j < DD_LANES; j += DD_VW) sum += v_load(sums + j);
    const vf factor = v_splat(1.0f / v_sum(sum));
    float *floats = y;
    uint16_t *halves = y;
    int64_t j = 0;
    for (; j + DD_VW <= d; j += DD_VW) {
        const vf x = v_load(out + j) * factor;
        if (type == DD_BF16)
            v_store_bfloat16(halves + j, x);
        else
            v_store(floats + j, x);
    }
    if (j == d) return;
    const vf x = v_load_n(out + j, d - j) * factor;
    if (type == DD_BF16) {
        float values[DD_VW];
        v_store(values, x);
        for (int64_t i = j; i < d; i++) halves[i] = dd_bfloat16_from_float(values[i - j]);
    } else {
        v_store_n(floats + j, x, d - j);
    }
}

static void widen(float *out, const uint16_t *rows, int64_t stride, int64_t count, int64_t columns) {
    for (int64_t i = 0; i < count; i++, rows += stride, out += columns) {
        int64_t j = 0;
        for (; j + DD_VW <= columns; j += DD_VW) v_store(out + j, v_load_bfloat16(rows + j));
        for (; j < columns; j++) out[j] = dd_float_from_bfloat16(rows[j]);
    }
}

#if DD_VW == 16 && !DD_HAS_AMX
#include "attention_beside.h"
#else
#define scores_and_weights_float32 NULL
#endif

static const dd_attention_format attention_formats[DD_PRECISION_COUNT] = {
#if DD_HAS_AMX
    // Products take so little here that nothing is gained by computing weights beside them.
    [DD_PRECISION_BFLOAT16] = {"attention-amx bfloat16", pack_keys_bfloat16, pack_values_bfloat16, weigh_bfloat16, 0},
};
#else
    [DD_PRECISION_FLOAT32] = {DD_VW == 16 ? "attention-avx512 float32" : "attention-avx2 float32", pack_keys_float32, pack_values_float32, weigh_float32,
                              scores_and_weights_float32},
#if DD_HAS_BF16
    [DD_PRECISION_BFLOAT16] = {"attention-avx512-bf16 bfloat16", pack_keys_bfloat16, pack_values_bfloat16, weigh_bfloat16, scores_and_weights_bfloat16},
#endif
    [DD_PRECISION_INT16] = {.name = DD_VW == 16 ? "attention-avx512 int16" : "attention-avx2 int16", .weigh = weigh_int16},
};
#endif

static const dd_attention_kernels attention_kernels = {
    .formats = attention_formats,
    .find_top = find_top,
    .settle = settle,
    .store_row = store_row,
    .widen = widen,
};
