#include "dd_norm.h"

#include <math.h>
#include <string.h>

#include "../elementwise/one_pass.h"
#include "../math/integers.h"

enum {
    TASK_FLOATS = 16384,  // of a task that only applies
    PIXEL_BLOCKS = 32,    // at most so many partial sums of an image
    PIXEL_BLOCK_MIN = 64, // pixels
    PIXEL_STEP = 16,      // pixels summed in registers
    CHANNEL_PIECE = 320,  // of a row whose scale and shift are applied
    CHANNEL_BLOCK = 256,  // channels of a task that takes sums
};

// MARK: NCHW

typedef struct nchw_context {
    void (*moments)(const float *, int64_t, double *, double *);
    void (*affine)(float *, const float *, int64_t, float, float, int);
    float *y;
    const float *x, *scale, *bias;
    int64_t group_channels, groups, pixels;
    double epsilon;
    int silu;
} nchw_context;

static void nchw_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const nchw_context *c = raw;
    int64_t n = c->group_channels * c->pixels, channel = index % c->groups * c->group_channels;
    const float *x = c->x + index * n;
    float *y = c->y + index * n;
    double mean, variance;
    c->moments(x, n, &mean, &variance);
    double rstd = 1.0 / sqrt(variance + c->epsilon);
    for (int64_t k = 0; k < c->group_channels; k++, channel++) {
        double factor = rstd * (c->scale ? (double)c->scale[channel] : 1.0);
        double shift = (c->bias ? (double)c->bias[channel] : 0.0) - mean * factor;
        c->affine(y + k * c->pixels, x + k * c->pixels, c->pixels, (float)factor, (float)shift, c->silu);
    }
}

void dd_group_norm_nchw_f32(dd_pool *pool, float *y, const float *x, const float *scale, const float *bias, int64_t batch, int64_t channels, int64_t pixels,
                            int64_t groups, float epsilon, int silu) {
    if (batch <= 0 || channels <= 0 || pixels <= 0 || groups <= 0) return;
    nchw_context context = {dd_one_pass_current()->moments, dd_one_pass_current()->affine, y, x, scale, bias, channels / groups, groups, pixels, epsilon, silu};
    dd_parallel_for(pool, batch * groups, nchw_task, &context);
}

// MARK: channels-last statistics

static int64_t pixel_block(int64_t pixels) { return dd_max(PIXEL_BLOCK_MIN, dd_ceil_div(pixels, PIXEL_BLOCKS)); }

int64_t dd_group_statistics_nhwc_scratch(int64_t batch, int64_t channels, int64_t pixels) {
    return batch * dd_ceil_div(pixels, pixel_block(pixels)) * channels * 2 * (int64_t)sizeof(double);
}

int64_t dd_group_norm_nhwc_scratch(int64_t batch, int64_t channels, int64_t pixels) {
    return dd_group_statistics_nhwc_scratch(batch, channels, pixels) + batch * channels * 2 * (int64_t)sizeof(float);
}

typedef struct sums_context {
    void (*column_sums)(double *, double *, const float *, const float *, int64_t, int64_t, int64_t);
    double *sums;
    const dd_nhwc_source *sources;
    int source_count;
    int64_t channels, pixels, block, blocks, channel_tasks;
} sums_context;

/// Tasks that sum a source's channels over a block of pixels.
static int64_t own_tasks(const dd_nhwc_source *source) { return source->moments ? 0 : dd_ceil_div(source->channels, CHANNEL_BLOCK); }

