// The convolutions of one instruction set: blocks of inputs are gathered and multiplied. The precision of products is a constant in each copy, and so is
// the transform of an algorithm that has one.
#include "../simd/functions.h"
#include "plan.h"

#include "epilogue.inc.h"
#include "load.inc.h"

/// A register tile: units by vectors of output channels. ROWS divides 8, COLUMNS the vectors across a panel.
enum { ROWS = DD_VW == 16 ? 8 : 4, COLUMNS = 2, PARTS = DD_CONV_PANEL / DD_VW };

/// What Winograd's transforms do along one dimension: pixels to `side` products, products to `tile` results and, where weights stay plain, three
/// taps to products.
typedef struct transform {
    int side, tile;
    void (*input)(const vf *pixels, vf *products);
    void (*output)(const vf *products, vf *results);
    void (*weights)(vf g0, vf g1, vf g2, vf *products);
} transform;

// MARK: words of int16

/// v * factor, in the range of int16, to nearest, in the lower half of each lane: 1.5 * 2^23 leaves the whole number in the lowest bits.
DD_INLINE vi whole(vf v, vf factor) { return (vi)(v * factor + 12582912.0f); }

/// Channels of `slots` products (at most DD_CONV_PRODUCTS) of a unit, [slots][ld], `count` of them (a multiple of 2 * DD_VW), into slots of v
/// as integers, with what they are multiples of. With the root of the sum of squares at most 2^15 no sum of products with weights that
/// keep to the same leaves 32 bits.
DD_INLINE void put_part(const float *tile, int64_t ld, int64_t count, const int slots, float *slot, int64_t slot_words, float *scale) {
    float squares[DD_CONV_PRODUCTS + DD_VW] = {0}, inverses[DD_CONV_PRODUCTS + DD_VW];
    for (int e = 0; e < slots; e++) {
        vf even = v_splat(0), odd = v_splat(0);
        for (int64_t c = 0; c < count; c += 2 * DD_VW) {
            const vf low = v_load(tile + e * ld + c), high = v_load(tile + e * ld + c + DD_VW);
            even += low * low;
            odd += high * high;
        }
        squares[e] = v_sum(even + odd);
    }
    for (int e = 0; e < slots; e += DD_VW) {
        // An infinity gives a scale that is one, a NaN one that is none: either way no result is finite.
        const vf all = v_load(squares + e), root = v_sqrt(all);
        const vi tiny = all < DD_INT16_LEAST_SQUARES;
        v_store(inverses + e, (vf)(~tiny & (vi)(DD_INT16_ROOT / root)));
        v_store(squares + e, root * (1 / DD_INT16_ROOT));
    }
    for (int e = 0; e < slots; e++, slot += slot_words, scale += slot_words) {
        const vf inverse = v_splat(inverses[e]);
        for (int64_t c = 0; c < count; c += 2 * DD_VW)
            v_store_lower_halves(slot + c / 2, whole(v_load(tile + e * ld + c), inverse), whole(v_load(tile + e * ld + c + DD_VW), inverse));
        *scale = squares[e];
    }
}

/// Where the channels of a part end in a tile [slots][ld], after zeros up to a multiple of 2 * DD_VW from channel c, one of DD_VW.
DD_INLINE int64_t end_part(float *tile, int64_t ld, const int slots, int64_t c) {
    if (c % (2 * DD_VW) == 0) return c;
    for (int e = 0; e < slots; e++) v_store(tile + e * ld + c, v_splat(0));
    return c + DD_VW;
}

/// Sets zeros where less than a vector of channels c0 ..< c1 will be loaded to `pixel`: what is behind the last channel would count among
/// what a scale of int16 is found from.
DD_INLINE void clear_end(const dd_precision precision, float *pixel, int64_t c0, int64_t c1) {
    if (precision == DD_PRECISION_INT16) v_store(pixel + (c1 - c0 - 1) / DD_VW * DD_VW, v_splat(0));
}

