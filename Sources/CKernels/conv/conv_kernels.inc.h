// Gathering and multiplying for one precision. The including file sets
//   DD_INT16     what a word is: two int16, or a float32
//   DD_NATIVE_INT16  whether there is one instruction that multiplies words of int16 and adds the products
//   DD_NAME(x)   names of this precision
//   DD_ROWS, DD_COLUMNS  register tile: units by vectors of output channels; DD_ROWS divides 8, DD_COLUMNS divides DD_PARTS

#include "conv_words.inc.h"

// ---- gathering: inputs of a block into v, offsets of its units ----

#if DD_INT16
/// Channels of `slots` products (at most DD_CONV_PRODUCTS) of a unit, [slots][ld], `count` of them (a multiple of 2 * DD_VL), into slots of v
/// as integers, with what they are multiples of. With the root of the sum of squares at most 2^15 no sum of products with weights that
/// keep to the same leaves 32 bits.
DD_INLINE void DD_NAME(put_part)(const float *tile, int64_t ld, int64_t count, const int slots, float *slot, int64_t slot_words, float *scale) {
    float squares[DD_CONV_PRODUCTS + DD_VL] = {0}, inverses[DD_CONV_PRODUCTS + DD_VL];
    for (int e = 0; e < slots; e++) {
        vf even = splat(0), odd = splat(0);
        for (int64_t c = 0; c < count; c += 2 * DD_VL) {
            const vf low = load(tile + e * ld + c), high = load(tile + e * ld + c + DD_VL);
            even += low * low;
            odd += high * high;
        }
        squares[e] = sum_of_lanes(even + odd);
    }
    for (int e = 0; e < slots; e += DD_VL) {
        // An infinity gives a scale that is one, a NaN one that is none: either way no result is finite.
        const vf all = load(squares + e), root = square_root(all);
        const vi tiny = all < DD_INT16_LEAST_SQUARES;
        store(inverses + e, (vf)(~tiny & (vi)(DD_INT16_ROOT / root)));
        store(squares + e, root * (1 / DD_INT16_ROOT));
    }
    for (int e = 0; e < slots; e++) {
        const vf inverse = splat(inverses[e]);
        for (int64_t c = 0; c < count; c += 2 * DD_VL) DD_NAME(put_scaled)(slot, c, tile + e * ld + c, inverse);
        *scale = squares[e];
        slot += slot_words;
        scale += slot_words;
    }
}

/// Where the channels of a part end in a tile [slots][ld], after zeros up to a multiple of 2 * DD_VL from channel c, one of DD_VL.
DD_INLINE int64_t DD_NAME(end_part)(float *tile, int64_t ld, const int slots, int64_t c) {
    if (c % (2 * DD_VL) == 0) return c;
    for (int e = 0; e < slots; e++) store(tile + e * ld + c, splat(0));
    return c + DD_VL;
}
#endif

/// Sets zeros where less than a vector of channels c0 ..< c1 will be loaded to `pixel`: what is behind the last channel would count among
/// what a scale is found from.
DD_INLINE void DD_NAME(clear_end)(float *pixel, int64_t c0, int64_t c1) {
#if DD_INT16
    store(pixel + (c1 - c0 - 1) / DD_VL * DD_VL, splat(0));
#else
    (void)pixel, (void)c0, (void)c1;
#endif
}

static void DD_NAME(gather_direct)(const dd_conv_plan *p, const block_place *b, dd_conv_unit *unit, float *pixel, float *v) {
    const dd_conv_args *a = &p->a;
    const int64_t rows = (b->high - 1) * a->stride + a->kh, cols = (b->wide - 1) * a->stride + a->kw;
    const int64_t top = b->y * a->stride - a->pad_top, left = b->x * a->stride - a->pad_left;
    for (int64_t i = 0; i < b->images; i++) {
        for (int64_t y = 0; y < rows; y++) {
            float *slot = v + (i * p->strip_rows + y) * p->strip_cols * p->ldv;
            for (int64_t x = 0; x < cols; x++, slot += p->ldv) {
#if DD_INT16
                DD_NAME(clear_end)(pixel, 0, p->cin);
                load_or_pad(p, b->first_image + i, top + y, left + x, 0, p->cin, pixel);
                DD_NAME(end_part)(pixel, 0, 1, dd_conv_round_up(p->cin, DD_VL));
                for (int64_t c = 0, part = 0; part < p->parts; c += 2 * p->part_words, part++) {
                    const int64_t count = dd_conv_min(2 * p->part_words, dd_conv_round_up(p->cin - c, 2 * DD_VL));
                    DD_NAME(put_part)(pixel + c, 0, count, 1, slot + c / 2, 0, slot + p->scales_at + part);
                }
#else
                (void)pixel;
                load_or_pad(p, b->first_image + i, top + y, left + x, 0, p->cin, slot);
#endif
            }
        }
    }
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = 0; y < b->high; y++)
            for (int64_t x = 0; x < b->wide; x++, unit++)
                unit->offset = ((i * p->strip_rows + y * a->stride) * p->strip_cols + x * a->stride) * p->ldv;
}

