// What happens to sums on their way to y.

/// Sums over a block's results for their mean and variance, of the distances to a reference: the first of them, and then what is the mean
/// whenever there are twice as many. Nothing cancels then, wherever the values lie, and whatever the first one is.
typedef struct sums {
    vf reference, sum, squares;
    float count, next; // when the reference changes
} sums;

DD_INLINE sums no_sums(void) { return (sums){splat(0), splat(0), splat(0), 0, 1}; }

/// Says that `count` results were added.
DD_INLINE void count_in_sums(sums *s, float count) {
    s->count += count;
    if (__builtin_expect(s->count < s->next, 1)) return;
    const vf reference = s->reference + s->sum * (1 / s->count), change = reference - s->reference, total = change * s->count;
    s->squares += change * (total - s->sum * 2);
    s->sum -= total;
    s->reference = reference;
    s->next = 2 * s->count;
}

DD_INLINE void write_vector(float *y, vf v, const int streams) {
#if DD_VL == 16
    if (streams) {
        _mm512_stream_ps(y, (__m512)v);
        return;
    }
#else
    (void)streams;
#endif
    store(y, v);
}

/// Channels c ..< c + DD_VL of output pixel `pixel`; `valid` (>= 1) of them exist.
DD_INLINE void finish(const dd_conv_plan *p, vf v, const float *combined, int64_t pixel, int64_t c, int64_t valid, sums *s) {
    const dd_conv_args *a = &p->a;
    v += load(combined + c);
    if (a->activation == DD_CONV_ACTIVATION_SILU) v = silu(v);
    if (a->residual) {
        const float *residual = a->residual + pixel * a->ld_residual + c;
        v += valid >= DD_VL ? load(residual) : load_some(residual, valid);
    }
    float *y = a->y + pixel * a->ldy + c;
    if (valid < DD_VL)
        store_some(y, v, valid);
    else
        write_vector(y, v, p->streams);
    if (!a->takes_moments) return;
    if (s->count == 0) s->reference = v;
    const vf d = v - s->reference;
    s->sum += d;
    s->squares += d * d;
    count_in_sums(s, 1);
}

/// A unit that lies inside the image and the panel, when bias and residual are all that is added: without questions.
DD_INLINE void write_unit(const vf y[36], const int tile, vf bias, const float *residual, int64_t residual_pixel, int64_t residual_row,
                          float *to, int64_t pixel, int64_t row, const int streams, sums *s, const int takes_sums) {
    DD_UNROLL
    for (int i = 0; i < tile; i++) {
        // A row has sums of its own, so that units do not wait for each other.
        vf sum = splat(0), squares = splat(0);
        DD_UNROLL
        for (int j = 0; j < tile; j++) {
            vf v = y[i * tile + j] + bias;
            if (residual) v += load(residual + i * residual_row + j * residual_pixel);
            write_vector(to + i * row + j * pixel, v, streams);
            if (!takes_sums) continue;
            if (i == 0 && j == 0 && s->count == 0) s->reference = v;
            const vf d = v - s->reference;
            sum = j ? sum + d : d;
            squares = j ? squares + d * d : d * d;
        }
        if (!takes_sums) continue;
        s->sum += sum;
        s->squares += squares;
    }
    if (takes_sums) count_in_sums(s, (float)(tile * tile));
}

/// Asks for the lines that the results of some units go to, and those of the residual, while there is still work to do.
DD_INLINE void fetch_results(const dd_conv_plan *p, const dd_conv_unit *unit, int64_t units, int64_t c) {
    const dd_conv_args *a = &p->a;
    for (int64_t u = 0; u < units; u++) {
        for (int i = 0; i < unit[u].rows; i++) {
            const int64_t pixel = unit[u].out_pixel + i * p->out_width;
            for (int j = 0; j < unit[u].cols; j++) {
                for (int64_t at = c; at < c + DD_CONV_PANEL; at += 16) {
                    if (a->residual) __builtin_prefetch(a->residual + (pixel + j) * a->ld_residual + at, 0, 2);
                    if (!p->streams) __builtin_prefetch(a->y + (pixel + j) * a->ldy + at, 1, 2);
                }
            }
        }
    }
}

DD_INLINE void store_sums(const dd_conv_plan *p, int64_t block, int64_t c, sums s) {
    if (!p->a.takes_moments) return;
    float *partial = (float *)(p->scratch + p->partials_at) + block * 3 * p->cout_padded + c;
    const vf offset = s.sum * (s.count > 0 ? 1 / s.count : 0); // none of channels that only pad
    store(partial, s.reference);
    store(partial + p->cout_padded, offset);
    store(partial + 2 * p->cout_padded, s.squares - s.sum * offset);
}

/// bias + channel_add of every image of a block, [images][cout_padded], zeros behind cout.
static void combine_additions(const dd_conv_plan *p, int64_t first_image, int64_t images, float *combined) {
    const dd_conv_args *a = &p->a;
    for (int64_t i = 0; i < images; i++, combined += p->cout_padded) {
        const float *add = a->channel_add ? a->channel_add + (a->channel_add_per_image ? first_image + i : 0) * a->cout : 0;
        for (int64_t c = 0; c < p->cout_padded; c++) {
            float v = 0;
            if (c < a->cout && a->bias) v = a->bias[c];
            if (c < a->cout && add) v += add[c];
            combined[c] = v;
        }
    }
}

/// Where a block lies.
typedef struct block_place {
    int64_t first_image, images, y, x, high, wide;  // in images and units
} block_place;

static block_place place_of(const dd_conv_plan *p, int64_t block) {
    block_place b;
    const int64_t in_image = block % (p->blocks_high * p->blocks_wide);
    b.first_image = block / (p->blocks_high * p->blocks_wide) * p->block_images;
    b.y = in_image / p->blocks_wide * p->block_high;
    b.x = in_image % p->blocks_wide * p->block_wide;
    b.images = dd_conv_min(p->block_images, p->a.batch - b.first_image);
    b.high = dd_conv_min(p->block_high, p->units_high - b.y);
    b.wide = dd_conv_min(p->block_wide, p->units_wide - b.x);
    return b;
}

/// Fills in where each unit's outputs go; the offsets in v are the kind's affair.
static void place_units(const dd_conv_plan *p, const block_place *b, dd_conv_unit *unit) {
    for (int64_t i = 0; i < b->images; i++) {
        for (int64_t y = b->y; y < b->y + b->high; y++) {
            for (int64_t x = b->x; x < b->x + b->wide; x++, unit++) {
                const int64_t top = y * p->tile, left = x * p->tile;
                unit->out_pixel = ((b->first_image + i) * p->out_height + top) * p->out_width + left;
                unit->image = (int32_t)i;
                unit->rows = (int32_t)dd_conv_min(p->tile, p->out_height - top);
                unit->cols = (int32_t)dd_conv_min(p->tile, p->out_width - left);
            }
        }
    }
}
