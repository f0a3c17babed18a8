// Upsampling and layouts: moving pixels.
#include "dd_spatial.h"

#include <string.h>

#include "../elementwise/one_pass.h"
#include "../math/integers.h"
#include "dd_elementwise.h"

enum { TASK_FLOATS = 16384 };

// Both layouts are planes of rows of positions of `width` floats: NCHW has n * c planes of width 1, NHWC n of width c.
typedef struct rows_context {
    const dd_one_pass *table;
    float *y;
    const float *x;
    int64_t h, w, width, rows, rows_per_task;
    int64_t factor_h, factor_w;
} rows_context;

static void run_rows(dd_pool *pool, rows_context *context, int64_t rows, int64_t row_floats, dd_task task) {
    if (rows <= 0 || row_floats <= 0) return;
    context->table = dd_one_pass_current();
    context->rows = rows;
    context->rows_per_task = dd_max(1, TASK_FLOATS / row_floats);
    dd_parallel_for(pool, dd_ceil_div(rows, context->rows_per_task), task, context);
}

static void upsample_row(const rows_context *c, float *y, const float *x) {
    if (c->width == 1 && c->factor_w == 2) {
        c->table->double_run(y, x, c->w);
    } else if (c->width == 1) {
        for (int64_t j = 0; j < c->w; j++)
            for (int64_t k = 0; k < c->factor_w; k++) *y++ = x[j];
    } else {
        for (int64_t j = 0; j < c->w; j++)
            for (int64_t k = 0; k < c->factor_w; k++, y += c->width) memcpy(y, x + j * c->width, (size_t)c->width * sizeof(float));
    }
}

static void upsample_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const rows_context *c = raw;
    int64_t first = index * c->rows_per_task, last = dd_min(first + c->rows_per_task, c->rows);
    int64_t row_floats = c->w * c->factor_w * c->width;
    for (int64_t r = first; r < last; r++) {
        float *y = c->y + r * c->factor_h * row_floats;
        upsample_row(c, y, c->x + r * c->w * c->width);
        for (int64_t k = 1; k < c->factor_h; k++) memcpy(y + k * row_floats, y, (size_t)row_floats * sizeof(float));
    }
}

static void upsample(dd_pool *pool, float *y, const float *x, int64_t planes, int64_t h, int64_t w, int64_t width, int64_t factor_h, int64_t factor_w) {
    rows_context context = {.y = y, .x = x, .h = h, .w = w, .width = width, .factor_h = factor_h, .factor_w = factor_w};
    run_rows(pool, &context, planes * h, w * width * factor_w * factor_h, upsample_task);
}

void dd_upsample_nearest_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t factor_h, int64_t factor_w) {
    upsample(pool, y, x, n * c, h, w, 1, factor_h, factor_w);
}

void dd_upsample_nearest_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t factor_h, int64_t factor_w) {
    upsample(pool, y, x, n, h, w, c, factor_h, factor_w);
}

void dd_nchw_to_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t batch, int64_t channels, int64_t pixels) {
    const int64_t size[3] = {batch, pixels, channels};
    const int64_t stride_y[3] = {channels * pixels, channels, 1}, stride_x[3] = {channels * pixels, 1, pixels};
    dd_copy_strided(pool, y, x, 4, 3, size, stride_y, stride_x);
}

void dd_nhwc_to_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t batch, int64_t channels, int64_t pixels) {
    dd_nchw_to_nhwc_f32(pool, y, x, batch, pixels, channels);
}
