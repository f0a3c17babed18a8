// The driver: keys and values of some heads are packed, then blocks of queries go over blocks of keys.
//
// A block's keys and values stay in the second cache while the queries go over them, some rows at a time, whose scores stay
// in the first. What the exponentials are taken against need not be a row's largest score, only near it: it changes when a
// block of scores exceeds it by much, and only then is what was summed before rescaled. So the exponentials of one block can
// be computed beside the products of the next.
#include "dd_attention.h"

#include <math.h>

#include "../isa/kernels.h"

static const dd_attention_kernels *kernels_for(dd_precision precision) {
    const dd_kernels *kernels = dd_kernels_current();
    while (!kernels->attention || !kernels->attention->formats[precision].name) kernels = kernels->base;
    return kernels->attention;
}

const char *dd_attention_variant(dd_precision precision) { return kernels_for(precision)->formats[precision].name; }

dd_precision dd_attention_16_bit_precision(void) {
    return kernels_for(DD_PRECISION_BFLOAT16) == dd_kernels_scalar.attention ? DD_PRECISION_INT16 : DD_PRECISION_BFLOAT16;
}

// MARK: blocks

enum {
    QUERY_BLOCK = 64,   // powers of two cut the usual images into equal tasks
    MOST_QUERIES = 128, // for wide heads, so that their keys and values are fetched less often
    WIDE = 128,         // channels
    WHOLE_KEYS = 320,   // up to here a block holds all keys
    MOST_KEYS = 256,    // of a block otherwise: two blocks of scores fit the first cache
    LEAST_KEYS = 64,
    ITEM_ROWS = 32,          // of queries at a time, at most: their scores stay in the first cache
    BLOCK_BYTES = 512 << 10, // of a block's keys and values
    PACKED_LIMIT = 16 << 20, // bytes of packed keys and values at a time, unless one head needs more
};

typedef struct attention_plan {
    int64_t query_block, query_blocks;
    int64_t key_block;
    int64_t ld_scores, ld_out, ld_query;
    int64_t key_bytes, value_bytes; // of one head, packed
    int64_t value_rows;             // of a panel of channels: words of tokens, and each block's scales in front of them
    int64_t sources;                // heads with keys of their own: [batch or 1][heads]
    int64_t repeats;                // batch entries that share them
    int64_t group;                  // sources packed at a time
    int64_t worker_bytes;
} attention_plan;

static int64_t words_of(const dd_attention_args *args, int64_t count) { return dd_operand_words(args->precision, count); }

static int64_t scale_rows(const dd_attention_args *args) { return dd_operands[args->precision].scale_rows; }

static attention_plan make_plan(const dd_attention_args *args) {
    attention_plan plan = {0};
    const int narrow = args->precision != DD_PRECISION_FLOAT32;
    const int64_t keys = dd_round_up(args->tk, DD_PANEL), channels = dd_round_up(args->d, DD_PANEL);
    plan.query_block = dd_attention_query_step(args);
    plan.query_blocks = dd_ceil_div(args->tq, plan.query_block);
    if (keys <= WHOLE_KEYS) {
        plan.key_block = keys;
    } else {
        plan.key_block = BLOCK_BYTES / ((narrow ? 4 : 8) * channels) / DD_PANEL * DD_PANEL;
        plan.key_block = plan.key_block > MOST_KEYS ? MOST_KEYS : plan.key_block < LEAST_KEYS ? LEAST_KEYS : plan.key_block;
    }
    // Rows that lie a multiple of 1 KiB apart would crowd a few sets of the first cache.
    plan.ld_scores = plan.key_block + 16;
    plan.ld_out = channels;
    plan.ld_query = scale_rows(args) ? dd_operands[args->precision].strip_row(args->d) : dd_round_up(args->d, 16) + 16;
    plan.value_rows = words_of(args, args->tk) + dd_ceil_div(args->tk, plan.key_block) * scale_rows(args);
    plan.key_bytes = keys * (words_of(args, args->d) + scale_rows(args)) * 4;
    plan.value_bytes = channels * plan.value_rows * 4;
    const int shared = args->k_view.batch_stride == 0 && args->v_view.batch_stride == 0;
    plan.sources = (shared ? 1 : args->batch) * args->heads;
    plan.repeats = shared ? args->batch : 1;
    plan.group = PACKED_LIMIT / (plan.key_bytes + plan.value_bytes);
    if (plan.group < 1) plan.group = 1;
    if (plan.group > plan.sources) plan.group = plan.sources;
    plan.worker_bytes =
        4 * (2 * ITEM_ROWS * plan.ld_scores + DD_LANES + plan.query_block * (plan.ld_out + DD_LANES + (narrow || args->q_type != DD_F32 ? plan.ld_query : 0)));
    return plan;
}