// MARK: gathering

/// Normalised channels c0 ..< c1 of `rows` x `cols` input pixels of each image of a block, chunk_ld floats a pixel.
DD_INLINE void load_strip(const dd_precision precision, const dd_conv_block *b, int64_t top, int64_t left, int64_t rows, int64_t cols, int64_t c0, int64_t c1) {
    const dd_conv_plan *p = b->plan;
    float *strip = b->strip;
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = 0; y < rows; y++)
            for (int64_t x = 0; x < cols; x++, strip += p->chunk_ld) {
                clear_end(precision, strip, c0, c1);
                load_or_pad(p, b->first_image + i, top + y, left + x, c0, c1, strip);
            }
}

/// side x side input pixels (ld floats apart, rows row_ld apart) -> side * side products of one vector of channels, `to_ld` apart.
DD_INLINE void input_tile(const transform t, const float *x, int64_t ld, int64_t row_ld, float *to, int64_t to_ld) {
    vf half[8][8];
    DD_UNROLL
    for (int j = 0; j < t.side; j++, x += ld) {
        vf column[8], out[8];
        const float *from = x;
        DD_UNROLL
        for (int i = 0; i < t.side; i++, from += row_ld) column[i] = v_load(from);
        t.input(column, out);
        DD_UNROLL
        for (int i = 0; i < t.side; i++) half[i][j] = out[i];
    }
    DD_UNROLL
    for (int i = 0; i < t.side; i++) {
        vf out[8];
        t.input(half[i], out);
        DD_UNROLL
        for (int j = 0; j < t.side; j++, to += to_ld) v_store(to, out[j]);
    }
}

/// Transformed tiles, in groups of units: v is [group][products][8][ldv].
DD_INLINE void gather_tiles(const dd_precision precision, const transform t, const dd_conv_block *b) {
    const dd_conv_plan *p = b->plan;
    const int products = t.side * t.side;
    const int64_t rows = (b->high - 1) * p->step + t.side, cols = (b->wide - 1) * p->step + t.side;
    for (int64_t u = 0; u < b->count; u++) b->units[u].offset = (u / DD_CONV_GROUP * products * DD_CONV_GROUP + u % DD_CONV_GROUP) * p->ldv;
    for (int64_t c0 = 0; c0 < p->cin; c0 += p->chunk) {
        const int64_t c1 = dd_min(c0 + p->chunk, p->cin);
        load_strip(precision, b, b->y * p->step - p->a.pad_top, b->x * p->step - p->a.pad_left, rows, cols, c0, c1);
        const dd_conv_unit *unit = b->units;
        for (int64_t i = 0; i < b->images; i++)
            for (int64_t y = 0; y < b->high; y++)
                for (int64_t x = 0; x < b->wide; x++, unit++) {
                    const float *from = b->strip + ((i * rows + y * p->step) * cols + x * p->step) * p->chunk_ld;
                    float *slot = b->v + unit->offset;
                    const int integers = precision == DD_PRECISION_INT16;
                    float *to = integers ? b->tile : slot + c0;
                    const int64_t to_ld = integers ? p->chunk_ld : DD_CONV_GROUP * p->ldv;
                    int64_t c = 0;
                    for (; c < c1 - c0; c += DD_VW) input_tile(t, from + c, p->chunk_ld, cols * p->chunk_ld, to + c, to_ld);
                    if (!integers) continue;
                    // A chunk of channels is a part, which ends with as many zeros as it takes.
                    c = end_part(to, to_ld, products, c);
                    put_part(to, to_ld, c, products, slot + c0 / 2, DD_CONV_GROUP * p->ldv, slot + p->scales_at + c0 / p->chunk);
                }
    }
}

/// Word offset of each product's inputs from a unit's, where gather_tiles put them.
DD_INLINE void place_tiles(const dd_conv_plan *p, int64_t *offsets) {
    for (int64_t i = 0; i < p->products; i++) offsets[i] = i * DD_CONV_GROUP * p->ldv;
}

