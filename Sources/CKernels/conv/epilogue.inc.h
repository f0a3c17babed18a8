// What happens to sums on their way to y.

/// Sums over a block's results for their mean and variance, of the distances to a reference: the first of them, and then what is the mean
/// whenever there are twice as many. Nothing cancels then, wherever the values lie, and whatever the first one is.
typedef struct sums {
    vf reference, sum, squares;
    float count, next; // when the reference changes
} sums;

DD_INLINE sums no_sums(void) { return (sums){v_splat(0), v_splat(0), v_splat(0), 0, 1}; }

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
    if (streams)
        v_stream(y, v);
    else
        v_store(y, v);
}

/// Channels c ..< c + DD_VW of output pixel `pixel`; `valid` (>= 1) of them exist.
DD_INLINE void finish(const dd_conv_plan *p, vf v, const float *combined, int64_t pixel, int64_t c, int64_t valid, sums *s) {
    const dd_conv_args *a = &p->a;
    v += v_load(combined + c);
    if (a->activation == DD_ACTIVATION_SILU) v = v_silu_fast(v);
    if (a->residual) v += v_load_up_to(a->residual + pixel * a->cout + c, valid);
    float *y = a->y + pixel * a->cout + c;
    if (valid < DD_VW)
        v_store_n(y, v, valid);
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
DD_INLINE void write_unit(const vf y[36], const int tile, vf bias, const float *residual, float *to, int64_t pixel, int64_t row, const int streams, sums *s,
                          const int takes_sums) {
    DD_UNROLL
    for (int i = 0; i < tile; i++) {
        // A row has sums of its own, so that units do not wait for each other.
        vf sum = v_splat(0), squares = v_splat(0);
        DD_UNROLL
        for (int j = 0; j < tile; j++) {
            vf v = y[i * tile + j] + bias;
            if (residual) v += v_load(residual + i * row + j * pixel);
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
                    if (a->residual) __builtin_prefetch(a->residual + (pixel + j) * a->cout + at, 0, 2);
                    if (!p->streams) __builtin_prefetch(a->y + (pixel + j) * a->cout + at, 1, 2);
                }
            }
        }
    }
}

DD_INLINE void store_sums(const dd_conv_plan *p, int64_t block, int64_t c, sums s) {
    if (!p->a.takes_moments) return;
    float *partial = (float *)(p->scratch + p->partials_at) + block * 3 * p->cout_padded + c;
    const vf offset = s.sum * (s.count > 0 ? 1 / s.count : 0); // none of channels that only pad
    v_store(partial, s.reference);
    v_store(partial + p->cout_padded, offset);
    v_store(partial + 2 * p->cout_padded, s.squares - s.sum * offset);
}