/// Heads too wide for one scale are computed in float32 instead of int16.
static dd_attention_args settled(const dd_attention_args *args) {
    dd_attention_args result = *args;
    if (args->precision == DD_PRECISION_INT16 && args->d > DD_INT16_PART) result.precision = DD_PRECISION_FLOAT32;
    return result;
}

int64_t dd_attention_scratch_bytes(const dd_attention_args *asked, int threads) {
    const dd_attention_args own = settled(asked), *args = &own;
    if (args->batch <= 0 || args->heads <= 0 || args->tq <= 0 || args->tk <= 0 || args->d <= 0) return 0;
    const attention_plan plan = make_plan(args);
    return plan.group * (plan.key_bytes + plan.value_bytes) + threads * plan.worker_bytes;
}

int64_t dd_attention_query_step(const dd_attention_args *args) { return args->d > WIDE ? MOST_QUERIES : QUERY_BLOCK; }

typedef struct attention_job {
    const dd_attention_args *args;
    const dd_attention_kernels *kernels;
    const dd_attention_format *format;
    const dd_gemm_format *products;
    int64_t tile_rows;
    int64_t element; // bytes of one in loaded queries and in weights
    attention_plan plan;
    int64_t first; // source of this group
    char *keys, *values, *workers;
} attention_job;

/// Where token `token` of a head lies, in elements.
static int64_t place(const dd_attention_view *view, int64_t batch, int64_t head, int64_t token) {
    return batch * view->batch_stride + head * view->head_stride + token * view->token_stride;
}

// MARK: packing

/// Some tokens' keys or values as floats: where they are, or widened into `room` [tokens][columns].
static const float *floats(const attention_job *job, const void *base, dd_element type, int64_t at, int64_t *stride, int64_t count, int64_t columns,
                           float *room) {
    const void *rows = dd_element_address(base, type, at);
    if (type == DD_F32) return rows;
    job->kernels->widen(room, rows, *stride, count, columns);
    *stride = columns;
    return room;
}

static void pack_task(void *context, int64_t index, int worker) {
    (void)worker;
    const attention_job *job = context;
    const dd_attention_args *args = job->args;
    const int64_t panels = dd_ceil_div(args->tk, DD_PANEL), local = index / panels, panel = index % panels;
    const int64_t source = job->first + local;
    const int64_t batch_entry = source / args->heads, head_index = source % args->heads;
    const int64_t first = panel * DD_PANEL, count = dd_min(DD_PANEL, args->tk - first), d = args->d;
    const int64_t key_rows = words_of(args, d), value_rows = words_of(args, args->tk);
    const int64_t k = place(&args->k_view, batch_entry, head_index, first), v = place(&args->v_view, batch_entry, head_index, first);
    char *keys = job->keys + local * job->plan.key_bytes + panel * key_rows * DD_PANEL * 4;
    char *values = job->values + local * job->plan.value_bytes + words_of(args, first) * DD_PANEL * 4;
    float room[DD_PANEL * DD_PANEL];
    for (int64_t c = 0; c < d; c += DD_PANEL) {
        const int64_t columns = dd_min(DD_PANEL, d - c);
        int64_t stride = args->k_view.token_stride;
        const float *rows = floats(job, args->k, args->k_type, k + c, &stride, count, columns, room);
        job->format->pack_keys(keys + words_of(args, c) * DD_PANEL * 4, rows, stride, count, columns, args->scale * 1.44269504088896341f);
        stride = args->v_view.token_stride;
        rows = floats(job, args->v, args->v_type, v + c, &stride, count, columns, room);
        job->format->pack_values(values + c * value_rows * 4, rows, stride, count, columns);
    }
}

