// Plans a convolution (blocks, scratch layout, tasks) and hands it to the kernels of the instruction set in use.
#include <string.h>

#include "../isa/kernels.h"
#include "../norm/moments.h"

static int64_t padded_extent(int64_t extent, int64_t before, int64_t after, int64_t kernel, int64_t stride) {
    const int64_t room = extent + before + after - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

int64_t dd_conv_out_height(dd_conv_kind kind, const dd_conv_args *a) {
    if (kind == DD_CONV_UPSAMPLE_3X3) return 2 * a->height;
    return padded_extent(a->height, a->pad_top, a->pad_bottom, a->kh, a->stride);
}

int64_t dd_conv_out_width(dd_conv_kind kind, const dd_conv_args *a) {
    if (kind == DD_CONV_UPSAMPLE_3X3) return 2 * a->width;
    return padded_extent(a->width, a->pad_left, a->pad_right, a->kw, a->stride);
}

int dd_conv_check(dd_conv_kind kind, const dd_conv_args *a) {
    if (a->batch < 1 || a->height < 1 || a->width < 1 || a->cin0 < 1 || a->cin1 < 0 || a->cout < 1 || a->stride < 1 ||
        a->pad_top < 0 || a->pad_left < 0 || a->pad_bottom < 0 || a->pad_right < 0)
        return DD_CONV_UNSUPPORTED;
    if (dd_conv_products(kind, a->kh, a->kw) == 0) return DD_CONV_UNSUPPORTED;
    if (kind != DD_CONV_DIRECT && a->stride != (kind == DD_CONV_WINOGRAD_STRIDE_2 ? 2 : 1)) return DD_CONV_UNSUPPORTED;
    if (kind == DD_CONV_UPSAMPLE_3X3 && (a->pad_top != 1 || a->pad_left != 1 || a->pad_bottom != 1 || a->pad_right != 1))
        return DD_CONV_UNSUPPORTED;
    if (dd_conv_out_height(kind, a) < 1 || dd_conv_out_width(kind, a) < 1) return DD_CONV_UNSUPPORTED;
    return DD_CONV_OK;
}

/// Units a block aims at. Small blocks keep their inputs in the second-level cache; larger ones reuse weights more, which
/// pays when the weights do not fit the last-level cache and each block reads them from memory.
static int64_t target_units(const dd_conv_plan *p) {
    const int large = dd_conv_packed_bytes(p->kind, p->precision, p->a.cout, p->cin, p->a.kh, p->a.kw) > 24 << 20;
    switch (p->kind) {
        case DD_CONV_DIRECT: return 192;
        case DD_CONV_WINOGRAD_F2: return large ? 64 : 32;
        case DD_CONV_WINOGRAD_F4: return large ? 32 : 8;
        case DD_CONV_WINOGRAD_F6: return 8;
        case DD_CONV_WINOGRAD_STRIDE_2: return large ? 64 : p->cin <= 256 ? 16 : 32;
        case DD_CONV_UPSAMPLE_3X3: return 256;
        case DD_CONV_WINOGRAD_F2_PLAIN:
        case DD_CONV_WINOGRAD_F4_PLAIN: return 64; // that share what the transform of the weights costs
    }
    return 128;
}

/// Groups of eight units in all blocks when `high` x `wide` units are cut into blocks of bh x bw.
static int64_t count_groups(int64_t high, int64_t wide, int64_t bh, int64_t bw, int64_t images) {
    int64_t groups = 0;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            const int64_t rows = i ? high % bh : bh, cols = j ? wide % bw : bw;
            groups += (i ? 1 : high / bh) * (j ? 1 : wide / bw) * dd_conv_ceil(rows * cols * images, DD_CONV_GROUP);
        }
    }
    return groups;
}