// MARK: multiplying

/// acc[r][c] += sum over k of the word at base + offsets[r] + k times weights[k][c].
/// Prefetching the next product's weights costs a tenth: the hardware sees the stream itself.
DD_INLINE void accumulate(const dd_precision precision, vf acc[ROWS][COLUMNS], const int columns, const float *base, const int64_t *offsets, int64_t count,
                          const float *weights) {
    const float *a[ROWS];
    DD_UNROLL
    for (int r = 0; r < ROWS; r++) a[r] = base + offsets[r];
#if DD_VW == 16
#pragma clang loop unroll_count(4)
#endif
    for (int64_t k = 0; k < count; k++, weights += DD_CONV_PANEL) {
        vf w[COLUMNS];
        DD_UNROLL
        for (int c = 0; c < columns; c++) w[c] = v_load(weights + c * DD_VW);
        DD_UNROLL
        for (int r = 0; r < ROWS; r++) {
            const vf x = v_splat(a[r][k]);
            DD_UNROLL
            for (int c = 0; c < columns; c++) acc[r][c] = v_dot(precision, acc[r][c], x, w[c]);
        }
    }
}

/// Products of one register tile into m, or added to it. Of int16, in multiples of scales[offset of a unit]; with `column_scales` what m
/// holds then is in multiples of these, for each channel its own.
DD_INLINE void product_tile(const dd_precision precision, const int columns, const float *v, const int64_t *offsets, int64_t words, const float *weights,
                            float *m, int adds, const float *scales, const float *column_scales) {
    vf acc[ROWS][COLUMNS], column[COLUMNS];
    const int integers = precision == DD_PRECISION_INT16;
    DD_UNROLL
    for (int r = 0; r < ROWS; r++) {
        DD_UNROLL
        for (int j = 0; j < columns; j++) acc[r][j] = adds && !integers ? v_load(m + r * DD_CONV_PANEL + j * DD_VW) : v_splat(0);
    }
    accumulate(precision, acc, columns, v, offsets, words, weights);
    DD_UNROLL
    for (int j = 0; j < columns; j++) column[j] = column_scales ? v_load(column_scales + j * DD_VW) : v_splat(1);
    DD_UNROLL
    for (int r = 0; r < ROWS; r++) {
        const vf scale = v_splat(integers ? scales[offsets[r]] : 1);
        DD_UNROLL
        for (int j = 0; j < columns; j++) {
            float *to = m + r * DD_CONV_PANEL + j * DD_VW;
            if (integers) {
                vf sum = __builtin_convertvector((vi)acc[r][j], vf) * scale;
                if (adds) sum += v_load(to);
                acc[r][j] = sum * column[j];
            }
            v_store(to, acc[r][j]);
        }
    }
}

/// A product of a panel for all units, over `words` words of `v` and of `weights`.
DD_INLINE void product_panel(const dd_precision precision, const dd_conv_block *b, const float *v, float *m, int64_t panel, const float *weights, int64_t words,
                             int adds, const float *scales, const float *column_scales) {
    for (int64_t u = 0; u < b->count; u += ROWS) {
        int64_t offsets[ROWS];
        for (int r = 0; r < ROWS; r++) offsets[r] = b->units[dd_min(u + r, b->count - 1)].offset;
        float *to = m + u * DD_CONV_PANEL;
        for (int part = 0; part < PARTS; part += COLUMNS) {
            const int64_t left = b->plan->a.cout - panel * DD_CONV_PANEL - part * DD_VW;
            const float *column = column_scales ? column_scales + part * DD_VW : 0;
            if (left > DD_VW)
                product_tile(precision, COLUMNS, v, offsets, words, weights + part * DD_VW, to + part * DD_VW, adds, scales, column);
            else if (left > 0)
                product_tile(precision, 1, v, offsets, words, weights + part * DD_VW, to + part * DD_VW, adds, scales, column);
        }
    }
}

