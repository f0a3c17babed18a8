// Overlapping windows: cutting out and averaging back.
#include "dd_spatial.h"

#include <string.h>

#include "../elementwise/one_pass.h"
#include "../math/integers.h"

/// How many windows of at most k positions cover an axis of n: 1 for n <= k, else ceil(n / k).
static int64_t window_count(int64_t n, int64_t k) { return n <= k ? 1 : dd_ceil_div(n, k); }

/// Where window i begins: at multiples of ceil((n - k) / (count - 1)), the last aligned to the end.
static int64_t window_start(int64_t n, int64_t k, int64_t i) {
    if (n <= k) return 0;
    int64_t step = dd_ceil_div(n - k, window_count(n, k) - 1);
    return dd_min(i * step, n - k);
}

// Both layouts are planes of rows of positions of `width` floats: NCHW has n * c planes of width 1, NHWC n of width c.
typedef struct window_context {
    const dd_one_pass *table;
    float *y;
    const float *x;
    int64_t planes, h, w, width, k, kh, kw, count_y, count_x, first_task;
} window_context;

static window_context make_context(float *y, const float *x, int64_t planes, int64_t h, int64_t w, int64_t width, int64_t k) {
    window_context context = {dd_one_pass_current(), y, x, planes, h, w, width, k, 0, 0, 0, 0, 0};
    context.kh = dd_min(k, h);
    context.kw = dd_min(k, w);
    context.count_y = window_count(h, k);
    context.count_x = window_count(w, k);
    return context;
}

// A task is one plane of one window.
static void partition_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const window_context *c = raw;
    index += c->first_task;
    int64_t plane = index % c->planes, window = index / c->planes;
    int64_t top = window_start(c->h, c->k, window / c->count_x % c->count_y);
    int64_t left = window_start(c->w, c->k, window % c->count_x), image = window / (c->count_x * c->count_y);
    const float *x = c->x + (((image * c->planes + plane) * c->h + top) * c->w + left) * c->width;
    float *y = c->y + index * c->kh * c->kw * c->width;
    for (int64_t i = 0; i < c->kh; i++) memcpy(y + i * c->kw * c->width, x + i * c->w * c->width, (size_t)(c->kw * c->width) * sizeof(float));
}

// A task is one row of one plane of the whole.
static void merge_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const window_context *c = raw;
    index += c->first_task;
    int64_t row = index % c->h, plane = index / c->h % c->planes, image = index / (c->h * c->planes), rows = 0;
    float *y = c->y + index * c->w * c->width;
    memset(y, 0, (size_t)(c->w * c->width) * sizeof(float));
    for (int64_t wy = 0; wy < c->count_y; wy++) {
        int64_t i = row - window_start(c->h, c->k, wy);
        if (i < 0 || i >= c->kh) continue;
        rows++;
        for (int64_t wx = 0; wx < c->count_x; wx++) {
            int64_t window = (image * c->count_y + wy) * c->count_x + wx;
            const float *x = c->x + ((window * c->planes + plane) * c->kh + i) * c->kw * c->width;
            c->table->add_run(y + window_start(c->w, c->k, wx) * c->width, x, c->kw * c->width);
        }
    }
    // The number of windows along the row is constant between their beginnings and ends.
    int64_t begun = 0, ended = 0;
    for (int64_t at = 0; at < c->w;) {
        while (begun < c->count_x && window_start(c->w, c->k, begun) <= at) begun++;
        while (ended < begun && window_start(c->w, c->k, ended) + c->kw <= at) ended++;
        int64_t next = ended < c->count_x ? window_start(c->w, c->k, ended) + c->kw : c->w;
        if (begun < c->count_x) next = dd_min(next, window_start(c->w, c->k, begun));
        int64_t windows = rows * (begun - ended);
        if (windows > 1) c->table->divide_run(y + at * c->width, (next - at) * c->width, (float)windows);
        at = next;
    }
}

static void partition(dd_pool *pool, int64_t n, window_context context) {
    if (context.planes <= 0 || context.h <= 0 || context.w <= 0 || context.k <= 0) return;
    dd_parallel_for(pool, n * context.count_y * context.count_x * context.planes, partition_task, &context);
}

static void merge(dd_pool *pool, int64_t n, window_context context) {
    if (context.planes <= 0 || context.h <= 0 || context.w <= 0 || context.k <= 0) return;
    dd_parallel_for(pool, n * context.planes * context.h, merge_task, &context);
}

void dd_window_partition_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k) {
    partition(pool, n, make_context(y, x, c, h, w, 1, k));
}

void dd_window_partition_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k) {
    partition(pool, n, make_context(y, x, 1, h, w, c, k));
}

void dd_window_merge_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k) {
    merge(pool, n, make_context(y, x, c, h, w, 1, k));
}

void dd_window_merge_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k) {
    merge(pool, n, make_context(y, x, 1, h, w, c, k));
}

void dd_window_partition_nhwc_part_f32(dd_pool *pool, float *y, const float *x, int64_t c, int64_t h, int64_t w, int64_t k, int64_t first, int64_t last) {
    window_context context = make_context(y, x, 1, h, w, c, k);
    context.first_task = first;
    dd_parallel_for(pool, last - first, partition_task, &context);
}

void dd_window_merge_nhwc_part_f32(dd_pool *pool, float *y, const float *x, int64_t c, int64_t h, int64_t w, int64_t k, int64_t first, int64_t last) {
    window_context context = make_context(y, x, 1, h, w, c, k);
    context.first_task = first;
    dd_parallel_for(pool, last - first, merge_task, &context);
}
