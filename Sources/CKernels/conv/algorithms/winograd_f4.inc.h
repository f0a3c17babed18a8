// Winograd F(4x4, 3x3), points 0, +-p, +-q, infinity with p = 2/3, q = 3/2, so that p q = 1: 36 products for 144. Transformed weights take four
// times the memory; the plain way transforms them in float32 while they are used, which costs less than reading them where there are few pixels.
#ifdef DD_CONV_KERNELS

/// Row a holds the coefficients of the product of (x - b) over the other points b.
DD_INLINE void input_f4(const vf d[6], vf t[6]) {
    const float p = 2.0f / 3, q = 1.5f, pp = 4.0f / 9, qq = 2.25f, sum = 97.0f / 36;
    t[0] = d[4] - d[2] * sum + d[0];
    const vf even_p = d[4] - d[2] * qq, odd_p = d[3] * p - d[1] * q;
    t[1] = even_p + odd_p;
    t[2] = even_p - odd_p;
    const vf even_q = d[4] - d[2] * pp, odd_q = d[3] * q - d[1] * p;
    t[3] = even_q + odd_q;
    t[4] = even_q - odd_q;
    t[5] = d[5] - d[3] * sum + d[1];
}

/// Row i holds the i-th powers of the points.
DD_INLINE void output_f4(const vf m[6], vf y[4]) {
    const float p = 2.0f / 3, q = 1.5f, pp = 4.0f / 9, qq = 2.25f, ppp = 8.0f / 27, qqq = 3.375f;
    const vf sum_p = m[1] + m[2], difference_p = m[1] - m[2], sum_q = m[3] + m[4], difference_q = m[3] - m[4];
    y[0] = m[0] + sum_p + sum_q;
    y[1] = difference_p * p + difference_q * q;
    y[2] = sum_p * pp + sum_q * qq;
    y[3] = difference_p * ppp + m[5] + difference_q * qqq;
}

DD_INLINE void weights_f4(vf g0, vf g1, vf g2, vf out[6]) {
    const float p = 81.0f / 130, q = 8.0f / 65; // 1 / prod(a - b) for a = +-2/3 (negative) and +-3/2
    const vf even_p = g0 * -p - g2 * (p * 4 / 9), odd_p = g1 * (p * 2 / 3), even_q = g0 * q + g2 * (q * 9 / 4), odd_q = g1 * (q * 3 / 2);
    out[0] = g0;
    out[1] = even_p - odd_p;
    out[2] = even_p + odd_p;
    out[3] = even_q + odd_q;
    out[4] = even_q - odd_q;
    out[5] = g2;
}

static const transform f4 = {6, 4, input_f4, output_f4, weights_f4};
DD_CONV_BOTH(winograd_f4, gather_tiles(precision, f4, b), transformed_tiles(precision, f4, b, first, end))
DD_CONV_BOTH(winograd_f4_plain, gather_tiles(precision, f4, b), plain_panels(precision, f4, b, first, end))

#else

/// Row a is (1, a, a^2) / prod(a - b) over the other points b.
static const double f4_rows[6][3] = {
    {1, 0, 0},
    {-1.0 / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(2.0 / 3) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(4.0 / 9) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9))},
    {-1.0 / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), (2.0 / 3) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(4.0 / 9) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9))},
    {1.0 / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (3.0 / 2) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (9.0 / 4) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9))},
    {1.0 / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), -(3.0 / 2) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (9.0 / 4) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9))},
    {0, 0, 1},
};

static const dd_conv_algorithm winograd_f4 = {
    .name = "winograd_f4",
    .can = can_3x3,
    .error = {[DD_PRECISION_FLOAT32] = 3e-5, [DD_PRECISION_INT16] = 3e-3},
    .side = 6,
    .tile = 4,
    .rows = f4_rows,
    .lay_out = lay_out_tiles,
    .units = {8, 8, 32},
    .panels_together = 4,
    .least_channels = 8,
    // With fewer pixels transforming the weights costs less than reading four times as many, and in int16 with many channels no more at any size.
    .from_pixels = {[DD_PRECISION_FLOAT32] = 512, [DD_PRECISION_INT16] = 2048},
    .most_channels = {[DD_PRECISION_INT16] = 640},
};

static const dd_conv_algorithm winograd_f4_plain = {
    .name = "winograd_f4_plain",
    .can = can_3x3,
    .error = {[DD_PRECISION_FLOAT32] = 3e-5, [DD_PRECISION_INT16] = 3e-3},
    .side = 6,
    .tile = 4,
    .rows = f4_rows,
    .plain = 1,
    .words_at_once = 64,
    .lay_out = lay_out_tiles,
    .units = {64, 64, 64}, // that share what the transform of the weights costs
    .panels_together = 1,
    .least_channels = 8,
    // It overtakes F(2x2) with transformed weights between 12 x 12 and 14 x 14.
    .from_pixels = {[DD_PRECISION_FLOAT32] = 192, [DD_PRECISION_INT16] = 192},
};
#endif
