// Plans a convolution: blocks, tasks, and where everything lies in scratch memory.
#include <string.h>

#include "plan.h"

/// Groups of eight units in all blocks when `high` x `wide` units are cut into blocks of bh x bw.
static int64_t count_groups(int64_t high, int64_t wide, int64_t bh, int64_t bw, int64_t images) {
    int64_t groups = 0;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            const int64_t rows = i ? high % bh : bh, cols = j ? wide % bw : bw;
            groups += (i ? 1 : high / bh) * (j ? 1 : wide / bw) * dd_ceil_div(rows * cols * images, DD_CONV_GROUP);
        }
    }
    return groups;
}

static void choose_block(dd_conv_plan *p) {
    const int large = dd_conv_packed_bytes(p->algorithm, p->precision, &p->a) > 24 << 20;
    const int64_t target = p->algorithm->units[large ? 2 : p->cin > 256], batch = p->a.batch;
    // Moments are summed by blocks, which must not depend on what rows a call is for.
    const int64_t high = p->a.takes_moments ? p->units_high : p->unit_end - p->unit_begin;
    double best = 0;
    for (int64_t bh = 1; bh <= target && bh <= high; bh++) {
        for (int64_t bw = 1; bw <= target / bh && bw <= p->units_wide; bw++) {
            int64_t images = 1;
            if (bh == high && bw == p->units_wide && !p->a.takes_moments) images = dd_min(batch, target / (bh * bw));
            const int64_t of_images = dd_ceil_div(batch, images);
            const int64_t blocks = of_images * dd_ceil_div(high, bh) * dd_ceil_div(p->units_wide, bw);
            const int64_t groups = of_images * count_groups(high, p->units_wide, bh, bw, images);
            const double loaded = (double)blocks * (double)images * (double)((bh * p->step + 2) * (bw * p->step + 2));
            // In groups' time: reading a block's weights costs part of a group, loading a pixel next to nothing.
            const double cost = (double)groups + 0.4 * (double)blocks + loaded * 0.02 / (double)(p->step * p->step);
            if (best == 0 || cost < best) {
                best = cost;
                p->block_images = images;
                p->block_high = bh;
                p->block_wide = bw;
            }
        }
    }
    p->blocks_images = dd_ceil_div(batch, p->block_images);
    p->blocks_high = dd_ceil_div(p->unit_end - p->unit_begin, p->block_high);
    p->blocks_wide = dd_ceil_div(p->units_wide, p->block_wide);
    p->blocks = p->blocks_images * p->blocks_high * p->blocks_wide;
    p->block_groups = dd_ceil_div(p->block_images * p->block_high * p->block_wide, DD_CONV_GROUP);
}

/// Splits the panels of a block into tasks when there are too few blocks to keep every thread busy. A worker gathers a
/// block once however many of its panel tasks it gets. No result depends on the split.
static void choose_tasks(dd_conv_plan *p, int threads) {
    const double gather = 0.04; // share of a block's time
    double best = 0;
    for (int64_t per_task = p->panels; per_task >= 1; per_task--) {
        const int64_t split = dd_ceil_div(p->panels, per_task);
        const int64_t rounds = dd_ceil_div(p->blocks * split, threads);
        const int64_t gathers = split == 1 ? rounds : dd_min(rounds, p->blocks);
        const double cost = (double)(rounds * per_task) / (double)p->panels + gather * (double)gathers;
        if (best == 0 || cost < 0.99 * best) {
            best = cost;
            p->panels_per_task = per_task;
            p->panel_tasks = split;
        }
    }
}

static void lay_out_gather(dd_conv_plan *p) {
    p->strip_rows = (p->block_high - 1) * p->step + p->window;
    p->strip_cols = (p->block_wide - 1) * p->step + (p->algorithm->side ? p->window : p->a.kw);
    if (p->precision == DD_PRECISION_INT16) {
        p->scales_at = dd_round_up(p->words, 16);
        p->ldv = p->scales_at + dd_round_up(p->parts, 16);
        p->chunk = 2 * p->part_words;
    } else {
        p->ldv = dd_round_up(p->words, 16) + 16;
        const int64_t budget = 96 * 1024 / (int64_t)sizeof(float) / (p->block_images * p->strip_rows * p->strip_cols);
        p->chunk = dd_min(dd_max(budget / 16 * 16, 16), dd_round_up(p->cin, 16));
    }
    // Pixels at a power of two would fall into few cache sets.
    p->chunk_ld = p->chunk + 16;
    p->ldm = p->block_groups * DD_CONV_GROUP * DD_CONV_PANEL + 16;
    p->algorithm->lay_out(p);
    // Inputs that no cache near the processor holds are read once for some panels, whose products wait there instead.
    const int64_t input_bytes = p->block_groups * DD_CONV_GROUP * p->products * p->ldv * (int64_t)sizeof(float);
    p->panel_group = dd_min(p->panels_per_task, input_bytes > 4 << 20 ? p->algorithm->panels_together : 1);
}

static size_t reserve(size_t *end, int64_t count) {
    const size_t at = *end;
    *end = (at + (size_t)count * sizeof(float) + 63) / 64 * 64;
    return at;
}