static void sums_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const sums_context *c = raw;
    int64_t part = index % c->channel_tasks, row_block = index / c->channel_tasks;
    int64_t image = row_block / c->blocks, first = row_block % c->blocks * c->block;
    int64_t pixels = dd_min(c->block, c->pixels - first), row = image * c->pixels + first;
    double *sums = c->sums + row_block * c->channels * 2; // [2][channels]
    for (int s = 0; s < c->source_count; s++) {
        const dd_nhwc_source *source = &c->sources[s];
        int64_t here = own_tasks(source);
        if (part < here) {
            int64_t channel = part * CHANNEL_BLOCK;
            int64_t count = dd_min(CHANNEL_BLOCK, source->channels - channel);
            sums += channel;
            memset(sums, 0, (size_t)count * sizeof(double));
            memset(sums + c->channels, 0, (size_t)count * sizeof(double));
            for (int64_t p = 0; p < pixels; p += PIXEL_STEP) {
                int64_t at = (row + p) * source->channels + channel;
                const float *addend = source->addend ? source->addend + at : NULL;
                c->column_sums(sums, sums + c->channels, source->x + at, addend, source->channels, count, dd_min(PIXEL_STEP, pixels - p));
            }
            return;
        }
        part -= here;
        sums += source->channels;
    }
}

typedef struct scale_shift_context {
    float *scale_out, *shift_out;
    const double *sums;
    const dd_nhwc_source *sources;
    const float *scale, *bias;
    int64_t blocks, channels, pixels, groups, group_channels;
    double epsilon;
} scale_shift_context;

static void scale_shift_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const scale_shift_context *c = raw;
    int64_t image = index / c->groups, first = index % c->groups * c->group_channels, last = first + c->group_channels;
    double sum = 0, square = 0, pixels = (double)c->pixels;
    for (int64_t k = first; k < last; k++) {
        const int second = k >= c->sources[0].channels;
        const dd_nhwc_source *source = &c->sources[second];
        if (source->moments) {
            const float *moments = source->moments + (image * source->channels + k - (second ? c->sources[0].channels : 0)) * 2;
            const double mean = moments[0], variance = moments[1];
            sum += pixels * mean;
            square += pixels * (variance + mean * mean);
            continue;
        }
        const double *sums = c->sums + image * c->blocks * c->channels * 2 + k;
        for (int64_t b = 0; b < c->blocks; b++, sums += c->channels * 2) {
            sum += sums[0];
            square += sums[c->channels];
        }
    }
    double n = (double)c->group_channels * pixels, mean = sum / n, variance = square / n - mean * mean;
    if (variance < 0) variance = 0;
    double rstd = 1.0 / sqrt(variance + c->epsilon);
    for (int64_t k = first; k < last; k++) {
        double factor = rstd * (c->scale ? (double)c->scale[k] : 1.0);
        c->scale_out[image * c->channels + k] = (float)factor;
        c->shift_out[image * c->channels + k] = (float)((c->bias ? (double)c->bias[k] : 0.0) - mean * factor);
    }
}

void dd_group_statistics_nhwc_f32(dd_pool *pool, float *scale_out, float *shift_out, const dd_nhwc_source *sources, int source_count, const float *scale,
                                  const float *bias, int64_t batch, int64_t pixels, int64_t groups, float epsilon, void *scratch) {
    if (batch <= 0 || pixels <= 0) return;
    sums_context context = {dd_one_pass_current()->column_sums, scratch, sources, source_count, .pixels = pixels};
    for (int s = 0; s < source_count; s++) {
        context.channels += sources[s].channels;
        context.channel_tasks += own_tasks(&sources[s]);
    }
    context.block = pixel_block(pixels);
    context.blocks = dd_ceil_div(pixels, context.block);
    if (context.channel_tasks) dd_parallel_for(pool, batch * context.blocks * context.channel_tasks, sums_task, &context);
    scale_shift_context finish = {
        scale_out, shift_out, scratch, sources, scale, bias, context.blocks, context.channels, pixels, groups, context.channels / groups, epsilon};
    dd_parallel_for(pool, batch * groups, scale_shift_task, &finish);
}

// MARK: channels-last application

typedef struct apply_context {
    void (*affine_row)(float *, const float *, int64_t, const float *, const float *, int);
    float *y;
    const float *x, *scale, *shift;
    int64_t channels, pixels, rows, rows_per_task;
    int silu;
} apply_context;

