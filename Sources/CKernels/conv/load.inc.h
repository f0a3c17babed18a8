// Input pixels, normalised: two sources, their addends, scale and shift, SiLU, zero padding.

/// f(x) of a vector from channel c on, of which `left` channels are there. The flags are constants at each call.
DD_INLINE vf normalised(const float *x, const float *add, const float *scale, const float *shift, int64_t c, int64_t left, const int has_add,
                        const int has_scale, const int has_silu) {
    vf v = v_load_up_to(x + c, left);
    if (has_add) v += v_load_up_to(add + c, left);
    if (has_scale) v = v * v_load_up_to(scale + c, left) + v_load_up_to(shift + c, left);
    return has_silu ? v_silu_fast(v) : v;
}

/// dst[0 ..< n] = f(x); writes zeros up to a multiple of DD_VW.
DD_INLINE void load_channels(float *dst, const float *x, const float *add, const float *scale, const float *shift, int64_t n, const int has_add,
                             const int has_scale, const int has_silu) {
    int64_t c = 0;
    for (; c + DD_VW <= n; c += DD_VW) v_store(dst + c, normalised(x, add, scale, shift, c, DD_VW, has_add, has_scale, has_silu));
    if (c < n) v_store(dst + c, normalised(x, add, scale, shift, c, n - c, has_add, has_scale, has_silu));
}

/// Channels c0 ..< c1 of one pixel into dst, then zeros up to a multiple of DD_VW.
static void load_pixel(const dd_conv_plan *p, int64_t image, int64_t pixel, int64_t c0, int64_t c1, float *dst) {
    const dd_conv_args *a = &p->a;
    for (int source = 0; source < 2; source++) {
        const int64_t base = source ? a->cin0 : 0, channels = source ? a->cin1 : a->cin0;
        const int64_t from = dd_max(c0, base), n = dd_min(c1, base + channels) - from, at = pixel * channels + from - base;
        if (n <= 0) continue;
        const float *x = (source ? a->x1 : a->x0) + at, *add = source ? a->x1_add : a->x0_add;
        if (add) add += at;
        const float *scale = a->scale ? a->scale + image * p->cin + from : 0, *shift = a->scale ? a->shift + image * p->cin + from : 0;
        float *to = dst + from - c0;
        switch ((add ? 4 : 0) | (scale ? 2 : 0) | (a->silu ? 1 : 0)) {
            case 0: load_channels(to, x, add, scale, shift, n, 0, 0, 0); break;
            case 1: load_channels(to, x, add, scale, shift, n, 0, 0, 1); break;
            case 2: load_channels(to, x, add, scale, shift, n, 0, 1, 0); break;
            case 3: load_channels(to, x, add, scale, shift, n, 0, 1, 1); break;
            case 4: load_channels(to, x, add, scale, shift, n, 1, 0, 0); break;
            case 5: load_channels(to, x, add, scale, shift, n, 1, 0, 1); break;
            case 6: load_channels(to, x, add, scale, shift, n, 1, 1, 0); break;
            default: load_channels(to, x, add, scale, shift, n, 1, 1, 1); break;
        }
    }
}

/// Asks for the pixel a row further down: blocks are narrow, so the hardware sees no stream in their rows.
DD_INLINE void fetch_below(const dd_conv_plan *p, int64_t pixel, int64_t c0, int64_t c1) {
    const dd_conv_args *a = &p->a;
    pixel += a->width;
    if (pixel >= a->batch * a->height * a->width) return;
    const float *x0 = a->x0 + pixel * a->cin0;
    for (int64_t c = c0; c < dd_min(c1, a->cin0); c += 16) __builtin_prefetch(x0 + c);
    if (c1 <= a->cin0) return;
    const float *x1 = a->x1 + pixel * a->cin1;
    for (int64_t c = c0 > a->cin0 ? c0 - a->cin0 : 0; c < c1 - a->cin0; c += 16) __builtin_prefetch(x1 + c);
}

/// Channels c0 ..< c1 of the input pixel (y, x), zeros outside of the image. dst may be written up to DD_VW - 1 floats beyond; what is there
/// must be written later.
DD_INLINE void load_or_pad(const dd_conv_plan *p, int64_t image, int64_t y, int64_t x, int64_t c0, int64_t c1, float *dst) {
    const dd_conv_args *a = &p->a;
    if (y >= 0 && y < a->height && x >= 0 && x < a->width) {
        const int64_t pixel = (image * a->height + y) * a->width + x;
        fetch_below(p, pixel, c0, c1);
        load_pixel(p, image, pixel, c0, c1, dst);
    } else {
        for (int64_t c = 0; c < c1 - c0; c += DD_VW) v_store(dst + c, v_splat(0));
    }
}