/// Returns the bytes of scratch memory.
static size_t lay_out_scratch(dd_conv_plan *p, int threads) {
    const int64_t units = p->block_groups * DD_CONV_GROUP, strip_pixels = p->block_images * p->strip_rows * p->strip_cols;
    size_t end = 64; // the block index
    p->units_at = reserve(&end, units * (int64_t)(sizeof(dd_conv_unit) / sizeof(float)));
    p->combined_at = reserve(&end, p->block_images * p->cout_padded);
    if (p->algorithm->side == 0) {
        p->strip_at = reserve(&end, dd_round_up(p->cin, 32) + 16); // one pixel
        p->v_at = reserve(&end, p->slots * p->ldv + 32);
    } else {
        p->strip_at = reserve(&end, strip_pixels * p->chunk_ld);
        p->tile_at = reserve(&end, p->precision == DD_PRECISION_INT16 ? p->products * p->chunk_ld : 0);
        p->v_at = reserve(&end, p->slots * p->ldv);
        p->m_at = reserve(&end, p->panel_group * p->products * p->ldm);
        p->weights_at = reserve(&end, p->algorithm->plain ? p->products * p->ldw : 0);
    }
    // Slices of different workers fall into different cache sets.
    p->worker_bytes = (end + 4095) / 4096 * 4096 + 1024;
    size_t total = p->worker_bytes * (size_t)threads;
    p->partials_at = reserve(&total, p->a.takes_moments ? p->blocks * 3 * p->cout_padded : 0);
    return total;
}

size_t dd_conv_make_plan(dd_conv_plan *p, const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args, int threads) {
    memset(p, 0, sizeof *p);
    p->a = *args;
    const dd_conv_args *a = &p->a;
    const int integers = precision == DD_PRECISION_INT16;
    p->algorithm = algorithm;
    p->precision = precision;
    p->cin = a->cin0 + a->cin1;
    p->words = dd_conv_words(precision, p->cin);
    p->part_words = integers ? dd_conv_part_words(p->words) : p->words;
    p->parts = dd_ceil_div(p->words, p->part_words);
    p->panel_rows = dd_conv_panel_rows(algorithm, precision, a);
    p->product_rows = p->words + integers;
    p->panels = dd_ceil_div(a->cout, DD_CONV_PANEL);
    p->cout_padded = p->panels * DD_CONV_PANEL;
    p->out_height = dd_conv_out_height(a);
    p->out_width = dd_conv_out_width(a);
    p->products = dd_conv_products(algorithm, a);
    p->step = dd_conv_unit_step(algorithm, a);
    p->window = dd_conv_unit_window(algorithm, a);
    // A panel's transformed weights fit the second-level cache; products are not a multiple of 4 KiB apart.
    p->words_at_once = integers ? dd_min(64, algorithm->words_at_once) : algorithm->words_at_once;
    p->ldw = p->words_at_once * DD_CONV_PANEL + 32;
    p->units_high = dd_ceil_div(p->out_height, algorithm->tile);
    p->units_wide = dd_ceil_div(p->out_width, algorithm->tile);
    const int64_t row_end = a->row_end ? a->row_end : p->out_height;
    p->unit_begin = a->row_begin / algorithm->tile;
    p->unit_end = dd_ceil_div(row_end, algorithm->tile);
    // A result larger than the caches is gone from them before anyone reads it; reading its lines in to write them whole
    // would only cost memory bandwidth.
    const int64_t result_bytes = a->batch * (row_end - a->row_begin) * p->out_width * a->cout * (int64_t)sizeof(float);
    p->streams = result_bytes >= 24 << 20 && a->cout % 16 == 0 && (uintptr_t)a->y % 64 == 0 && a->residual != a->y;
    choose_block(p);
    choose_tasks(p, threads);
    lay_out_gather(p);
    return lay_out_scratch(p, threads);
}

size_t dd_conv_scratch_bytes(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args, int threads) {
    if (dd_conv_check(algorithm, precision, args) != DD_CONV_OK) return 0;
    dd_conv_plan plan;
    return dd_conv_make_plan(&plan, algorithm, precision, args, threads < 1 ? 1 : threads);
}

int64_t dd_conv_row_step(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args) {
    if (!args->takes_moments) return algorithm->tile;
    dd_conv_plan plan;
    dd_conv_make_plan(&plan, algorithm, precision, args, 1);
    return plan.block_high * algorithm->tile;
}

void dd_conv_input_rows(const dd_conv_algorithm *algorithm, const dd_conv_args *args, int64_t begin, int64_t end, int64_t *first, int64_t *last) {
    const int64_t step = dd_conv_unit_step(algorithm, args), top = begin / algorithm->tile * step - args->pad_top;
    const int64_t bottom = (dd_ceil_div(end, algorithm->tile) - 1) * step + dd_conv_unit_window(algorithm, args) - args->pad_top;
    *last = dd_min(dd_max(bottom, 0), args->height);
    *first = dd_min(dd_max(top, 0), *last);
}