static void choose_block(dd_conv_plan *p) {
    const int64_t target = target_units(p), batch = p->a.batch;
    double best = 0;
    for (int64_t bh = 1; bh <= target && bh <= p->units_high; bh++) {
        for (int64_t bw = 1; bw <= target / bh && bw <= p->units_wide; bw++) {
            int64_t images = 1;
            if (bh == p->units_high && bw == p->units_wide && !p->a.takes_moments) images = dd_conv_min(batch, target / (bh * bw));
            const int64_t of_images = dd_conv_ceil(batch, images);
            const int64_t blocks = of_images * dd_conv_ceil(p->units_high, bh) * dd_conv_ceil(p->units_wide, bw);
            const int64_t groups = of_images * count_groups(p->units_high, p->units_wide, bh, bw, images);
            const int64_t step = p->kind == DD_CONV_UPSAMPLE_3X3 ? 1 : p->tile * p->a.stride;
            const double loaded = (double)blocks * (double)images * (double)((bh * step + 2) * (bw * step + 2));
            // In groups' time: reading a block's weights costs part of a group, loading a pixel next to nothing.
            const double cost = (double)groups + 0.4 * (double)blocks + loaded * 0.02 / (double)(step * step);
            if (best == 0 || cost < best) {
                best = cost;
                p->block_images = images;
                p->block_high = bh;
                p->block_wide = bw;
            }
        }
    }
    p->blocks_images = dd_conv_ceil(batch, p->block_images);
    p->blocks_high = dd_conv_ceil(p->units_high, p->block_high);
    p->blocks_wide = dd_conv_ceil(p->units_wide, p->block_wide);
    p->blocks = p->blocks_images * p->blocks_high * p->blocks_wide;
    p->block_groups = dd_conv_ceil(p->block_images * p->block_high * p->block_wide, DD_CONV_GROUP);
}

/// Splits the panels of a block into tasks when there are too few blocks to keep every thread busy. A worker gathers a
/// block once however many of its panel tasks it gets. No result depends on the split.
static void choose_tasks(dd_conv_plan *p, int threads) {
    const double gather = 0.04;  // share of a block's time
    double best = 0;
    for (int64_t per_task = p->panels; per_task >= 1; per_task--) {
        const int64_t split = dd_conv_ceil(p->panels, per_task);
        const int64_t rounds = dd_conv_ceil(p->blocks * split, threads);
        const int64_t gathers = split == 1 ? rounds : dd_conv_min(rounds, p->blocks);
        const double cost = (double)(rounds * per_task) / (double)p->panels + gather * (double)gathers;
        if (best == 0 || cost < 0.99 * best) {
            best = cost;
            p->panels_per_task = per_task;
            p->panel_tasks = split;
        }
    }
}

static void lay_out_gather(dd_conv_plan *p) {
    const dd_conv_args *a = &p->a;
    const int64_t step = p->kind == DD_CONV_UPSAMPLE_3X3 ? 1 : p->tile * a->stride;
    p->strip_rows = (p->block_high - 1) * step + (p->tile - 1) * a->stride + a->kh;
    p->strip_cols = (p->block_wide - 1) * step + (p->tile - 1) * a->stride + a->kw;
    if (p->kind == DD_CONV_UPSAMPLE_3X3) {
        p->strip_rows = p->block_high + 2;
        p->strip_cols = p->block_wide + 2;
    }
    if (p->precision == DD_CONV_INT16) {
        p->scales_at = dd_conv_round_up(p->words, 16);
        p->ldv = p->scales_at + dd_conv_round_up(p->parts, 16);
        p->chunk = 2 * p->part_words;
    } else if (p->kind == DD_CONV_DIRECT) {
        // Dense pixels make the taps of a row one stretch; at strides that fall into few cache sets they are set apart.
        p->ldv = p->words % 256 == 0 ? p->words + 16 : p->words;
        p->runs = p->ldv == p->words ? a->kh : a->kh * a->kw;
        p->run_words = p->ldv == p->words ? a->kw * p->words : p->words;
        p->chunk = p->cin;
    } else {
        p->ldv = dd_conv_round_up(p->words, 16) + 16;
        const int64_t budget = 96 * 1024 / (int64_t)sizeof(float) / (p->block_images * p->strip_rows * p->strip_cols);
        p->chunk = budget / 16 * 16;
        if (p->chunk < 16) p->chunk = 16;
        p->chunk = dd_conv_min(p->chunk, dd_conv_round_up(p->cin, 16));
    }
    // Pixels at a power of two would fall into few cache sets.
    p->chunk_ld = p->chunk + 16;
    p->ldm = p->block_groups * DD_CONV_GROUP * DD_CONV_PANEL + 16;
    // Inputs that no cache near the processor holds are read once for some panels, whose products wait there instead.
    const int64_t input_bytes = p->block_groups * DD_CONV_GROUP * p->products * p->ldv * (int64_t)sizeof(float);
    p->panel_group = dd_conv_min(p->panels_per_task, (p->kind == DD_CONV_WINOGRAD_F2 || p->kind == DD_CONV_WINOGRAD_F4) && input_bytes > 4 << 20 ? 4 : 1);
}

