// Nearest-neighbour upsampling by two, then 3x3 with stride 1 and padding 1, computed on the small image with 9 products for 36. Seen from source
// pixel x[i], with D[i] = x[i] - x[i - 1], three taps g0, g1, g2 give
//
//     y[2i]     = g0 x[i-1] + (g1 + g2) x[i] = (g0 + g1 + g2) x[i] - g0 D[i]
//     y[2i + 1] = (g0 + g1) x[i] + g2 x[i+1] = (g0 + g1 + g2) x[i] + g2 D[i + 1]
//
// which are three products, the weights' side taking the sign: D[i], x[i], D[i + 1].
#ifdef DD_CONV_KERNELS

/// Planes x, Dx, Dy, Dxy of differences to the pixel on the left and above, each [images][high + 1][wide + 1][ldv].
DD_INLINE void gather_planes(const dd_precision precision, const dd_conv_block *b) {
    const dd_conv_plan *p = b->plan;
    const int integers = precision == DD_PRECISION_INT16;
    const int64_t rows = b->high + 2, cols = b->wide + 2, wide = p->block_wide + 1, high = p->block_high + 1, plane = p->block_images * high * wide * p->ldv;
    for (int64_t c0 = 0; c0 < p->cin; c0 += p->chunk) {
        const int64_t c1 = dd_min(c0 + p->chunk, p->cin);
        load_strip(precision, b, b->y - 1, b->x - 1, rows, cols, c0, c1);
        for (int64_t i = 0; i < b->images; i++)
            for (int64_t y = 0; y <= b->high; y++)
                for (int64_t x = 0; x <= b->wide; x++) {
                    const float *from = b->strip + ((i * rows + y + 1) * cols + x + 1) * p->chunk_ld;
                    float *slot = b->v + ((i * high + y) * wide + x) * p->ldv, *to = integers ? b->tile : slot + c0;
                    const int64_t to_ld = integers ? p->chunk_ld : plane;
                    int64_t c = 0;
                    for (; c < c1 - c0; c += DD_VW) {
                        const vf here = v_load(from + c), left = v_load(from - p->chunk_ld + c);
                        const vf above = v_load(from - cols * p->chunk_ld + c), corner = v_load(from - (cols + 1) * p->chunk_ld + c);
                        v_store(to + c, here);
                        v_store(to + to_ld + c, here - left);
                        v_store(to + 2 * to_ld + c, here - above);
                        v_store(to + 3 * to_ld + c, (here - left) - (above - corner));
                    }
                    if (!integers) continue;
                    c = end_part(to, to_ld, 4, c);
                    put_part(to, to_ld, c, 4, slot + c0 / 2, plane, slot + p->scales_at + c0 / p->chunk);
                }
    }
    dd_conv_unit *unit = b->units;
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = 0; y < b->high; y++)
            for (int64_t x = 0; x < b->wide; x++, unit++) unit->offset = ((i * high + y) * wide + x) * p->ldv;
}

DD_INLINE void output_up(const vf m[3], vf y[2]) {
    y[0] = m[1] + m[0];
    y[1] = m[1] + m[2];
}

static const transform up = {3, 2, NULL, output_up, NULL};

DD_INLINE void up_panels(const dd_precision precision, const dd_conv_block *b, int64_t first, int64_t end) {
    const dd_conv_plan *p = b->plan;
    const int64_t row = (p->block_wide + 1) * p->ldv, plane = p->block_images * (p->block_high + 1) * row;
    int64_t offsets[9];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) offsets[i * 3 + j] = ((i == 1 ? 0 : 2) + (j == 1 ? 0 : 1)) * plane + (i == 2 ? row : 0) + (j == 2 ? p->ldv : 0);
    transformed_panels(precision, up, b, offsets, first, end);
}

DD_CONV_BOTH(upsample_3x3, gather_planes(precision, b), up_panels(precision, b, first, end))

#else

static const double up_rows[3][3] = {{-1, 0, 0}, {1, 1, 1}, {0, 0, 1}};

static int can_upsample(const dd_conv_args *a) {
    return is_3x3(a, 1) && a->upsamples && a->pad_top == 1 && a->pad_left == 1 && a->pad_bottom == 1 && a->pad_right == 1;
}

static void lay_out_planes(dd_conv_plan *p) { p->slots = 4 * p->block_images * (p->block_high + 1) * (p->block_wide + 1); }

static const dd_conv_algorithm upsample_3x3 = {
    .name = "upsample_3x3",
    .can = can_upsample,
    .error = {[DD_PRECISION_FLOAT32] = 5e-6, [DD_PRECISION_INT16] = 1e-3},
    .side = 3,
    .tile = 2,
    .rows = up_rows,
    .lay_out = lay_out_planes,
    .units = {256, 256, 256},
    .panels_together = 1,
};
#endif