// In pieces of the channels, whose scale and shift stay in the first cache for all rows of the task.
static void apply_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const apply_context *c = raw;
    const int64_t first = index * c->rows_per_task, last = dd_min(first + c->rows_per_task, c->rows);
    for (int64_t k = 0; k < c->channels; k += CHANNEL_PIECE) {
        const int64_t count = dd_min(CHANNEL_PIECE, c->channels - k);
        for (int64_t row = first; row < last; row++) {
            const int64_t at = row / c->pixels * c->channels + k, here = row * c->channels + k;
            c->affine_row(c->y + here, c->x + here, count, c->scale + at, c->shift + at, c->silu);
        }
    }
}

void dd_group_norm_nhwc_f32(dd_pool *pool, float *y, const float *x, const float *scale, const float *bias, int64_t batch, int64_t channels, int64_t pixels,
                            int64_t groups, float epsilon, int silu, void *scratch) {
    if (batch <= 0 || channels <= 0 || pixels <= 0) return;
    char *after = (char *)scratch + dd_group_statistics_nhwc_scratch(batch, channels, pixels);
    float *scales = (float *)(void *)after, *shifts = scales + batch * channels;
    const dd_nhwc_source source = {.x = x, .channels = channels};
    dd_group_statistics_nhwc_f32(pool, scales, shifts, &source, 1, scale, bias, batch, pixels, groups, epsilon, scratch);
    apply_context context = {dd_one_pass_current()->affine_row, y,   x, scales, shifts, channels, pixels, batch * pixels,
                             dd_max(1, TASK_FLOATS / channels), silu};
    dd_parallel_for(pool, dd_ceil_div(context.rows, context.rows_per_task), apply_task, &context);
}

// MARK: channels-last gradient

typedef struct gradient_context {
    void (*parts)(float *, float *, const float *, const float *, int64_t, const float *, const float *, const float *, const float *, int);
    float *y;
    const float *x, *g, *scale, *bias;
    double *sums;        // [batch][blocks][2][channels]: of h, and of h times the norm
    float *rstd, *shift; // [batch][channels]: the norm is x * rstd + shift
    float *means;        // [batch][2][channels]: a channel's group's mean of h, and of h times the norm
    int64_t channels, pixels, block, blocks, groups, rows, rows_per_task;
    int silu;
} gradient_context;

// The norm and h of up to CHANNEL_PIECE channels of a row.
static int64_t gradient_parts(const gradient_context *c, int64_t row, int64_t channel, float *norm, float *h) {
    const int64_t count = dd_min(CHANNEL_PIECE, c->channels - channel), here = row * c->channels + channel, at = row / c->pixels * c->channels + channel;
    c->parts(norm, h, c->x + here, c->g + here, count, c->rstd + at, c->shift + at, c->scale + channel, c->bias + channel, c->silu);
    return count;
}

static void gradient_sums_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const gradient_context *c = raw;
    const int64_t first = index % c->blocks * c->block, row = index / c->blocks * c->pixels + first, pixels = dd_min(c->block, c->pixels - first);
    double *sums = c->sums + index * 2 * c->channels, *products = sums + c->channels;
    memset(sums, 0, 2 * (size_t)c->channels * sizeof(double));
    float norm[CHANNEL_PIECE], h[CHANNEL_PIECE];
    for (int64_t channel = 0; channel < c->channels; channel += CHANNEL_PIECE) {
        for (int64_t p = 0; p < pixels; p++) {
            const int64_t count = gradient_parts(c, row + p, channel, norm, h);
            for (int64_t k = 0; k < count; k++) {
                sums[channel + k] += (double)h[k];
                products[channel + k] += (double)h[k] * (double)norm[k];
            }
        }
    }
}

static void gradient_means_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const gradient_context *c = raw;
    const int64_t image = index / c->groups, width = c->channels / c->groups, first = index % c->groups * width;
    const double *sums = c->sums + image * c->blocks * 2 * c->channels;
    for (int part = 0; part < 2; part++) {
        double sum = 0;
        for (int64_t b = 0; b < c->blocks; b++) {
            for (int64_t k = first; k < first + width; k++) sum += sums[(2 * b + part) * c->channels + k];
        }
        float *means = c->means + (2 * image + part) * c->channels;
        for (int64_t k = first; k < first + width; k++) means[k] = (float)(sum / ((double)width * (double)c->pixels));
    }
}