static size_t reserve(size_t *end, int64_t count, size_t size) {
    const size_t at = *end;
    *end = (at + (size_t)count * size + 63) / 64 * 64;
    return at;
}

/// Returns the bytes of scratch memory.
static size_t lay_out_scratch(dd_conv_plan *p, int threads) {
    const int64_t units = p->block_groups * DD_CONV_GROUP;
    const int64_t pixels = p->block_images * p->strip_rows * p->strip_cols;
    size_t end = 64;  // the block index
    p->units_at = reserve(&end, units, sizeof(dd_conv_unit));
    p->combined_at = reserve(&end, p->block_images * p->cout_padded, sizeof(float));
    if (p->kind == DD_CONV_DIRECT) {
        p->strip_at = reserve(&end, dd_conv_round_up(p->cin, 32) + 16, sizeof(float));  // one pixel, before it becomes integers
        p->v_at = reserve(&end, pixels * p->ldv + 32, sizeof(float));
        p->m_at = end;
    } else {
        const int64_t slots = p->kind == DD_CONV_UPSAMPLE_3X3 ? 4 * p->block_images * (p->block_high + 1) * (p->block_wide + 1)
                                                              : units * p->products;
        p->strip_at = reserve(&end, pixels * p->chunk_ld, sizeof(float));
        p->tile_at = reserve(&end, p->precision == DD_CONV_INT16 ? p->products * p->chunk_ld : 0, sizeof(float));
        p->v_at = reserve(&end, slots * p->ldv, sizeof(float));
        p->m_at = reserve(&end, p->panel_group * p->products * p->ldm, sizeof(float));
        p->weights_at = reserve(&end, dd_conv_is_plain(p->kind) ? p->products * p->ldw : 0, sizeof(float));
    }
    // Slices of different workers fall into different cache sets.
    p->worker_bytes = (end + 4095) / 4096 * 4096 + 1024;
    size_t total = p->worker_bytes * (size_t)threads;
    p->partials_at = reserve(&total, p->a.takes_moments ? p->blocks * 3 * p->cout_padded : 0, sizeof(float));
    return total;
}