/// A product of a panel for all units, over all words. Weights of int16 begin with their scales.
DD_INLINE void whole_product(const dd_precision precision, const dd_conv_block *b, const float *v, float *m, int64_t panel, const float *weights) {
    const dd_conv_plan *p = b->plan;
    if (precision == DD_PRECISION_FLOAT32) {
        product_panel(precision, b, v, m, panel, weights, p->words, 0, 0, 0);
        return;
    }
    const float *column_scales = weights;
    weights += DD_CONV_PANEL;
    for (int64_t k = 0, part = 0; part < p->parts; k += p->part_words, part++) {
        const int64_t words = dd_min(p->part_words, p->words - k);
        product_panel(precision, b, v + k, m, panel, weights + k * DD_CONV_PANEL, words, part > 0, v + p->scales_at + part,
                      part + 1 == p->parts ? column_scales : 0);
    }
}

/// Both dimensions of an output transform: products m[side * side] at stride `ldm` -> y[tile * tile].
DD_INLINE void output_tile(const transform t, const float *m, int64_t ldm, vf y[36]) {
    vf half[6][8];
    DD_UNROLL
    for (int x = 0; x < t.side; x++) {
        vf column[8], out[6];
        const float *from = m + x * ldm;
        DD_UNROLL
        for (int i = 0; i < t.side; i++, from += t.side * ldm) column[i] = v_load(from);
        t.output(column, out);
        DD_UNROLL
        for (int i = 0; i < t.tile; i++) half[i][x] = out[i];
    }
    DD_UNROLL
    for (int i = 0; i < t.tile; i++) t.output(half[i], y + i * t.tile);
}

/// Products of a panel to results.
DD_INLINE void output_panel(const transform t, const dd_conv_block *b, const float *m, int64_t panel) {
    // Kept apart from the plan, which the compiler would read again after each store.
    const dd_conv_plan *p = b->plan;
    const dd_conv_args a = p->a;
    const dd_conv_unit *unit = b->units;
    const int64_t units = b->count, ldm = p->ldm, row = p->out_width * a.cout;
    const int plain = a.activation != DD_ACTIVATION_SILU, streams = p->streams;
    for (int part = 0; part < PARTS; part++) {
        const int64_t c = panel * DD_CONV_PANEL + part * DD_VW;
        const int inside = plain && c + DD_VW <= a.cout;
        sums s = no_sums();
        for (int64_t u = 0; u < units && c < a.cout; u++) {
            vf y[36];
            output_tile(t, m + u * DD_CONV_PANEL + part * DD_VW, ldm, y);
            const float *add = b->combined + unit[u].image * p->cout_padded;
            if (inside && unit[u].rows == t.tile && unit[u].cols == t.tile) {
                const int64_t at = unit[u].out_pixel * a.cout + c;
                const float *residual = a.residual ? a.residual + at : 0;
                float *to = a.y + at;
                if (residual && a.takes_moments)
                    write_unit(y, t.tile, v_load(add + c), residual, to, a.cout, row, streams, &s, 1);
                else if (residual)
                    write_unit(y, t.tile, v_load(add + c), residual, to, a.cout, row, streams, &s, 0);
                else if (a.takes_moments)
                    write_unit(y, t.tile, v_load(add + c), 0, to, a.cout, row, streams, &s, 1);
                else
                    write_unit(y, t.tile, v_load(add + c), 0, to, a.cout, row, streams, &s, 0);
                continue;
            }
            for (int i = 0; i < unit[u].rows; i++)
#pragma clang loop unroll(disable)
                for (int j = 0; j < unit[u].cols; j++) finish(p, y[i * t.tile + j], add, unit[u].out_pixel + i * p->out_width + j, c, a.cout - c, &s);
        }
        store_sums(p, b->index, c, s);
    }
}