/// Packs a block of keys and values in int16: panels of keys that begin with each key's scale, panels of channels with each channel's.
static void pack_integers_task(void *context, int64_t index, int worker) {
    (void)worker;
    const attention_job *job = context;
    const dd_attention_args *args = job->args;
    const attention_plan *plan = &job->plan;
    const int64_t blocks = dd_ceil_div(args->tk, plan->key_block), local = index / blocks, block = index % blocks;
    const int64_t source = job->first + local, batch_entry = source / args->heads, head_index = source % args->heads;
    const int64_t start = block * plan->key_block, count = dd_min(plan->key_block, args->tk - start), d = args->d;
    const int64_t key_rows = words_of(args, d) + 1;
    const float factor = args->scale * 1.44269504088896341f;
    for (int64_t first = start; first < start + count; first += DD_PANEL) {
        float *scales = (float *)(job->keys + local * plan->key_bytes) + first / DD_PANEL * key_rows * DD_PANEL;
        int16_t *panel = (int16_t *)(void *)(scales + DD_PANEL);
        for (int64_t j = 0; j < DD_PANEL; j++) {
            float key[DD_INT16_PART], squares = 0, inverse = 0;
            const int64_t token = first + j, at = place(&args->k_view, batch_entry, head_index, token);
            if (token >= start + count) {
                scales[j] = 0;
                for (int64_t c = 0; c < d + (d & 1); c++) panel[(c / 2 * DD_PANEL + j) * 2 + c % 2] = 0;
                continue;
            }
            for (int64_t c = 0; c < d; c++) key[c] = dd_load_element(args->k, args->k_type, at + c) * factor;
            for (int64_t c = 0; c < d; c++) squares += key[c] * key[c];
            dd_int16_scale(squares, scales + j, &inverse);
            for (int64_t c = 0; c < d; c++) panel[(c / 2 * DD_PANEL + j) * 2 + c % 2] = dd_int16_from_float(key[c] * inverse);
            if (d & 1) panel[(d / 2 * DD_PANEL + j) * 2 + 1] = 0;
        }
    }
    for (int64_t c0 = 0; c0 < d; c0 += DD_PANEL) {
        float *scales = (float *)(job->values + local * plan->value_bytes) + (c0 / DD_PANEL * plan->value_rows + block * (plan->key_block / 2 + 1)) * DD_PANEL;
        int16_t *panel = (int16_t *)(void *)(scales + DD_PANEL);
        const int64_t columns = dd_min(DD_PANEL, d - c0);
        float squares[DD_PANEL] = {0}, inverse[DD_PANEL];
        for (int64_t t = 0; t < count; t++) {
            const int64_t at = place(&args->v_view, batch_entry, head_index, start + t) + c0;
            for (int64_t j = 0; j < columns; j++) {
                const float value = dd_load_element(args->v, args->v_type, at + j);
                squares[j] += value * value;
            }
        }
        for (int64_t j = 0; j < DD_PANEL; j++) dd_int16_scale(squares[j], scales + j, inverse + j);
        for (int64_t t = 0; t < count + (count & 1); t++) {
            const int64_t at = place(&args->v_view, batch_entry, head_index, start + t) + c0;
            for (int64_t j = 0; j < DD_PANEL; j++)
                panel[(t / 2 * DD_PANEL + j) * 2 + t % 2] =
                    t < count && j < columns ? dd_int16_from_float(dd_load_element(args->v, args->v_type, at + j) * inverse[j]) : 0;
        }
    }
}

// MARK: a block of queries

/// Queries as the tiles read them, where they are not.
static void load_queries(const attention_job *job, const void *q, int64_t rows, float *out) {
    const dd_attention_args *args = job->args;
    const dd_gemm_args load = {.m = rows, .k = args->d, .precision = args->precision, .a = q, .a_type = args->q_type, .lda = args->q_view.token_stride};
    float line[DD_ATTENTION_MOST_CHANNELS + 32];
    job->products->load_rows(&load, 0, rows, out, job->plan.ld_query, line);
}

/// Some rows of queries and a block of keys.
typedef struct attention_item {
    float *scores;           // [rows][plan->ld_scores]
    int64_t first_row, rows; // within the block of queries
    int64_t start, count;    // keys
} attention_item;

/// One block of queries on its way over the keys.
typedef struct attention_block {
    const attention_job *job;
    const char *keys, *values;
    const char *q;
    int64_t ldq, q_element;    // bytes
    int64_t first;             // query of row 0
    float *top;                // [DD_LANES] of the item at hand
    float *sums;               // [rows][DD_LANES]
    float *out;                // [rows][plan->ld_out]
    float shift[MOST_QUERIES]; // less a row's base
    uint8_t has_base[MOST_QUERIES];
} attention_block;

static void weigh_panels(const attention_block *block, const attention_item *item, int64_t panel, int64_t panels) {
    if (panel < panels)
        block->job->format->weigh(item->rows, item->scores, block->job->plan.ld_scores, panel * DD_PANEL, (panels - panel) * DD_PANEL, item->count,
                                  block->sums + item->first_row * DD_LANES);
}