/// Normalised channels c0 ..< c1 of `rows` x `cols` input pixels of each image of a block, p->chunk_ld floats a pixel.
static void DD_NAME(load_strip)(const dd_conv_plan *p, const block_place *b, int64_t top, int64_t left, int64_t rows,
                                int64_t cols, int64_t c0, int64_t c1, float *strip) {
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = 0; y < rows; y++)
            for (int64_t x = 0; x < cols; x++, strip += p->chunk_ld) {
                DD_NAME(clear_end)(strip, c0, c1);
                load_or_pad(p, b->first_image + i, top + y, left + x, c0, c1, strip);
            }
}

/// n x n input pixels (ld floats apart, rows row_ld apart) -> n * n products of one vector of channels, `to_ld` apart.
DD_INLINE void DD_NAME(input_tile)(const float *x, int64_t ld, int64_t row_ld, const int n, float *to, int64_t to_ld, int64_t c) {
    vf half[8][8];
    DD_UNROLL
    for (int j = 0; j < n; j++, x += ld) {
        vf column[8], out[8];
        const float *from = x;
        DD_UNROLL
        for (int i = 0; i < n; i++, from += row_ld) column[i] = load(from);
        if (n == 8) input_6(column, out);
        if (n == 6) input_4(column, out);
        if (n == 5) input_stride_2(column, out);
        if (n == 4) input_2(column, out);
        DD_UNROLL
        for (int i = 0; i < n; i++) half[i][j] = out[i];
    }
    DD_UNROLL
    for (int i = 0; i < n; i++) {
        vf out[8];
        if (n == 8) input_6(half[i], out);
        if (n == 6) input_4(half[i], out);
        if (n == 5) input_stride_2(half[i], out);
        if (n == 4) input_2(half[i], out);
        DD_UNROLL
        for (int j = 0; j < n; j++, to += to_ld) store(to + c, out[j]);
    }
}

DD_INLINE void DD_NAME(gather_winograd)(const dd_conv_plan *p, const block_place *b, dd_conv_unit *units, float *strip, float *tile,
                                        float *v, const int n) {
    const int64_t step = n == 5 ? 4 : n - 2; // input pixels from unit to unit
    const int64_t rows = (b->high - 1) * step + n, cols = (b->wide - 1) * step + n;
    // v is [group][n * n][8][ldv].
    const int64_t count = b->images * b->high * b->wide;
    for (int64_t u = 0; u < count; u++)
        units[u].offset = (u / DD_CONV_GROUP * n * n * DD_CONV_GROUP + u % DD_CONV_GROUP) * p->ldv;
    for (int64_t c0 = 0; c0 < p->cin; c0 += p->chunk) {
        const int64_t c1 = dd_conv_min(c0 + p->chunk, p->cin);
        DD_NAME(load_strip)(p, b, b->y * step - p->a.pad_top, b->x * step - p->a.pad_left, rows, cols, c0, c1, strip);
        const dd_conv_unit *unit = units;
        for (int64_t i = 0; i < b->images; i++)
            for (int64_t y = 0; y < b->high; y++)
                for (int64_t x = 0; x < b->wide; x++, unit++) {
                    const float *from = strip + ((i * rows + y * step) * cols + x * step) * p->chunk_ld;
#if DD_INT16
                    // A chunk of channels is a part, which ends with as many zeros as it takes.
                    int64_t c = 0;
                    for (; c < c1 - c0; c += DD_VL) DD_NAME(input_tile)(from + c, p->chunk_ld, cols * p->chunk_ld, n, tile, p->chunk_ld, c);
                    c = DD_NAME(end_part)(tile, p->chunk_ld, n * n, c);
                    float *slot = v + unit->offset;
                    DD_NAME(put_part)(tile, p->chunk_ld, c, n * n, slot + c0 / 2, DD_CONV_GROUP * p->ldv, slot + p->scales_at + c0 / p->chunk);
#else
                    (void)tile;
                    for (int64_t c = 0; c < c1 - c0; c += DD_VL)
                        DD_NAME(input_tile)(from + c, p->chunk_ld, cols * p->chunk_ld, n, v + unit->offset, DD_CONV_GROUP * p->ldv, c0 + c);
#endif
                }
    }
}