/// Asks for the results' lines of as many of a block's units as fall to product e of all.
DD_INLINE void fetch_share(const dd_conv_block *b, int64_t e, int64_t products, int64_t panel) {
    const int64_t from = b->count * e / products, to = b->count * (e + 1) / products;
    fetch_results(b->plan, b->units + from, to - from, panel * DD_CONV_PANEL);
}

/// Panels of transformed weights. `offsets`: of each product's inputs from a unit's.
DD_INLINE void transformed_panels(const dd_precision precision, const transform t, const dd_conv_block *b, const int64_t *offsets, int64_t first, int64_t end) {
    const dd_conv_plan *p = b->plan;
    const int64_t products = t.side * t.side;
    for (; first < end; first += p->panel_group) {
        const int64_t count = dd_min(p->panel_group, end - first);
        for (int64_t e = 0; e < products; e++) {
            for (int64_t i = 0; i < count; i++) fetch_share(b, e, products, first + i);
            for (int64_t i = 0; i < count; i++)
                whole_product(precision, b, b->v + offsets[e], b->m + (i * products + e) * p->ldm, first + i,
                              p->packed + ((first + i) * products + e) * p->product_rows * DD_CONV_PANEL);
        }
        for (int64_t i = 0; i < count; i++) output_panel(t, b, b->m + i * products * p->ldm, first + i);
    }
    if (p->streams) v_end_stream();
}

/// The same, where gather_tiles put the inputs.
DD_INLINE void transformed_tiles(const dd_precision precision, const transform t, const dd_conv_block *b, int64_t first, int64_t end) {
    int64_t offsets[DD_CONV_PRODUCTS];
    place_tiles(b->plan, offsets);
    transformed_panels(precision, t, b, offsets, first, end);
}

// MARK: plain weights, transformed on the way

/// What a panel's products' transformed weights are multiples of in int16, [side * side][32], and then the inverse of that.
DD_INLINE const float *plain_scales(const dd_conv_plan *p, int64_t panel) {
    return p->packed + ((panel + 1) * p->panel_rows - 2 * p->products) * DD_CONV_PANEL;
}

/// Nine taps, [3][3], to products along the first dimension, half[side][3].
DD_INLINE void weights_columns(const transform t, const vf taps[9], vf half[6][3]) {
    DD_UNROLL
    for (int x = 0; x < 3; x++) {
        vf column[6];
        t.weights(taps[x], taps[3 + x], taps[6 + x], column);
        DD_UNROLL
        for (int i = 0; i < t.side; i++) half[i][x] = column[i];
    }
}

/// Words k ..< k + count of a panel's plain weights, [9][words][32], transformed: [side * side][count][32], ldw apart.
DD_INLINE void transform_weights(const dd_precision precision, const transform t, const dd_conv_block *b, int64_t panel, int64_t k, int64_t count) {
    const dd_conv_plan *p = b->plan;
    const int64_t stride = p->words * DD_CONV_PANEL, ldw = p->ldw;
    const float *from = p->packed + (panel * p->panel_rows + k) * DD_CONV_PANEL;
    const float *inverse = precision == DD_PRECISION_INT16 ? plain_scales(p, panel) + t.side * t.side * DD_CONV_PANEL : NULL;
    for (int64_t at = 0; at < count * DD_CONV_PANEL; at += DD_VW) {
        vf taps[9], half[6][3], products[6], low_half[6][3], low[6];
        float *to = b->weights + at;
        if (precision == DD_PRECISION_INT16) {
            DD_UNROLL
            for (int i = 0; i < 9; i++) taps[i] = __builtin_convertvector((vi)v_load(from + i * stride + at) << 16 >> 16, vf);
            weights_columns(t, taps, low_half);
        }
        DD_UNROLL
        for (int i = 0; i < 9; i++) {
            taps[i] = v_load(from + i * stride + at);
            if (precision == DD_PRECISION_INT16) taps[i] = __builtin_convertvector((vi)taps[i] >> 16, vf);
        }
        weights_columns(t, taps, half);
        DD_UNROLL
        for (int i = 0; i < t.side; i++) {
            if (precision == DD_PRECISION_INT16) t.weights(low_half[i][0], low_half[i][1], low_half[i][2], low);
            t.weights(half[i][0], half[i][1], half[i][2], products);
            DD_UNROLL
            for (int j = 0; j < t.side; j++, to += ldw) {
                if (precision == DD_PRECISION_INT16) {
                    const vf factor = v_load(inverse + (i * t.side + j) * DD_CONV_PANEL + at % DD_CONV_PANEL);
                    products[j] = (vf)((whole(low[j], factor) & 0xffff) | (whole(products[j], factor) << 16));
                }
                v_store(to, products[j]);
            }
        }
    }
}