static void gradient_apply_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const gradient_context *c = raw;
    const int64_t first = index * c->rows_per_task, last = dd_min(first + c->rows_per_task, c->rows);
    float norm[CHANNEL_PIECE], h[CHANNEL_PIECE];
    for (int64_t channel = 0; channel < c->channels; channel += CHANNEL_PIECE) {
        for (int64_t row = first; row < last; row++) {
            const int64_t count = gradient_parts(c, row, channel, norm, h), image = row / c->pixels;
            const float *means = c->means + 2 * image * c->channels + channel, *products = means + c->channels, *rstd = c->rstd + image * c->channels + channel;
            float *y = c->y + row * c->channels + channel;
            for (int64_t k = 0; k < count; k++) y[k] = rstd[k] * (h[k] - means[k] - norm[k] * products[k]);
        }
    }
}

int64_t dd_group_norm_gradient_nhwc_scratch(int64_t batch, int64_t channels, int64_t pixels) {
    return dd_group_statistics_nhwc_scratch(batch, channels, pixels) + 4 * batch * channels * (int64_t)sizeof(float);
}

void dd_group_norm_gradient_nhwc_f32(dd_pool *pool, float *y, const float *x, const float *scale, const float *bias, const float *g, int64_t batch,
                                     int64_t channels, int64_t pixels, int64_t groups, float epsilon, int silu, void *scratch) {
    if (batch <= 0 || channels <= 0 || pixels <= 0) return;
    float *after = (float *)(void *)((char *)scratch + dd_group_statistics_nhwc_scratch(batch, channels, pixels));
    gradient_context context = {dd_one_pass_current()->norm_gradient_parts, y, x, g, scale, bias, .sums = scratch, .rstd = after, .silu = silu};
    context.shift = after + batch * channels;
    context.means = after + 2 * batch * channels;
    context.channels = channels;
    context.pixels = pixels;
    context.block = pixel_block(pixels);
    context.blocks = dd_ceil_div(pixels, context.block);
    context.groups = groups;
    context.rows = batch * pixels;
    context.rows_per_task = dd_max(1, TASK_FLOATS / channels);
    const dd_nhwc_source source = {.x = x, .channels = channels};
    dd_group_statistics_nhwc_f32(pool, context.rstd, context.shift, &source, 1, NULL, NULL, batch, pixels, groups, epsilon, scratch);
    dd_parallel_for(pool, batch * context.blocks, gradient_sums_task, &context);
    dd_parallel_for(pool, batch * groups, gradient_means_task, &context);
    dd_parallel_for(pool, dd_ceil_div(context.rows, context.rows_per_task), gradient_apply_task, &context);
}

// MARK: rows

typedef struct rows_context {
    void (*layer_norm_row)(float *, const float *, const float *, const float *, int64_t, float);
    float *y;
    const float *x, *scale, *bias;
    int64_t rows, n, rows_per_task;
    float epsilon;
} rows_context;

static void layer_norm_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const rows_context *c = raw;
    int64_t first = index * c->rows_per_task, last = dd_min(first + c->rows_per_task, c->rows);
    for (int64_t r = first; r < last; r++) c->layer_norm_row(c->y + r * c->n, c->x + r * c->n, c->scale, c->bias, c->n, c->epsilon);
}

void dd_layer_norm_f32(dd_pool *pool, float *y, const float *x, const float *scale, const float *bias, int64_t rows, int64_t n, float epsilon) {
    if (n <= 0) return;
    rows_context context = {.layer_norm_row = dd_one_pass_current()->layer_norm_row, .y = y, .x = x, .scale = scale, .bias = bias};
    context.rows = rows;
    context.n = n;
    context.epsilon = epsilon;
    context.rows_per_task = dd_max(1, TASK_FLOATS / n);
    dd_parallel_for(pool, dd_ceil_div(rows, context.rows_per_task), layer_norm_task, &context);
}