/// Planes x, Dx, Dy, Dxy of differences to the pixel on the left and above, each [images][high + 1][wide + 1][ldv].
static void DD_NAME(gather_upsample)(const dd_conv_plan *p, const block_place *b, dd_conv_unit *unit, float *strip, float *tile, float *v) {
    const int64_t rows = b->high + 2, cols = b->wide + 2;
    const int64_t plane = p->block_images * (p->block_high + 1) * (p->block_wide + 1) * p->ldv;
    for (int64_t c0 = 0; c0 < p->cin; c0 += p->chunk) {
        const int64_t c1 = dd_conv_min(c0 + p->chunk, p->cin);
        DD_NAME(load_strip)(p, b, b->y - 1, b->x - 1, rows, cols, c0, c1, strip);
        for (int64_t i = 0; i < b->images; i++)
            for (int64_t y = 0; y <= b->high; y++)
                for (int64_t x = 0; x <= b->wide; x++) {
                    const float *from = strip + ((i * rows + y + 1) * cols + x + 1) * p->chunk_ld;
                    float *slot = v + ((i * (p->block_high + 1) + y) * (p->block_wide + 1) + x) * p->ldv;
#if DD_INT16
                    float *to = tile;
                    const int64_t to_ld = p->chunk_ld;
#else
                    (void)tile;
                    float *to = slot + c0;
                    const int64_t to_ld = plane;
#endif
                    int64_t c = 0;
                    for (; c < c1 - c0; c += DD_VL) {
                        const vf here = load(from + c), left = load(from - p->chunk_ld + c);
                        const vf above = load(from - cols * p->chunk_ld + c), corner = load(from - (cols + 1) * p->chunk_ld + c);
                        store(to + c, here);
                        store(to + to_ld + c, here - left);
                        store(to + 2 * to_ld + c, here - above);
                        store(to + 3 * to_ld + c, (here - left) - (above - corner));
                    }
#if DD_INT16
                    c = DD_NAME(end_part)(tile, to_ld, 4, c);
                    DD_NAME(put_part)(tile, to_ld, c, 4, slot + c0 / 2, plane, slot + p->scales_at + c0 / p->chunk);
#endif
                }
    }
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = 0; y < b->high; y++)
            for (int64_t x = 0; x < b->wide; x++, unit++)
                unit->offset = ((i * (p->block_high + 1) + y) * (p->block_wide + 1) + x) * p->ldv;
}

/// Word offset of each product's inputs from a unit's.
static void DD_NAME(place_products)(const dd_conv_plan *p, int64_t *offsets) {
    if (p->kind == DD_CONV_UPSAMPLE_3X3) {
        const int64_t row = (p->block_wide + 1) * p->ldv, plane = p->block_images * (p->block_high + 1) * row;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                offsets[i * 3 + j] = ((i == 1 ? 0 : 2) + (j == 1 ? 0 : 1)) * plane + (i == 2 ? row : 0) + (j == 2 ? p->ldv : 0);
    } else {
        for (int64_t i = 0; i < p->products; i++) offsets[i] = i * DD_CONV_GROUP * p->ldv;
    }
}

// ---- multiplying ----

