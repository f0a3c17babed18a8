// 3x3 with stride 2 in the manner of Winograd: 25 products for 36. Transformed weights take 25/9 of the memory.
#ifdef DD_CONV_KERNELS

/// Two outputs of three taps with stride 2: y0 = g0 x0 + g1 x1 + g2 x2, y1 = g0 x2 + g1 x3 + g2 x4. The two outer taps meet even pixels, for which
/// F(2,2) takes three products for four, the middle one odd pixels:
///
///     g0 x0 + g2 x2 = g0 (x0 - x2) + (g0 + g2) x2,    g0 x2 + g2 x4 = (g0 + g2) x2 + g2 (x4 - x2).
DD_INLINE void input_stride_2(const vf d[5], vf t[5]) {
    t[0] = d[0] - d[2];
    t[1] = d[2];
    t[2] = d[4] - d[2];
    t[3] = d[1];
    t[4] = d[3];
}

DD_INLINE void output_stride_2(const vf m[5], vf y[2]) {
    y[0] = m[0] + m[1] + m[3];
    y[1] = m[1] + m[2] + m[4];
}

static const transform stride_2 = {5, 2, input_stride_2, output_stride_2, NULL};
DD_CONV_BOTH(winograd_stride_2, gather_tiles(precision, stride_2, b), transformed_tiles(precision, stride_2, b, first, end))

#else

/// F(2,2) of the outer taps, and the middle one for each of two outputs.
static const double stride_2_rows[5][3] = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}, {0, 1, 0}};

static int can_stride_2(const dd_conv_args *a) { return is_3x3(a, 2) && !a->upsamples; }

static const dd_conv_algorithm winograd_stride_2 = {
    .name = "winograd_stride_2",
    .can = can_stride_2,
    .error = {[DD_PRECISION_FLOAT32] = 5e-6, [DD_PRECISION_INT16] = 1e-3},
    .side = 5,
    .tile = 2,
    .rows = stride_2_rows,
    .lay_out = lay_out_tiles,
    .units = {16, 32, 64},
    .panels_together = 1,
    .least_channels = 8,
    // It saves a quarter to a fifth of the time; with fewer pixels that is not worth the larger weights.
    .from_pixels = {[DD_PRECISION_FLOAT32] = 1024, [DD_PRECISION_INT16] = 1024},
};
#endif
