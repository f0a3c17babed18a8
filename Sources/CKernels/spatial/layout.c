// Upsampling, padding, layouts and concatenation: moving pixels.
#include "dd_spatial.h"

#include "../elementwise/one_pass.h"
#include "../elementwise/vectors.h"
#include "dd_elementwise.h"

enum { TASK_FLOATS = 16384 };

// Both layouts are planes of rows of positions of `width` floats: NCHW has n * c planes of width 1, NHWC n of width c.
typedef struct rows_context {
    const dd_one_pass *table;
    float *y;
    const float *x;
    int64_t h, w, width, rows, rows_per_task;
    int64_t factor_h, factor_w;
    int64_t top, left, out_h, out_w;
} rows_context;

static void run_rows(dd_pool *pool, rows_context *context, int64_t rows, int64_t row_floats, dd_task task) {
    if (rows <= 0 || row_floats <= 0) return;
    context->table = dd_one_pass_current();
    context->rows = rows;
    context->rows_per_task = max_i64(1, TASK_FLOATS / row_floats);
    dd_parallel_for(pool, ceil_div(rows, context->rows_per_task), task, context);
}

static void upsample_row(const rows_context *c, float *y, const float *x) {
    if (c->width == 1 && c->factor_w == 2) {
        c->table->double_run(y, x, c->w);
    } else if (c->width == 1) {
        for (int64_t j = 0; j < c->w; j++)
            for (int64_t k = 0; k < c->factor_w; k++) *y++ = x[j];
    } else {
        for (int64_t j = 0; j < c->w; j++)
            for (int64_t k = 0; k < c->factor_w; k++, y += c->width)
                memcpy(y, x + j * c->width, (size_t)c->width * sizeof(float));
    }
}

static void upsample_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const rows_context *c = raw;
    int64_t first = index * c->rows_per_task, last = min_i64(first + c->rows_per_task, c->rows);
    int64_t row_floats = c->w * c->factor_w * c->width;
    for (int64_t r = first; r < last; r++) {
        float *y = c->y + r * c->factor_h * row_floats;
        upsample_row(c, y, c->x + r * c->w * c->width);
        for (int64_t k = 1; k < c->factor_h; k++) memcpy(y + k * row_floats, y, (size_t)row_floats * sizeof(float));
    }
}

static void upsample(
    dd_pool *pool, float *y, const float *x, int64_t planes, int64_t h, int64_t w, int64_t width, int64_t factor_h,
    int64_t factor_w) {
    rows_context context = {.y = y, .x = x, .h = h, .w = w, .width = width, .factor_h = factor_h, .factor_w = factor_w};
    run_rows(pool, &context, planes * h, w * width * factor_w * factor_h, upsample_task);
}

void dd_upsample_nearest_nchw_f32(
    dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t factor_h,
    int64_t factor_w) {
    upsample(pool, y, x, n * c, h, w, 1, factor_h, factor_w);
}

void dd_upsample_nearest_nhwc_f32(
    dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t factor_h,
    int64_t factor_w) {
    upsample(pool, y, x, n, h, w, c, factor_h, factor_w);
}

static void pad_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const rows_context *c = raw;
    int64_t begin = index * c->rows_per_task, end = min_i64(begin + c->rows_per_task, c->rows);
    // Output columns first ..< last come from the input.
    int64_t first = min_i64(c->out_w, max_i64(0, c->left)), last = max_i64(first, min_i64(c->out_w, c->left + c->w));
    for (int64_t r = begin; r < end; r++) {
        float *y = c->y + r * c->out_w * c->width;
        int64_t from = r % c->out_h - c->top;
        if (from < 0 || from >= c->h) {
            memset(y, 0, (size_t)(c->out_w * c->width) * sizeof(float));
            continue;
        }
        const float *x = c->x + ((r / c->out_h * c->h + from) * c->w + first - c->left) * c->width;
        memset(y, 0, (size_t)(first * c->width) * sizeof(float));
        if (last > first) memcpy(y + first * c->width, x, (size_t)((last - first) * c->width) * sizeof(float));
        memset(y + last * c->width, 0, (size_t)((c->out_w - last) * c->width) * sizeof(float));
    }
}

static void pad(
    dd_pool *pool, float *y, const float *x, int64_t planes, int64_t h, int64_t w, int64_t width, int64_t top,
    int64_t bottom, int64_t left, int64_t right) {
    rows_context context = {.y = y, .x = x, .h = h, .w = w, .width = width, .top = top, .left = left};
    context.out_h = top + h + bottom;
    context.out_w = left + w + right;
    if (context.out_h <= 0 || context.out_w <= 0) return;
    run_rows(pool, &context, planes * context.out_h, context.out_w * width, pad_task);
}

void dd_pad_nchw_f32(
    dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t top, int64_t bottom,
    int64_t left, int64_t right) {
    pad(pool, y, x, n * c, h, w, 1, top, bottom, left, right);
}

void dd_pad_nhwc_f32(
    dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t top, int64_t bottom,
    int64_t left, int64_t right) {
    pad(pool, y, x, n, h, w, c, top, bottom, left, right);
}

void dd_nchw_to_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t batch, int64_t channels, int64_t pixels) {
    const int64_t size[3] = {batch, pixels, channels};
    const int64_t stride_y[3] = {channels * pixels, channels, 1}, stride_x[3] = {channels * pixels, 1, pixels};
    dd_copy_strided(pool, y, x, 4, 3, size, stride_y, stride_x);
}

void dd_nhwc_to_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t batch, int64_t channels, int64_t pixels) {
    dd_nchw_to_nhwc_f32(pool, y, x, batch, pixels, channels);
}

typedef struct concat_context {
    const dd_one_pass *table;
    float *y;
    const dd_nhwc_source *sources;
    int source_count;
    int64_t channels, rows, rows_per_task;
} concat_context;

static void concat_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const concat_context *c = raw;
    int64_t first = index * c->rows_per_task, last = min_i64(first + c->rows_per_task, c->rows);
    float *y = c->y + first * c->channels;
    for (int64_t r = first; r < last; r++) {
        for (int s = 0; s < c->source_count; s++) {
            const dd_nhwc_source *source = &c->sources[s];
            const float *x = source->x + r * source->ld;
            if (source->addend)
                c->table->sum_run(y, x, source->addend + r * source->ld_addend, source->channels);
            else
                memcpy(y, x, (size_t)source->channels * sizeof(float));
            y += source->channels;
        }
    }
}

void dd_concat_nhwc_f32(dd_pool *pool, float *y, const dd_nhwc_source *sources, int source_count, int64_t rows) {
    concat_context context = {dd_one_pass_current(), y, sources, source_count, 0, rows, 0};
    for (int s = 0; s < source_count; s++) context.channels += sources[s].channels;
    if (context.channels <= 0 || rows <= 0) return;
    context.rows_per_task = max_i64(1, TASK_FLOATS / context.channels);
    dd_parallel_for(pool, ceil_div(rows, context.rows_per_task), concat_task, &context);
}