/// Products of one register tile into m, or added to it. Of int16, in multiples of scales[offset of a unit]; with `column_scales` what m
/// holds then is in multiples of these, for each channel its own.
DD_INLINE void DD_NAME(product_tile)(const int columns, const float *v, const int64_t *offsets, int64_t words,
                                     const float *weights, float *m, int adds, const float *scales, const float *column_scales) {
    DD_NAME(sum) acc[DD_ROWS][DD_COLUMNS];
    DD_UNROLL
    for (int r = 0; r < DD_ROWS; r++) {
        DD_UNROLL
        for (int j = 0; j < columns; j++) acc[r][j] = (DD_NAME(sum))splat(0);
    }
#if DD_INT16
    DD_NAME(accumulate)(acc, columns, v, offsets, words, weights);
    vf column[DD_COLUMNS];
    DD_UNROLL
    for (int j = 0; j < columns; j++) column[j] = column_scales ? load(column_scales + j * DD_VL) : splat(1);
    DD_UNROLL
    for (int r = 0; r < DD_ROWS; r++) {
        const vf scale = splat(scales[offsets[r]]);
        DD_UNROLL
        for (int j = 0; j < columns; j++) {
            float *to = m + r * DD_CONV_PANEL + j * DD_VL;
            vf sum = __builtin_convertvector(acc[r][j], vf) * scale;
            if (adds) sum += load(to);
            store(to, sum * column[j]);
        }
    }
#else
    (void)scales, (void)column_scales;
    if (adds) {
        DD_UNROLL
        for (int r = 0; r < DD_ROWS; r++) {
            DD_UNROLL
            for (int j = 0; j < columns; j++) acc[r][j] = load(m + r * DD_CONV_PANEL + j * DD_VL);
        }
    }
    DD_NAME(accumulate)(acc, columns, v, offsets, words, weights);
    DD_UNROLL
    for (int r = 0; r < DD_ROWS; r++) {
        DD_UNROLL
        for (int j = 0; j < columns; j++) store(m + r * DD_CONV_PANEL + j * DD_VL, acc[r][j]);
    }
#endif
}

/// A register tile of the direct kind, from v to y. Of int16, whose weights' scales are `column_scales`, each tap has scales of its own.
DD_INLINE void DD_NAME(direct_tile)(const dd_conv_plan *p, const int columns, const dd_conv_unit *unit, int64_t units,
                                    const float *v, const float *weights, const float *column_scales, const float *combined, int64_t c,
                                    sums *s) {
    const dd_conv_args *a = &p->a;
    const int64_t ky_words = p->strip_cols * p->ldv;
    int64_t offsets[DD_ROWS];
    for (int r = 0; r < DD_ROWS; r++) offsets[r] = unit[dd_conv_min(r, units - 1)].offset;
#if DD_INT16
    float tile[DD_ROWS * DD_CONV_PANEL];
    for (int64_t tap = 0; tap < a->kh * a->kw; tap++) {
        const float *from = v + tap / a->kw * ky_words + tap % a->kw * p->ldv;
        for (int64_t k = 0, part = 0; part < p->parts; k += p->part_words, part++) {
            const int64_t words = dd_conv_min(p->part_words, p->words - k);
            const int last = tap + 1 == a->kh * a->kw && part + 1 == p->parts;
            DD_NAME(product_tile)(columns, from + k, offsets, words, weights, tile, tap + part > 0, from + p->scales_at + part,
                                  last ? column_scales : 0);
            weights += words * DD_CONV_PANEL;
        }
    }
#else
    (void)column_scales;
    vf acc[DD_ROWS][DD_COLUMNS];
    DD_UNROLL
    for (int r = 0; r < DD_ROWS; r++) {
        DD_UNROLL
        for (int j = 0; j < columns; j++) acc[r][j] = splat(0);
    }
    for (int64_t ky = 0; ky < a->kh; ky++) {
        for (int64_t run = 0; run < p->runs / a->kh; run++, weights += p->run_words * DD_CONV_PANEL)
            DD_NAME(accumulate)(acc, columns, v + ky * ky_words + run * p->ldv, offsets, p->run_words, weights);
    }
#endif
    DD_UNROLL
    for (int r = 0; r < DD_ROWS; r++) {
        if (r >= units) break;
        DD_UNROLL
        for (int j = 0; j < columns; j++) {
#if DD_INT16
            const vf sum = load(tile + r * DD_CONV_PANEL + j * DD_VL);
#else
            const vf sum = acc[r][j];
#endif
            if (c + j * DD_VL < a->cout)
                finish(p, sum, combined + unit[r].image * p->cout_padded, unit[r].out_pixel, c + j * DD_VL, a->cout - c - j * DD_VL, s + j);
        }
    }
}

