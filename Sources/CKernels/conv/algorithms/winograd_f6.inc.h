// Winograd F(6x6, 3x3), points 0, +-1, +-1/2, +-2, infinity; the first row's sign is turned. 64 products for 324, for large images: tiles of 6 x 6 fit
// small ones badly. Transformed weights take 64/9 of the memory; int16 would lose too many digits.
#ifdef DD_CONV_KERNELS

DD_INLINE void input_f6(const vf d[8], vf t[8]) {
    t[0] = d[0] - d[6] + (d[4] - d[2]) * 5.25f;
    const vf even = d[6] - d[4] * 4.25f + d[2], odd = d[5] - d[3] * 4.25f + d[1];
    t[1] = even + odd;
    t[2] = even - odd;
    const vf even_half = d[6] - d[4] * 5 + d[2] * 4, odd_half = d[5] * 0.5f - d[3] * 2.5f + d[1] * 2;
    t[3] = even_half + odd_half;
    t[4] = even_half - odd_half;
    const vf even_two = d[6] - d[4] * 1.25f + d[2] * 0.25f, odd_two = d[5] * 2 - d[3] * 2.5f + d[1] * 0.5f;
    t[5] = even_two + odd_two;
    t[6] = even_two - odd_two;
    t[7] = d[7] - d[1] + (d[3] - d[5]) * 5.25f;
}

DD_INLINE void output_f6(const vf m[8], vf y[6]) {
    const vf sum = m[1] + m[2], difference = m[1] - m[2], sum_half = m[3] + m[4], difference_half = m[3] - m[4];
    const vf sum_two = m[5] + m[6], difference_two = m[5] - m[6];
    y[0] = m[0] + sum + sum_half + sum_two;
    y[1] = difference + difference_half * 0.5f + difference_two * 2;
    y[2] = sum + sum_half * 0.25f + sum_two * 4;
    y[3] = difference + difference_half * 0.125f + difference_two * 8;
    y[4] = sum + sum_half * 0.0625f + sum_two * 16;
    y[5] = difference + m[7] + difference_half * 0.03125f + difference_two * 32;
}

static const transform f6 = {8, 6, input_f6, output_f6, NULL};
DD_CONV_FLOAT32(winograd_f6, gather_tiles(precision, f6, b), transformed_tiles(precision, f6, b, first, end))

#else

static const double f6_rows[8][3] = {
    {1, 0, 0},
    {-2.0 / 9, -2.0 / 9, -2.0 / 9},
    {-2.0 / 9, 2.0 / 9, -2.0 / 9},
    {32.0 / 45, 16.0 / 45, 8.0 / 45},
    {32.0 / 45, -16.0 / 45, 8.0 / 45},
    {1.0 / 90, 2.0 / 90, 4.0 / 90},
    {1.0 / 90, -2.0 / 90, 4.0 / 90},
    {0, 0, 1},
};

static const dd_conv_algorithm winograd_f6 = {
    .name = "winograd_f6",
    .can = can_3x3,
    .error = {[DD_PRECISION_FLOAT32] = 1e-4},
    .side = 8,
    .tile = 6,
    .rows = f6_rows,
    .lay_out = lay_out_tiles,
    .units = {8, 8, 8},
    .panels_together = 1,
    .least_channels = 8,
    .from_pixels = {[DD_PRECISION_FLOAT32] = 256 * 256},
};
#endif