/// Panels of plain weights, some words of a panel at once.
DD_INLINE void plain_panels(const dd_precision precision, const transform t, const dd_conv_block *b, int64_t first, int64_t end) {
    const dd_conv_plan *p = b->plan;
    const int64_t side_products = t.side * t.side;
    const int integers = precision == DD_PRECISION_INT16;
    int64_t offsets[DD_CONV_PRODUCTS];
    place_tiles(p, offsets);
    for (int64_t panel = first; panel < end; panel++) {
        for (int64_t k = 0; k < p->words; k += p->words_at_once) {
            const int64_t count = dd_min(p->words_at_once, p->words - k);
            const int last = k + count == p->words;
            transform_weights(precision, t, b, panel, k, count);
            for (int64_t e = 0; e < side_products; e++) {
                if (last) fetch_share(b, e, side_products, panel);
                product_panel(precision, b, b->v + offsets[e] + k, b->m + e * p->ldm, panel, b->weights + e * p->ldw, count, k > 0,
                              integers ? b->v + offsets[e] + p->scales_at + k / p->part_words : 0,
                              integers && last ? plain_scales(p, panel) + e * DD_CONV_PANEL : 0);
            }
        }
        output_panel(t, b, b->m, panel);
    }
    if (p->streams) v_end_stream();
}

// MARK: the algorithms

/// The kernels of an algorithm: calls in which `precision` and `b` are known, and in the second `first` and `end`.
#define DD_CONV_KERNEL(name, suffix, of, gather, panels)                                       \
    static void gather_##name##_##suffix(const dd_conv_block *b) {                             \
        const dd_precision precision = of;                                                     \
        gather;                                                                                \
    }                                                                                          \
    static void panels_##name##_##suffix(const dd_conv_block *b, int64_t first, int64_t end) { \
        const dd_precision precision = of;                                                     \
        panels;                                                                                \
    }
#define DD_CONV_FLOAT32(name, gather, panels)                           \
    DD_CONV_KERNEL(name, float32, DD_PRECISION_FLOAT32, gather, panels) \
    static const dd_conv_kernel name[DD_PRECISION_COUNT] = {[DD_PRECISION_FLOAT32] = {gather_##name##_float32, panels_##name##_float32}};
#define DD_CONV_BOTH(name, gather, panels)                              \
    DD_CONV_KERNEL(name, float32, DD_PRECISION_FLOAT32, gather, panels) \
    DD_CONV_KERNEL(name, int16, DD_PRECISION_INT16, gather, panels)     \
    static const dd_conv_kernel name[DD_PRECISION_COUNT] = {            \
        [DD_PRECISION_FLOAT32] = {gather_##name##_float32, panels_##name##_float32}, [DD_PRECISION_INT16] = {gather_##name##_int16, panels_##name##_int16}};

#define DD_CONV_KERNELS
#include "algorithms/list.h"

#define DD_CONV_ENTRY(name) name,
static const dd_conv_kernel *const conv_kernels[] = {DD_CONV_ALGORITHMS(DD_CONV_ENTRY)};
