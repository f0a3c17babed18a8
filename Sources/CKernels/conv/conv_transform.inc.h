// Winograd transforms; the weights' side is in conv_pack.c, but for weights that stay plain.

/// F(4,3), points 0, +-p, +-q, infinity with p = 2/3, q = 3/2, so that p q = 1: row a of the input transform holds the
/// coefficients of the product of (x - b) over the other points b.
DD_INLINE void input_4(const vf d[6], vf t[6]) {
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

/// Row i of the output transform holds the i-th powers of the points.
DD_INLINE void output_4(const vf m[6], vf y[4]) {
    const float p = 2.0f / 3, q = 1.5f, pp = 4.0f / 9, qq = 2.25f, ppp = 8.0f / 27, qqq = 3.375f;
    const vf sum_p = m[1] + m[2], difference_p = m[1] - m[2], sum_q = m[3] + m[4], difference_q = m[3] - m[4];
    y[0] = m[0] + sum_p + sum_q;
    y[1] = difference_p * p + difference_q * q;
    y[2] = sum_p * pp + sum_q * qq;
    y[3] = difference_p * ppp + m[5] + difference_q * qqq;
}

/// F(6,3), points 0, +-1, +-1/2, +-2, infinity; the first row's sign is turned.
DD_INLINE void input_6(const vf d[8], vf t[8]) {
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

DD_INLINE void output_6(const vf m[8], vf y[6]) {
    const vf sum = m[1] + m[2], difference = m[1] - m[2], sum_half = m[3] + m[4], difference_half = m[3] - m[4];
    const vf sum_two = m[5] + m[6], difference_two = m[5] - m[6];
    y[0] = m[0] + sum + sum_half + sum_two;
    y[1] = difference + difference_half * 0.5f + difference_two * 2;
    y[2] = sum + sum_half * 0.25f + sum_two * 4;
    y[3] = difference + difference_half * 0.125f + difference_two * 8;
    y[4] = sum + sum_half * 0.0625f + sum_two * 16;
    y[5] = difference + m[7] + difference_half * 0.03125f + difference_two * 32;
}

/// F(2,3), points 0, 1, -1, infinity.
DD_INLINE void input_2(const vf d[4], vf t[4]) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
}

DD_INLINE void output_2(const vf m[4], vf y[2]) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] + m[3];
}

/// Two outputs of three taps with stride 2: y0 = g0 x0 + g1 x1 + g2 x2, y1 = g0 x2 + g1 x3 + g2 x4. Of the even pixels
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

/// Nearest upsampling by two and then taps g0, g1, g2, seen from source pixel x[i] with D[i] = x[i] - x[i - 1]:
///
///     y[2i]     = g0 x[i-1] + (g1 + g2) x[i] = (g0 + g1 + g2) x[i] - g0 D[i]
///     y[2i + 1] = (g0 + g1) x[i] + g2 x[i+1] = (g0 + g1 + g2) x[i] + g2 D[i + 1]
///
/// which are three products, the weights' side taking the sign: D[i], x[i], D[i + 1].
DD_INLINE void output_up(const vf m[3], vf y[2]) {
    y[0] = m[1] + m[0];
    y[1] = m[1] + m[2];
}

/// Both dimensions of an output transform: products m[n * n] at stride `ldm` -> y[tile * tile].
DD_INLINE void output_tile(const float *m, int64_t ldm, const int n, const int tile, vf y[36]) {
    vf half[6][8];
    DD_UNROLL
    for (int x = 0; x < n; x++) {
        vf column[8], out[6];
        const float *from = m + x * ldm;
        DD_UNROLL
        for (int i = 0; i < n; i++, from += n * ldm) column[i] = load(from);
        if (n == 8) output_6(column, out);
        if (n == 6) output_4(column, out);
        if (n == 5) output_stride_2(column, out);
        if (n == 4) output_2(column, out);
        if (n == 3) output_up(column, out);
        DD_UNROLL
        for (int i = 0; i < tile; i++) half[i][x] = out[i];
    }
    DD_UNROLL
    for (int i = 0; i < tile; i++) {
        if (n == 8) output_6(half[i], y + i * tile);
        if (n == 6) output_4(half[i], y + i * tile);
        if (n == 5) output_stride_2(half[i], y + i * tile);
        if (n == 4) output_2(half[i], y + i * tile);
        if (n == 3) output_up(half[i], y + i * tile);
    }
}

/// Weight transforms, three taps to n products: F(2,3) for n = 4, F(4,3) for n = 6. Rows are (1, a, a^2) / prod(a - b), see conv_pack.c.
DD_INLINE void weights_row(vf g0, vf g1, vf g2, const int n, vf out[6]) {
    out[0] = g0;
    if (n == 4) {
        const vf ends = (g0 + g2) * 0.5f, middle = g1 * 0.5f;
        out[1] = ends + middle;
        out[2] = ends - middle;
    } else {
        const float p = 81.0f / 130, q = 8.0f / 65; // 1 / prod(a - b) for a = +-2/3 (negative) and +-3/2
        const vf even_p = g0 * -p - g2 * (p * 4 / 9), odd_p = g1 * (p * 2 / 3), even_q = g0 * q + g2 * (q * 9 / 4), odd_q = g1 * (q * 3 / 2);
        out[1] = even_p - odd_p;
        out[2] = even_p + odd_p;
        out[3] = even_q + odd_q;
        out[4] = even_q - odd_q;
    }
    out[n - 1] = g2;
}

/// The first dimension of a weight transform: nine taps, [3][3], to half[n][3].
DD_INLINE void weights_columns(const vf taps[9], const int n, vf half[6][3]) {
    DD_UNROLL
    for (int x = 0; x < 3; x++) {
        vf column[6];
        weights_row(taps[x], taps[3 + x], taps[6 + x], n, column);
        DD_UNROLL
        for (int i = 0; i < n; i++) half[i][x] = column[i];
    }
}