static void DD_NAME(direct_panel)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v,
                                  const float *combined, int64_t panel, int64_t block) {
    const float *scales = p->packed + panel * p->panel_rows * DD_CONV_PANEL, *weights = scales + DD_INT16 * DD_CONV_PANEL;
    sums s[DD_PARTS];
    for (int j = 0; j < DD_PARTS; j++) s[j] = no_sums();
    for (int64_t u = 0; u < units; u += DD_ROWS) {
        for (int part = 0; part < DD_PARTS; part += DD_COLUMNS) {
            const int64_t c = panel * DD_CONV_PANEL + part * DD_VL;
            if (c + DD_VL >= p->a.cout) {
                if (c < p->a.cout)
                    DD_NAME(direct_tile)(p, 1, unit + u, units - u, v, weights + part * DD_VL, scales + part * DD_VL, combined, c, s + part);
            } else {
                DD_NAME(direct_tile)(p, DD_COLUMNS, unit + u, units - u, v, weights + part * DD_VL, scales + part * DD_VL, combined, c, s + part);
            }
        }
    }
    for (int j = 0; j < DD_PARTS; j++) store_sums(p, block, panel * DD_CONV_PANEL + j * DD_VL, s[j]);
}

/// A product of a panel for all units, over `words` words of `v` and of `weights`.
DD_INLINE void DD_NAME(product_panel)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                                      int64_t panel, const float *weights, int64_t words, int adds, const float *scales,
                                      const float *column_scales) {
    const int64_t c0 = panel * DD_CONV_PANEL;
    for (int64_t u = 0; u < units; u += DD_ROWS) {
        int64_t offsets[DD_ROWS];
        for (int r = 0; r < DD_ROWS; r++) offsets[r] = unit[dd_conv_min(u + r, units - 1)].offset;
        float *to = m + u * DD_CONV_PANEL;
        for (int part = 0; part < DD_PARTS; part += DD_COLUMNS) {
            const int64_t c = c0 + part * DD_VL;
            const float *column = column_scales ? column_scales + part * DD_VL : 0;
            if (c + DD_VL >= p->a.cout) {
                if (c < p->a.cout)
                    DD_NAME(product_tile)(1, v, offsets, words, weights + part * DD_VL, to + part * DD_VL, adds, scales, column);
            } else {
                DD_NAME(product_tile)(DD_COLUMNS, v, offsets, words, weights + part * DD_VL, to + part * DD_VL, adds, scales, column);
            }
        }
    }
}

/// A product of a panel for all units, over all words.
DD_INLINE void DD_NAME(whole_product)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                                      int64_t panel, const float *weights) {
#if DD_INT16
    // Weights begin with their scales.
    const float *column_scales = weights;
    weights += DD_CONV_PANEL;
    for (int64_t k = 0, part = 0; part < p->parts; k += p->part_words, part++) {
        const int64_t words = dd_conv_min(p->part_words, p->words - k);
        DD_NAME(product_panel)(p, unit, units, v + k, m, panel, weights + k * DD_CONV_PANEL, words, part > 0, v + p->scales_at + part,
                               part + 1 == p->parts ? column_scales : 0);
    }
#else
    DD_NAME(product_panel)(p, unit, units, v, m, panel, weights, p->words, 0, 0, 0);
#endif
}