static size_t make_plan(dd_conv_plan *p, dd_conv_kind kind, dd_conv_precision precision, const dd_conv_args *args, int threads) {
    memset(p, 0, sizeof *p);
    p->a = *args;
    dd_conv_args *a = &p->a;
    if (!a->ldx0) a->ldx0 = a->cin0;
    if (!a->ldx1) a->ldx1 = a->cin1;
    if (!a->ldx0_add) a->ldx0_add = a->cin0;
    if (!a->ldx1_add) a->ldx1_add = a->cin1;
    if (!a->ld_residual) a->ld_residual = a->cout;
    if (!a->ldy) a->ldy = a->cout;
    p->kind = kind;
    p->precision = precision;
    p->cin = a->cin0 + a->cin1;
    p->words = precision == DD_CONV_FLOAT32 ? p->cin : (p->cin + 1) / 2;
    p->part_words = precision == DD_CONV_INT16 ? dd_conv_part_words(p->words) : p->words;
    p->parts = dd_conv_ceil(p->words, p->part_words);
    p->panel_rows = dd_conv_panel_rows(kind, precision, p->cin, a->kh, a->kw);
    p->product_rows = p->words + (precision == DD_CONV_INT16);
    p->panels = dd_conv_ceil(a->cout, DD_CONV_PANEL);
    p->cout_padded = p->panels * DD_CONV_PANEL;
    p->out_height = dd_conv_out_height(kind, a);
    p->out_width = dd_conv_out_width(kind, a);
    p->products = dd_conv_products(kind, a->kh, a->kw);
    p->tile = kind == DD_CONV_DIRECT ? 1 : p->products == 64 ? 6 : p->products == 36 ? 4 : 2;
    // A panel's transformed weights fit the second-level cache; products are not a multiple of 4 KiB apart.
    p->words_at_once = p->products == 36 || precision == DD_CONV_INT16 ? 64 : 128;
    p->ldw = p->words_at_once * DD_CONV_PANEL + 32;
    p->units_high = dd_conv_ceil(p->out_height, p->tile);
    p->units_wide = dd_conv_ceil(p->out_width, p->tile);
    // A result larger than the caches is gone from them before anyone reads it; reading its lines in to write them whole
    // would only cost memory bandwidth.
    const int64_t result_bytes = a->batch * p->out_height * p->out_width * a->cout * (int64_t)sizeof(float);
    p->streams = result_bytes >= 24 << 20 && a->ldy % 16 == 0 && (uintptr_t)a->y % 64 == 0 && a->residual != a->y;
    choose_block(p);
    choose_tasks(p, threads);
    lay_out_gather(p);
    return lay_out_scratch(p, threads);
}

size_t dd_conv_scratch_bytes(dd_conv_kind kind, dd_conv_precision precision, const dd_conv_args *args, int threads) {
    if (dd_conv_check(kind, args) != DD_CONV_OK) return 0;
    dd_conv_plan plan;
    return make_plan(&plan, kind, precision, args, threads < 1 ? 1 : threads);
}

typedef struct run_context {
    dd_conv_plan plan;
    dd_conv_task task;
} run_context;

static void run_task(void *raw, int64_t index, int worker) {
    const run_context *context = raw;
    context->task(&context->plan, index, worker);
}

/// Brings together the blocks' means and variances of 32 channels of an image, in order of blocks.
static void add_partials(void *raw, int64_t index, int worker) {
    (void)worker;
    const dd_conv_plan *p = &((const run_context *)raw)->plan;
    const int64_t image = index / p->panels, channel = index % p->panels * DD_CONV_PANEL;
    const int64_t blocks = p->blocks_high * p->blocks_wide, high = p->block_high * p->tile, wide = p->block_wide * p->tile;
    const float *partial = (const float *)(p->scratch + p->partials_at) + image * blocks * 3 * p->cout_padded + channel;
    double mean[DD_CONV_PANEL] = {0}, squares[DD_CONV_PANEL] = {0}, before = 0;
    for (int64_t y = 0; y < p->out_height; y += high) {
        for (int64_t x = 0; x < p->out_width; x += wide, partial += 3 * p->cout_padded) {
            const double count = (double)(dd_conv_min(high, p->out_height - y) * dd_conv_min(wide, p->out_width - x));
            dd_moments_add(
                mean, squares, before, partial, partial + p->cout_padded, partial + 2 * p->cout_padded, count, DD_CONV_PANEL);
            before += count;
        }
    }
    dd_moments_store(
        p->a.moments + (image * p->a.cout + channel) * 2, mean, squares, before, dd_conv_min(DD_CONV_PANEL, p->a.cout - channel));
}

