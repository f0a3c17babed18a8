// Runs a planned convolution with the kernels of the instruction set in use.
#include <string.h>

#include "../isa/kernels.h"
#include "../norm/moments.h"

typedef struct conv_job {
    dd_conv_plan plan;
    dd_conv_kernel kernel;
} conv_job;

/// Fills in where each unit's outputs go; the offsets in v are the algorithm's affair.
static void place_units(const dd_conv_block *b) {
    const dd_conv_plan *p = b->plan;
    const int64_t tile = p->algorithm->tile;
    dd_conv_unit *unit = b->units;
    for (int64_t i = 0; i < b->images; i++) {
        for (int64_t y = b->y; y < b->y + b->high; y++) {
            for (int64_t x = b->x; x < b->x + b->wide; x++, unit++) {
                const int64_t top = y * tile, left = x * tile;
                unit->out_pixel = ((b->first_image + i) * p->out_height + top) * p->out_width + left;
                unit->image = (int32_t)i;
                unit->rows = (int32_t)dd_min(tile, p->out_height - top);
                unit->cols = (int32_t)dd_min(tile, p->out_width - left);
            }
        }
    }
}

/// bias + channel_add of every image of a block, zeros behind cout.
static void combine_additions(const dd_conv_block *b) {
    const dd_conv_plan *p = b->plan;
    const dd_conv_args *a = &p->a;
    float *combined = b->combined;
    for (int64_t i = 0; i < b->images; i++, combined += p->cout_padded) {
        const float *add = a->channel_add ? a->channel_add + (a->channel_add_per_image ? b->first_image + i : 0) * a->cout : NULL;
        for (int64_t c = 0; c < p->cout_padded; c++) {
            float v = 0;
            if (c < a->cout && a->bias) v = a->bias[c];
            if (c < a->cout && add) v += add[c];
            combined[c] = v;
        }
    }
}

/// Block index / panel_tasks, its panels from (index % panel_tasks) * panels_per_task.
static void run_task(void *raw, int64_t index, int worker) {
    const conv_job *job = raw;
    const dd_conv_plan *p = &job->plan;
    char *slice = p->scratch + (size_t)worker * p->worker_bytes;
    int64_t *gathered = (int64_t *)(void *)slice;
    const int64_t blocks = p->blocks_high * p->blocks_wide, block = index / p->panel_tasks, in_image = block % blocks;
    dd_conv_block b = {
        .plan = p,
        .index = block,
        .first_image = block / blocks * p->block_images,
        .y = p->unit_begin + in_image / p->blocks_wide * p->block_high,
        .x = in_image % p->blocks_wide * p->block_wide,
        .units = (dd_conv_unit *)(void *)(slice + p->units_at),
        .combined = (float *)(void *)(slice + p->combined_at),
        .strip = (float *)(void *)(slice + p->strip_at),
        .tile = (float *)(void *)(slice + p->tile_at),
        .v = (float *)(void *)(slice + p->v_at),
        .m = (float *)(void *)(slice + p->m_at),
        .weights = (float *)(void *)(slice + p->weights_at),
    };
    b.images = dd_min(p->block_images, p->a.batch - b.first_image);
    b.high = dd_min(p->block_high, p->unit_end - b.y);
    b.wide = dd_min(p->block_wide, p->units_wide - b.x);
    b.count = b.images * b.high * b.wide;
    if (*gathered != block) {
        *gathered = block;
        place_units(&b);
        combine_additions(&b);
        job->kernel.gather(&b);
    }
    const int64_t first = index % p->panel_tasks * p->panels_per_task;
    job->kernel.panels(&b, first, dd_min(first + p->panels_per_task, p->panels));
}

/// Brings together the blocks' means and variances of 32 channels of an image, in order of blocks, behind those of the rows before.
static void add_partials(void *raw, int64_t index, int worker) {
    (void)worker;
    const dd_conv_plan *p = &((const conv_job *)raw)->plan;
    const int64_t image = index / p->panels, channel = index % p->panels * DD_CONV_PANEL;
    const int64_t blocks = p->blocks_high * p->blocks_wide, high = p->block_high * p->algorithm->tile, wide = p->block_wide * p->algorithm->tile;
    const float *partial = (const float *)(void *)(p->scratch + p->partials_at) + image * blocks * 3 * p->cout_padded + channel;
    const int64_t begin = p->unit_begin * p->algorithm->tile, end = dd_min(p->unit_end * p->algorithm->tile, p->out_height);
    const int64_t channels = dd_min(DD_CONV_PANEL, p->a.cout - channel);
    double mean[DD_CONV_PANEL] = {0}, squares[DD_CONV_PANEL] = {0}, before = (double)(begin * p->out_width);
    double *running = p->a.running_moments ? p->a.running_moments + 2 * channel : NULL;
    for (int64_t c = 0; begin > 0 && c < channels; c++) {
        mean[c] = running[2 * c];
        squares[c] = running[2 * c + 1];
    }
    for (int64_t y = begin; y < end; y += high) {
        for (int64_t x = 0; x < p->out_width; x += wide, partial += 3 * p->cout_padded) {
            const double count = (double)(dd_min(high, end - y) * dd_min(wide, p->out_width - x));
            dd_moments_add(mean, squares, before, partial, partial + p->cout_padded, partial + 2 * p->cout_padded, count, DD_CONV_PANEL);
            before += count;
        }
    }
    if (end == p->out_height) {
        dd_moments_store(p->a.moments + (image * p->a.cout + channel) * 2, mean, squares, before, channels);
        return;
    }
    for (int64_t c = 0; c < channels; c++) {
        running[2 * c] = mean[c];
        running[2 * c + 1] = squares[c];
    }
}

int dd_conv(dd_pool *pool, const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args, const void *packed, void *scratch) {
    if (dd_conv_check(algorithm, precision, args) != DD_CONV_OK) return DD_CONV_UNSUPPORTED;
    const int threads = dd_pool_size(pool);
    conv_job job;
    dd_conv_make_plan(&job.plan, algorithm, precision, args, threads);
    job.plan.packed = packed;
    job.plan.scratch = scratch;
    const dd_kernels *kernels = dd_kernels_current();
    while (!kernels->conv) kernels = kernels->base;
    job.kernel = kernels->conv[dd_conv_algorithm_index(algorithm)][precision];
    for (int worker = 0; worker < threads; worker++) *(int64_t *)(void *)(job.plan.scratch + (size_t)worker * job.plan.worker_bytes) = -1;
    dd_parallel_for(pool, job.plan.blocks * job.plan.panel_tasks, run_task, &job);
    if (args->takes_moments) dd_parallel_for(pool, args->batch * job.plan.panels, add_partials, &job);
    return DD_CONV_OK;
}