/// Products of a panel to results.
DD_INLINE void DD_NAME(output_panel)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *m, const float *combined,
                                     int64_t panel, int64_t block, const int n, const int tile) {
    // Kept apart from the plan, which the compiler would read again after each store.
    const dd_conv_args a = p->a;
    const int64_t ldm = p->ldm, row = p->out_width * a.ldy, residual_row = p->out_width * a.ld_residual;
    const int plain = a.activation != DD_CONV_ACTIVATION_SILU, streams = p->streams;
    for (int part = 0; part < DD_PARTS; part++) {
        const int64_t c = panel * DD_CONV_PANEL + part * DD_VL;
        const int whole = plain && c + DD_VL <= a.cout;
        sums s = no_sums();
        for (int64_t u = 0; u < units && c < a.cout; u++) {
            vf y[36];
            output_tile(m + u * DD_CONV_PANEL + part * DD_VL, ldm, n, tile, y);
            const float *add = combined + unit[u].image * p->cout_padded;
            if (whole && unit[u].rows == tile && unit[u].cols == tile) {
                const float *residual = a.residual ? a.residual + unit[u].out_pixel * a.ld_residual + c : 0;
                float *to = a.y + unit[u].out_pixel * a.ldy + c;
                if (residual && a.takes_moments)
                    write_unit(y, tile, load(add + c), residual, a.ld_residual, residual_row, to, a.ldy, row, streams, &s, 1);
                else if (residual)
                    write_unit(y, tile, load(add + c), residual, a.ld_residual, residual_row, to, a.ldy, row, streams, &s, 0);
                else if (a.takes_moments)
                    write_unit(y, tile, load(add + c), 0, 0, 0, to, a.ldy, row, streams, &s, 1);
                else
                    write_unit(y, tile, load(add + c), 0, 0, 0, to, a.ldy, row, streams, &s, 0);
                continue;
            }
            for (int i = 0; i < unit[u].rows; i++)
#pragma clang loop unroll(disable)
                for (int j = 0; j < unit[u].cols; j++)
                    finish(p, y[i * tile + j], add, unit[u].out_pixel + i * p->out_width + j, c, a.cout - c, &s);
        }
        store_sums(p, block, c, s);
    }
}

/// Panels of a kind with transforms, n * n products a unit.
DD_INLINE void DD_NAME(transformed_panels)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v,
                                           float *m, const float *combined, int64_t first, int64_t end, int64_t block, const int n,
                                           const int tile) {
    int64_t products[DD_CONV_PRODUCTS];
    DD_NAME(place_products)(p, products);
    for (; first < end; first += p->panel_group) {
        const int64_t count = dd_conv_min(p->panel_group, end - first);
        for (int64_t e = 0; e < n * n; e++) {
            const int64_t from = units * e / (n * n), to = units * (e + 1) / (n * n);
            for (int64_t i = 0; i < count; i++) fetch_results(p, unit + from, to - from, (first + i) * DD_CONV_PANEL);
            for (int64_t i = 0; i < count; i++)
                DD_NAME(whole_product)(p, unit, units, v + products[e], m + (i * p->products + e) * p->ldm, first + i,
                                       p->packed + ((first + i) * p->products + e) * p->product_rows * DD_CONV_PANEL);
        }
        for (int64_t i = 0; i < count; i++)
            DD_NAME(output_panel)(p, unit, units, m + i * p->products * p->ldm, combined, first + i, block, n, tile);
    }
}

#if DD_INT16
/// What a panel's products' transformed weights are multiples of, [n * n][32], and then the inverse of that.
DD_INLINE const float *DD_NAME(plain_scales)(const dd_conv_plan *p, int64_t panel, const int n) {
    return p->packed + ((panel + 1) * p->panel_rows - 2 * n * n) * DD_CONV_PANEL;
}
#endif

/// Words k ..< k + count of a panel's plain weights, [9][words][32], transformed: [n * n][count][32], p->ldw apart.
DD_INLINE void DD_NAME(transform_weights)(const dd_conv_plan *p, int64_t panel, int64_t k, int64_t count, float *out, const int n) {
    const int64_t stride = p->words * DD_CONV_PANEL, ldw = p->ldw;
    const float *from = p->packed + panel * p->panel_rows * DD_CONV_PANEL + k * DD_CONV_PANEL;
#if DD_INT16
    const float *inverse = DD_NAME(plain_scales)(p, panel, n) + n * n * DD_CONV_PANEL;
#endif
    for (int64_t at = 0; at < count * DD_CONV_PANEL; at += DD_VL) {
        vf taps[9], half[6][3], products[6];
        float *to = out + at;
#if !DD_INT16
        DD_UNROLL
        for (int t = 0; t < 9; t++) taps[t] = load(from + t * stride + at);
        weights_columns(taps, n, half);
        DD_UNROLL
        for (int i = 0; i < n; i++) {
            weights_row(half[i][0], half[i][1], half[i][2], n, products);
            DD_UNROLL
            for (int j = 0; j < n; j++, to += ldw) store(to, products[j]);
        }
#else
        vf low_half[6][3], low[6];
        DD_UNROLL
        for (int t = 0; t < 9; t++) taps[t] = __builtin_convertvector((vi)load(from + t * stride + at) << 16 >> 16, vf);
        weights_columns(taps, n, low_half);
        DD_UNROLL
        for (int t = 0; t < 9; t++) taps[t] = __builtin_convertvector((vi)load(from + t * stride + at) >> 16, vf);
        weights_columns(taps, n, half);
        DD_UNROLL
        for (int i = 0; i < n; i++) {
            weights_row(low_half[i][0], low_half[i][1], low_half[i][2], n, low);
            weights_row(half[i][0], half[i][1], half[i][2], n, products);
            DD_UNROLL
            for (int j = 0; j < n; j++, to += ldw) {
                const vf factor = load(inverse + (i * n + j) * DD_CONV_PANEL + at % DD_CONV_PANEL);
                store(to, DD_NAME(words_of)(DD_NAME(whole)(low[j], factor), DD_NAME(whole)(products[j], factor)));
            }
        }
#endif
    }
}

