// Winograd F(2x2, 3x3), points 0, 1, -1, infinity: 16 products for 36. Transformed weights take 16/9 of the memory; the plain way transforms them in
// float32 while they are used.
#ifdef DD_CONV_KERNELS

DD_INLINE void input_f2(const vf d[4], vf t[4]) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
}

DD_INLINE void output_f2(const vf m[4], vf y[2]) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] + m[3];
}

DD_INLINE void weights_f2(vf g0, vf g1, vf g2, vf out[4]) {
    const vf ends = (g0 + g2) * 0.5f, middle = g1 * 0.5f;
    out[0] = g0;
    out[1] = ends + middle;
    out[2] = ends - middle;
    out[3] = g2;
}

static const transform f2 = {4, 2, input_f2, output_f2, weights_f2};
DD_CONV_BOTH(winograd_f2, gather_tiles(precision, f2, b), transformed_tiles(precision, f2, b, first, end))
DD_CONV_BOTH(winograd_f2_plain, gather_tiles(precision, f2, b), plain_panels(precision, f2, b, first, end))

#else

static const double f2_rows[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

// With fewer than 64 pixels the direct way is faster: tiles are multiplied by eights, and at 8 x 8 there are 16. At 8 x 8 it takes 0.5 of the direct
// way's time even where all weights come from memory, and 0.64 (in int16: 0.72) if it transforms them itself. In float32 that is better than the
// 1.3 GB that a step of the released sizes would take more.
static const dd_conv_algorithm winograd_f2 = {
    .name = "winograd_f2",
    .can = can_3x3,
    .error = {[DD_PRECISION_FLOAT32] = 5e-6, [DD_PRECISION_INT16] = 1e-3},
    .side = 4,
    .tile = 2,
    .rows = f2_rows,
    .lay_out = lay_out_tiles,
    .units = {32, 32, 64},
    .panels_together = 4,
    .least_channels = 8,
    .from_pixels = {[DD_PRECISION_FLOAT32] = DD_CONV_NEVER, [DD_PRECISION_INT16] = 64},
};

static const dd_conv_algorithm winograd_f2_plain = {
    .name = "winograd_f2_plain",
    .can = can_3x3,
    .error = {[DD_PRECISION_FLOAT32] = 5e-6, [DD_PRECISION_INT16] = 1e-3},
    .side = 4,
    .tile = 2,
    .rows = f2_rows,
    .plain = 1,
    .words_at_once = 128,
    .lay_out = lay_out_tiles,
    .units = {64, 64, 64},
    .panels_together = 1,
    .least_channels = 8,
    .from_pixels = {[DD_PRECISION_FLOAT32] = 64, [DD_PRECISION_INT16] = 64},
};
#endif
