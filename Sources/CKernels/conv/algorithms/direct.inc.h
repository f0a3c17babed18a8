// The implicit matrix product: any kernel size, stride and padding. v holds a block's input pixels, which units share.
#ifdef DD_CONV_KERNELS

DD_INLINE void gather_pixels(const dd_precision precision, const dd_conv_block *b) {
    const dd_conv_plan *p = b->plan;
    const dd_conv_args *a = &p->a;
    const int64_t rows = (b->high - 1) * a->stride + a->kh, cols = (b->wide - 1) * a->stride + a->kw;
    const int64_t top = b->y * a->stride - a->pad_top, left = b->x * a->stride - a->pad_left;
    float *pixel = b->strip; // before it becomes integers
    for (int64_t i = 0; i < b->images; i++) {
        for (int64_t y = 0; y < rows; y++) {
            float *slot = b->v + (i * p->strip_rows + y) * p->strip_cols * p->ldv;
            for (int64_t x = 0; x < cols; x++, slot += p->ldv) {
                if (precision == DD_PRECISION_FLOAT32) {
                    load_or_pad(p, b->first_image + i, top + y, left + x, 0, p->cin, slot);
                    continue;
                }
                clear_end(precision, pixel, 0, p->cin);
                load_or_pad(p, b->first_image + i, top + y, left + x, 0, p->cin, pixel);
                end_part(pixel, 0, 1, dd_round_up(p->cin, DD_VW));
                for (int64_t c = 0, part = 0; part < p->parts; c += 2 * p->part_words, part++) {
                    const int64_t count = dd_min(2 * p->part_words, dd_round_up(p->cin - c, 2 * DD_VW));
                    put_part(pixel + c, 0, count, 1, slot + c / 2, 0, slot + p->scales_at + part);
                }
            }
        }
    }
    dd_conv_unit *unit = b->units;
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = 0; y < b->high; y++)
            for (int64_t x = 0; x < b->wide; x++, unit++) unit->offset = ((i * p->strip_rows + y * a->stride) * p->strip_cols + x * a->stride) * p->ldv;
}

/// A register tile, from v to y. Of int16, whose weights' scales are `column_scales`, each tap has scales of its own.
DD_INLINE void direct_tile(const dd_precision precision, const int columns, const dd_conv_block *b, int64_t u, const float *weights, const float *column_scales,
                           int64_t c, sums *s) {
    const dd_conv_plan *p = b->plan;
    const dd_conv_args *a = &p->a;
    const dd_conv_unit *unit = b->units + u;
    const int64_t units = b->count - u, ky_words = p->strip_cols * p->ldv;
    int64_t offsets[ROWS];
    for (int r = 0; r < ROWS; r++) offsets[r] = unit[dd_min(r, units - 1)].offset;
    float tile[ROWS * DD_CONV_PANEL];
    vf acc[ROWS][COLUMNS];
    if (precision == DD_PRECISION_INT16) {
        for (int64_t tap = 0; tap < a->kh * a->kw; tap++) {
            const float *from = b->v + tap / a->kw * ky_words + tap % a->kw * p->ldv;
            for (int64_t k = 0, part = 0; part < p->parts; k += p->part_words, part++) {
                const int64_t words = dd_min(p->part_words, p->words - k);
                const int last = tap + 1 == a->kh * a->kw && part + 1 == p->parts;
                product_tile(precision, columns, from + k, offsets, words, weights, tile, tap + part > 0, from + p->scales_at + part, last ? column_scales : 0);
                weights += words * DD_CONV_PANEL;
            }
        }
    } else {
        DD_UNROLL
        for (int r = 0; r < ROWS; r++) {
            DD_UNROLL
            for (int j = 0; j < columns; j++) acc[r][j] = v_splat(0);
        }
        for (int64_t ky = 0; ky < a->kh; ky++)
            for (int64_t run = 0; run < p->runs / a->kh; run++, weights += p->run_words * DD_CONV_PANEL)
                accumulate(precision, acc, columns, b->v + ky * ky_words + run * p->ldv, offsets, p->run_words, weights);
    }
    DD_UNROLL
    for (int r = 0; r < ROWS; r++) {
        if (r >= units) break;
        DD_UNROLL
        for (int j = 0; j < columns; j++) {
            const vf sum = precision == DD_PRECISION_INT16 ? v_load(tile + r * DD_CONV_PANEL + j * DD_VW) : acc[r][j];
            if (c + j * DD_VW < a->cout)
                finish(p, sum, b->combined + unit[r].image * p->cout_padded, unit[r].out_pixel, c + j * DD_VW, a->cout - c - j * DD_VW, s + j);
        }
    }
}

DD_INLINE void direct_panels(const dd_precision precision, const dd_conv_block *b, int64_t first, int64_t end) {
    const dd_conv_plan *p = b->plan;
    for (int64_t panel = first; panel < end; panel++) {
        const float *scales = p->packed + panel * p->panel_rows * DD_CONV_PANEL;
        const float *weights = precision == DD_PRECISION_INT16 ? scales + DD_CONV_PANEL : scales;
        sums s[PARTS];
        for (int j = 0; j < PARTS; j++) s[j] = no_sums();
        for (int64_t u = 0; u < b->count; u += ROWS) {
            for (int part = 0; part < PARTS; part += COLUMNS) {
                const int64_t c = panel * DD_CONV_PANEL + part * DD_VW, left = p->a.cout - c;
                if (left > DD_VW)
                    direct_tile(precision, COLUMNS, b, u, weights + part * DD_VW, scales + part * DD_VW, c, s + part);
                else if (left > 0)
                    direct_tile(precision, 1, b, u, weights + part * DD_VW, scales + part * DD_VW, c, s + part);
            }
        }
        for (int j = 0; j < PARTS; j++) store_sums(p, b->index, panel * DD_CONV_PANEL + j * DD_VW, s[j]);
    }
    if (p->streams) v_end_stream();
}

DD_CONV_BOTH(direct, gather_pixels(precision, b), direct_panels(precision, b, first, end))

#else

static int can_direct(const dd_conv_args *a) { return !a->upsamples; }

/// A slot for each input pixel. In float32 dense pixels make the taps of a row one stretch; at strides that fall into few cache sets they are set apart.
static void lay_out_pixels(dd_conv_plan *p) {
    p->slots = p->block_images * p->strip_rows * p->strip_cols;
    if (p->precision == DD_PRECISION_INT16) return;
    p->ldv = p->words % 256 == 0 ? p->words + 16 : p->words;
    p->runs = p->ldv == p->words ? p->a.kh : p->a.kh * p->a.kw;
    p->run_words = p->ldv == p->words ? p->a.kw * p->words : p->words;
}

static const dd_conv_algorithm direct = {
    .name = "direct",
    .can = can_direct,
    .error = {[DD_PRECISION_FLOAT32] = 5e-6, [DD_PRECISION_INT16] = 1e-3},
    .tile = 1,
    .lay_out = lay_out_pixels,
    .units = {192, 192, 192},
    .panels_together = 1,
    .float32_below_channels = 32, // bringing each tap's sum to float32 would be most of the work
};
#endif