/// What a row does not see gets the score minus infinity.
static void mask_panel(const attention_block *block, const attention_item *item, int64_t panel) {
    const dd_attention_args *args = block->job->args;
    for (int64_t i = 0; i < item->rows; i++) {
        float *row = item->scores + i * block->job->plan.ld_scores;
        int64_t seen = item->count;
        if (args->causal) seen = dd_min(seen, block->first + item->first_row + i + args->tk - args->tq + 1 - item->start);
        const int64_t from = seen < panel * DD_PANEL ? panel * DD_PANEL : seen;
        for (int64_t j = from; j < (panel + 1) * DD_PANEL; j++) row[j] = -INFINITY;
    }
}

/// Scores of an item, and the weights of the one before it.
static void score(const attention_block *block, const attention_item *item, const attention_item *previous) {
    const attention_job *job = block->job;
    const dd_attention_args *args = job->args;
    const attention_plan *plan = &job->plan;
    const int64_t words = words_of(args, args->d);
    const int64_t panels = dd_ceil_div(item->count, DD_PANEL), previous_panels = dd_ceil_div(previous->count, DD_PANEL);
    const char *q = block->q + item->first_row * block->ldq * block->q_element;
    const float *shift = block->shift + item->first_row;
    const int together = job->format->scores_and_weights && item->rows == DD_ROWS_TOGETHER && previous->rows == DD_ROWS_TOGETHER && words >= DD_LANES;
    for (int64_t i = 0; i < DD_LANES; i++) block->top[i] = -INFINITY;
    int64_t weighed = 0;
    for (int64_t p = 0; p < panels; p++) {
        const char *panel = block->keys + (item->start / DD_PANEL + p) * (words + scale_rows(args)) * DD_PANEL * 4;
        float *scores = item->scores + p * DD_PANEL;
        const int masked = args->causal || item->count - p * DD_PANEL < DD_PANEL;
        if (together && !masked && weighed < previous_panels) {
            job->format->scores_and_weights(words, q, block->ldq, panel, shift, scores, plan->ld_scores, block->top, previous->scores, weighed * DD_PANEL,
                                            block->sums + previous->first_row * DD_LANES);
            weighed++;
            continue;
        }
        const int64_t columns = dd_tile_columns(item->count - p * DD_PANEL);
        for (int64_t i = 0; i < item->rows; i++)
            for (int64_t j = 0; j < columns; j++) scores[i * plan->ld_scores + j] = shift[i];
        job->products->tile(item->rows, columns, args->d, q, block->ldq, panel, scores, plan->ld_scores, 1);
        if (masked) mask_panel(block, item, p);
        job->kernels->find_top(item->rows, scores, plan->ld_scores, block->top);
    }
    weigh_panels(block, previous, weighed, previous_panels);
}

/// Gives rows a base, or another one, where they need it: mostly after the first keys.
static void settle(attention_block *block, const attention_item *item) {
    const attention_plan *plan = &block->job->plan;
    int any = 0;
    for (int64_t i = 0; i < item->rows; i++) any |= !block->has_base[item->first_row + i];
    for (int64_t i = 0; i < DD_LANES; i++) any |= block->top[i] > DD_HEADROOM;
    if (!any) return;
    block->job->kernels->settle(item->rows, item->scores, plan->ld_scores, dd_ceil_div(item->count, DD_PANEL) * DD_PANEL, block->shift + item->first_row,
                                block->has_base + item->first_row, block->sums + item->first_row * DD_LANES, block->out + item->first_row * plan->ld_out,
                                plan->ld_out, plan->ld_out);
}

/// Adds an item's weighted values to its rows' results.
static void add_values(const attention_block *block, const attention_item *item) {
    const attention_job *job = block->job;
    const attention_plan *plan = &job->plan;
    const int64_t d = job->args->d;
    for (int64_t panel = 0; panel < dd_ceil_div(d, DD_PANEL); panel++) {
        const int64_t columns = dd_tile_columns(d - panel * DD_PANEL);
        float *out = block->out + item->first_row * plan->ld_out + panel * DD_PANEL;
        // Blocks of keys before this one, each with its scales in front.
        const int64_t skipped = words_of(job->args, item->start) + item->start / plan->key_block * scale_rows(job->args);
        const float *values = (const float *)block->values + (panel * plan->value_rows + skipped) * DD_PANEL;
        job->products->tile(item->rows, columns, item->count, item->scores, plan->ld_scores * 4 / job->element, values, out, plan->ld_out, item->start > 0);
    }
}