/// Panels of a kind whose weights are transformed on the way, some words of a panel at once.
DD_INLINE void DD_NAME(plain_panels)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                                     float *weights, const float *combined, int64_t first, int64_t end, int64_t block, const int n,
                                     const int tile) {
    int64_t products[DD_CONV_PRODUCTS];
    DD_NAME(place_products)(p, products);
    for (int64_t panel = first; panel < end; panel++) {
#if DD_INT16
        const float *column_scales = DD_NAME(plain_scales)(p, panel, n);
#endif
        for (int64_t k = 0; k < p->words; k += p->words_at_once) {
            const int64_t count = dd_conv_min(p->words_at_once, p->words - k);
            DD_NAME(transform_weights)(p, panel, k, count, weights, n);
            for (int64_t e = 0; e < n * n; e++) {
                if (k + count == p->words) {
                    const int64_t from = units * e / (n * n), to = units * (e + 1) / (n * n);
                    fetch_results(p, unit + from, to - from, panel * DD_CONV_PANEL);
                }
#if DD_INT16
                const float *scales = v + products[e] + p->scales_at + k / p->part_words;
                const float *column = k + count == p->words ? column_scales + e * DD_CONV_PANEL : 0;
#else
                const float *scales = 0, *column = 0;
#endif
                DD_NAME(product_panel)(p, unit, units, v + products[e] + k, m + e * p->ldm, panel, weights + e * p->ldw, count, k > 0,
                                       scales, column);
            }
        }
        DD_NAME(output_panel)(p, unit, units, m, combined, panel, block, n, tile);
    }
}

static void DD_NAME(gather_f6)(const dd_conv_plan *p, const block_place *b, dd_conv_unit *units, float *strip, float *tile, float *v) {
    DD_NAME(gather_winograd)(p, b, units, strip, tile, v, 8);
}

static void DD_NAME(gather_f4)(const dd_conv_plan *p, const block_place *b, dd_conv_unit *units, float *strip, float *tile, float *v) {
    DD_NAME(gather_winograd)(p, b, units, strip, tile, v, 6);
}

static void DD_NAME(gather_f2)(const dd_conv_plan *p, const block_place *b, dd_conv_unit *units, float *strip, float *tile, float *v) {
    DD_NAME(gather_winograd)(p, b, units, strip, tile, v, 4);
}

static void DD_NAME(gather_stride_2)(const dd_conv_plan *p, const block_place *b, dd_conv_unit *units, float *strip, float *tile, float *v) {
    DD_NAME(gather_winograd)(p, b, units, strip, tile, v, 5);
}

static void DD_NAME(panels_stride_2)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                                     const float *combined, int64_t first, int64_t end, int64_t block) {
    DD_NAME(transformed_panels)(p, unit, units, v, m, combined, first, end, block, 5, 2);
}

static void DD_NAME(panels_f6)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                               const float *combined, int64_t first, int64_t end, int64_t block) {
    DD_NAME(transformed_panels)(p, unit, units, v, m, combined, first, end, block, 8, 6);
}

static void DD_NAME(panels_f4)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                               const float *combined, int64_t first, int64_t end, int64_t block) {
    DD_NAME(transformed_panels)(p, unit, units, v, m, combined, first, end, block, 6, 4);
}

