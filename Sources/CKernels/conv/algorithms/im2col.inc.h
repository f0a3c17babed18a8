// The matrix product itself, in bfloat16: the pixels under the kernel of each output pixel are copied to a row, which the GEMM's tiles read. Copies are
// a share of 1 / cout of the work. Worth it where products are so fast that transforms would be most of the work.
#ifdef DD_CONV_KERNELS

/// Rows of all taps, [units][ldv], and behind them the block's normalised pixels, each once.
static void gather_rows(const dd_conv_block *b) {
    const dd_conv_plan *p = b->plan;
    const dd_conv_args *a = &p->a;
    const int64_t rows = (b->high - 1) * a->stride + a->kh, cols = (b->wide - 1) * a->stride + a->kw, words = p->words;
    float *pixels = b->v + p->block_groups * DD_CONV_GROUP * p->ldv, *pixel = pixels;
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = 0; y < rows; y++)
            for (int64_t x = 0; x < cols; x++, pixel += words) {
                load_or_pad(p, b->first_image + i, b->y * a->stride - a->pad_top + y, b->x * a->stride - a->pad_left + x, 0, p->cin, b->strip);
                dd_bfloat16_in_place *halves = (dd_bfloat16_in_place *)(void *)pixel;
                int64_t c = 0;
                for (; c + DD_VW <= p->cin; c += DD_VW) v_store_bfloat16((uint16_t *)(void *)(pixel + c / 2), v_load(b->strip + c));
                for (; c < 2 * words; c++) halves[c] = c < p->cin ? dd_bfloat16_from_float(b->strip[c]) : 0;
            }
    float *row = b->v;
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = 0; y < b->high; y++)
            for (int64_t x = 0; x < b->wide; x++, row += p->ldv)
                for (int64_t ky = 0; ky < a->kh; ky++) // the taps of a row lie side by side
                    memcpy(row + ky * a->kw * words, pixels + ((i * rows + y * a->stride + ky) * cols + x * a->stride) * words,
                           (size_t)(a->kw * words) * sizeof(float));
}

static void panels_of_rows(const dd_conv_block *b, int64_t first, int64_t end) {
    const dd_conv_plan *p = b->plan;
    const dd_gemm_kernels *gemm = dd_gemm_kernels_for(DD_PRECISION_BFLOAT16);
    _Alignas(64) float tile[DD_TILE_ROWS * DD_CONV_PANEL];
    for (int64_t panel = first; panel < end; panel++) {
        sums s[PARTS];
        for (int j = 0; j < PARTS; j++) s[j] = no_sums();
        const int64_t left = p->a.cout - panel * DD_CONV_PANEL;
        for (int64_t u = 0; u < b->count; u += gemm->tile_rows) {
            const int64_t count = dd_min(gemm->tile_rows, b->count - u);
            fetch_results(p, b->units + u, count, panel * DD_CONV_PANEL);
            gemm->formats[DD_PRECISION_BFLOAT16].tile(count, dd_tile_columns(left), 2 * p->words * p->products, b->v + u * p->ldv, 2 * p->ldv,
                                                      p->packed + panel * p->panel_rows * DD_CONV_PANEL, tile, DD_CONV_PANEL, 0);
            for (int64_t r = 0; r < count; r++) {
                const dd_conv_unit *unit = b->units + u + r;
                for (int j = 0; j < PARTS && j * DD_VW < left; j++)
                    finish(p, v_load(tile + r * DD_CONV_PANEL + j * DD_VW), b->combined + unit->image * p->cout_padded, unit->out_pixel,
                           panel * DD_CONV_PANEL + j * DD_VW, left - j * DD_VW, s + j);
            }
        }
        for (int j = 0; j < PARTS; j++) store_sums(p, b->index, panel * DD_CONV_PANEL + j * DD_VW, s[j]);
    }
    if (p->streams) v_end_stream();
}

static const dd_conv_kernel im2col[DD_PRECISION_COUNT] = {[DD_PRECISION_BFLOAT16] = {gather_rows, panels_of_rows}};

#else

static void lay_out_rows(dd_conv_plan *p) {
    p->ldv = dd_round_up(p->words * p->products, 16);
    if (p->ldv % 256 == 0) p->ldv += 16; // rows a multiple of 1 KiB apart would fall into few cache sets
    const int64_t pixels = p->block_images * p->strip_rows * p->strip_cols * p->words;
    p->slots = p->block_groups * DD_CONV_GROUP + dd_ceil_div(pixels, p->ldv);
}

static const dd_conv_algorithm im2col = {
    .name = "im2col",
    .can = can_direct,
    .error = {[DD_PRECISION_BFLOAT16] = 1e-2},
    .tile = 1,
    .lay_out = lay_out_rows,
    .units = {128, 128, 128},
    .panels_together = 1,
    .least_channels = 32,
};
#endif