static void query_task(void *context, int64_t index, int worker) {
    const attention_job *job = context;
    const dd_attention_args *args = job->args;
    const attention_plan *plan = &job->plan;
    const int64_t first = index % plan->query_blocks * plan->query_block, rows = dd_min(plan->query_block, args->tq - first);
    const int64_t local = index / plan->query_blocks / plan->repeats;
    const int64_t source = job->first + local, head_index = source % args->heads;
    const int64_t batch_entry = plan->repeats > 1 ? index / plan->query_blocks % plan->repeats : source / args->heads;

    const int64_t q_bytes = dd_element_bytes(args->q_type), y_bytes = dd_element_bytes(args->y_type);
    const char *q = (const char *)args->q + place(&args->q_view, batch_entry, head_index, first) * q_bytes;
    char *y = (char *)args->y + place(&args->y_view, batch_entry, head_index, first) * y_bytes;
    // What is read and written only once comes while other work is done.
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t c = 0; c < args->d * q_bytes; c += 64) __builtin_prefetch(q + i * args->q_view.token_stride * q_bytes + c);
        for (int64_t c = 0; c < args->d * y_bytes; c += 64) __builtin_prefetch(y + i * args->y_view.token_stride * y_bytes + c, 1);
    }

    float *scratch = (float *)(job->workers + worker * plan->worker_bytes);
    float *scores[2] = {scratch, scratch + ITEM_ROWS * plan->ld_scores};
    attention_block block = {.job = job,
                             .keys = job->keys + local * plan->key_bytes,
                             .values = job->values + local * plan->value_bytes,
                             .q = q,
                             .ldq = args->q_view.token_stride,
                             .q_element = q_bytes,
                             .first = first};
    block.top = scores[1] + ITEM_ROWS * plan->ld_scores;
    block.sums = block.top + DD_LANES;
    block.out = block.sums + plan->query_block * DD_LANES;
    if (!dd_operand_in_place(args->precision, args->q_type, args->d)) {
        float *loaded = block.out + plan->query_block * plan->ld_out;
        load_queries(job, q, rows, loaded);
        block.q = (const char *)loaded;
        block.ldq = plan->ld_query;
        block.q_element = job->element;
    }
    memset(block.sums, 0, (size_t)(rows * DD_LANES) * sizeof(float));
    memset(block.out, 0, (size_t)(rows * plan->ld_out) * sizeof(float));

    const int64_t visible = args->causal ? dd_min(args->tk, first + rows + args->tk - args->tq) : args->tk;
    attention_item previous = {0};
    for (int64_t start = 0; start < visible; start += plan->key_block) {
        for (int64_t row = 0; row < rows; row += job->tile_rows) {
            const attention_item item = {.scores = scores[previous.scores == scores[0]],
                                         .first_row = row,
                                         .rows = dd_min(job->tile_rows, rows - row),
                                         .start = start,
                                         .count = dd_min(plan->key_block, visible - start)};
            score(&block, &item, &previous);
            if (previous.rows > 0) add_values(&block, &previous);
            settle(&block, &item);
            previous = item;
        }
    }
    weigh_panels(&block, &previous, 0, dd_ceil_div(previous.count, DD_PANEL));
    add_values(&block, &previous);
    for (int64_t i = 0; i < rows; i++)
        job->kernels->store_row(y + i * args->y_view.token_stride * y_bytes, args->y_type, block.out + i * plan->ld_out, block.sums + i * DD_LANES, args->d);
}

void dd_attention(dd_pool *pool, const dd_attention_args *asked, void *scratch) {
    const dd_attention_args own = settled(asked), *args = &own;
    if (args->batch <= 0 || args->heads <= 0 || args->tq <= 0 || args->tk <= 0 || args->d <= 0) return;
    const dd_attention_kernels *kernels = kernels_for(args->precision);
    const dd_gemm_kernels *products = dd_gemm_kernels_for(args->precision);
    attention_job job = {.args = args,
                         .kernels = kernels,
                         .format = &kernels->formats[args->precision],
                         .products = &products->formats[args->precision],
                         .tile_rows = dd_min(ITEM_ROWS, products->tile_rows),
                         .element = dd_operands[args->precision].element,
                         .plan = make_plan(args)};
    const attention_plan *plan = &job.plan;
    job.keys = scratch;
    job.values = job.keys + plan->group * plan->key_bytes;
    job.workers = job.values + plan->group * plan->value_bytes;
    for (job.first = 0; job.first < plan->sources; job.first += plan->group) {
        const int64_t count = dd_min(plan->group, plan->sources - job.first);
        if (job.format->pack_keys)
            dd_parallel_for(pool, count * dd_ceil_div(args->tk, DD_PANEL), pack_task, &job);
        else
            dd_parallel_for(pool, count * dd_ceil_div(args->tk, plan->key_block), pack_integers_task, &job);
        dd_parallel_for(pool, count * plan->repeats * plan->query_blocks, query_task, &job);
    }
}