static void DD_NAME(panels_f2)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                               const float *combined, int64_t first, int64_t end, int64_t block) {
    DD_NAME(transformed_panels)(p, unit, units, v, m, combined, first, end, block, 4, 2);
}

static void DD_NAME(panels_f4_plain)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                                     float *weights, const float *combined, int64_t first, int64_t end, int64_t block) {
    DD_NAME(plain_panels)(p, unit, units, v, m, weights, combined, first, end, block, 6, 4);
}

static void DD_NAME(panels_f2_plain)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                                     float *weights, const float *combined, int64_t first, int64_t end, int64_t block) {
    DD_NAME(plain_panels)(p, unit, units, v, m, weights, combined, first, end, block, 4, 2);
}

static void DD_NAME(panels_up)(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, const float *v, float *m,
                               const float *combined, int64_t first, int64_t end, int64_t block) {
    DD_NAME(transformed_panels)(p, unit, units, v, m, combined, first, end, block, 3, 2);
}

static void DD_NAME(task)(const dd_conv_plan *p, int64_t task, int worker) {
    char *slice = p->scratch + (size_t)worker * p->worker_bytes;
    dd_conv_unit *units = (dd_conv_unit *)(slice + p->units_at);
    float *combined = (float *)(slice + p->combined_at), *strip = (float *)(slice + p->strip_at), *tile = (float *)(slice + p->tile_at);
    float *v = (float *)(slice + p->v_at), *m = (float *)(slice + p->m_at);
    const int64_t block = task / p->panel_tasks, first = task % p->panel_tasks * p->panels_per_task;
    const block_place b = place_of(p, block);
    if (*(int64_t *)slice != block) {
        *(int64_t *)slice = block;
        place_units(p, &b, units);
        combine_additions(p, b.first_image, b.images, combined);
        switch (p->kind) {
            case DD_CONV_DIRECT: DD_NAME(gather_direct)(p, &b, units, strip, v); break;
            case DD_CONV_UPSAMPLE_3X3: DD_NAME(gather_upsample)(p, &b, units, strip, tile, v); break;
            case DD_CONV_WINOGRAD_F2:
            case DD_CONV_WINOGRAD_F2_PLAIN: DD_NAME(gather_f2)(p, &b, units, strip, tile, v); break;
            case DD_CONV_WINOGRAD_F4:
            case DD_CONV_WINOGRAD_F4_PLAIN: DD_NAME(gather_f4)(p, &b, units, strip, tile, v); break;
            case DD_CONV_WINOGRAD_F6: DD_NAME(gather_f6)(p, &b, units, strip, tile, v); break;
            case DD_CONV_WINOGRAD_STRIDE_2: DD_NAME(gather_stride_2)(p, &b, units, strip, tile, v); break;
        }
    }
    const int64_t count = b.images * b.high * b.wide;
    const int64_t end = dd_conv_min(first + p->panels_per_task, p->panels);
    switch (p->kind) {
        case DD_CONV_DIRECT:
            for (int64_t panel = first; panel < end; panel++) DD_NAME(direct_panel)(p, units, count, v, combined, panel, block);
            break;
        case DD_CONV_UPSAMPLE_3X3: DD_NAME(panels_up)(p, units, count, v, m, combined, first, end, block); break;
        case DD_CONV_WINOGRAD_F2: DD_NAME(panels_f2)(p, units, count, v, m, combined, first, end, block); break;
        case DD_CONV_WINOGRAD_F2_PLAIN:
            DD_NAME(panels_f2_plain)(p, units, count, v, m, (float *)(slice + p->weights_at), combined, first, end, block);
            break;
        case DD_CONV_WINOGRAD_F4_PLAIN:
            DD_NAME(panels_f4_plain)(p, units, count, v, m, (float *)(slice + p->weights_at), combined, first, end, block);
            break;
        case DD_CONV_WINOGRAD_F4: DD_NAME(panels_f4)(p, units, count, v, m, combined, first, end, block); break;
        case DD_CONV_WINOGRAD_F6: DD_NAME(panels_f6)(p, units, count, v, m, combined, first, end, block); break;
        case DD_CONV_WINOGRAD_STRIDE_2: DD_NAME(panels_stride_2)(p, units, count, v, m, combined, first, end, block); break;
    }
#if DD_VL == 16
    if (p->streams) _mm_sfence();
#endif
}