int dd_conv(dd_pool *pool, dd_conv_kind kind, dd_conv_precision precision, const dd_conv_args *args, const void *packed,
            void *scratch) {
    return dd_conv_with_isa(dd_isa_current(), pool, kind, precision, args, packed, scratch);
}

int dd_conv_with_isa(int isa, dd_pool *pool, dd_conv_kind kind, dd_conv_precision precision, const dd_conv_args *args,
                     const void *packed, void *scratch) {
    if (dd_conv_check(kind, args) != DD_CONV_OK) return DD_CONV_UNSUPPORTED;
    const int threads = dd_pool_size(pool);
    run_context context;
    make_plan(&context.plan, kind, precision, args, threads);
    context.plan.packed = packed;
    context.plan.scratch = scratch;
    const dd_kernels *kernels = dd_kernels_of(isa);
    while (!kernels->conv) kernels = kernels->base;
    context.task = kernels->conv[precision];
    for (int worker = 0; worker < threads; worker++) {
        const int64_t none = -1;
        memcpy(context.plan.scratch + (size_t)worker * context.plan.worker_bytes, &none, sizeof none);
    }
    dd_parallel_for(pool, context.plan.blocks * context.plan.panel_tasks, run_task, &context);
    if (context.plan.a.takes_moments) dd_parallel_for(pool, args->batch * context.plan.panels, add_partials, &context);
    return DD_CONV_OK;
}

dd_conv_precision dd_conv_precision_of(dd_conv_kind kind, dd_conv_precision precision, int64_t cin) {
    return kind == DD_CONV_DIRECT && cin < 32 ? DD_CONV_FLOAT32 : precision;
}

dd_conv_kind dd_conv_choose(dd_conv_precision precision, const dd_conv_args *args, int lean) {
    const int64_t pixels = args->batch * dd_conv_out_height(DD_CONV_DIRECT, args) * dd_conv_out_width(DD_CONV_DIRECT, args);
    // Too few sums to pay for the transforms. (Few output channels are no reason: a panel of 32 is computed anyway.)
    if (args->cin0 + args->cin1 < 8) return DD_CONV_DIRECT;
    // Saves a quarter to a fifth of the time; with fewer pixels that is not worth the larger weights.
    if (dd_conv_check(DD_CONV_WINOGRAD_STRIDE_2, args) == DD_CONV_OK) return pixels >= 1024 && !lean ? DD_CONV_WINOGRAD_STRIDE_2 : DD_CONV_DIRECT;
    if (dd_conv_check(DD_CONV_WINOGRAD_F2, args) != DD_CONV_OK) return DD_CONV_DIRECT;
    // Tiles are multiplied by eights, and at 8 x 8 there are 16 of F2.
    if (pixels < 64) return DD_CONV_DIRECT;
    // F4 on plain weights overtakes F2 with transformed ones between 12 x 12 and 14 x 14.
    const int f4 = pixels >= 192;
    if (lean) return f4 ? DD_CONV_WINOGRAD_F4_PLAIN : DD_CONV_WINOGRAD_F2_PLAIN;
    // A tenth of the time less. Tiles of 6 x 6 fit smaller images badly, whose weights are larger besides; int16 would lose too many digits.
    if (precision == DD_CONV_FLOAT32 && pixels >= 256 * 256) return DD_CONV_WINOGRAD_F6;
    // With fewer pixels transforming the weights costs less than reading four times as many.
    if (f4) return pixels >= (precision == DD_CONV_FLOAT32 ? 512 : 2048) ? DD_CONV_WINOGRAD_F4 : DD_CONV_WINOGRAD_F4_PLAIN;
    // At 8 x 8 F2 takes 0.5 of the direct way's time even where all weights come from memory, and 0.64 (in 16 bits: 0.72) if it
    // transforms them itself. In float32 that is better than the 1.3 GB that a step of the released sizes would take more.
    return precision == DD_CONV_FLOAT32 ? DD_CONV_WINOGRAD_F2_PLAIN : DD_CONV_WINOGRAD_F2;
}
