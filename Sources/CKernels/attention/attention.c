// The driver: keys and values of some heads are packed, then blocks of queries go over blocks of keys.
//
// A block of scores stays in the second cache. Where the keys are few, one block holds whole rows and softmax needs no
// second thought; beyond that, rows keep a running maximum and sum, and what was summed under an older maximum is rescaled.
#include "dd_attention.h"

#include <math.h>

#include "attention_kernels.h"

static const dd_attention_kernels *kernels_current(void) {
    switch (dd_isa_current()) {
#if defined(__x86_64__)
        case DD_ISA_AVX512_BF16: return &dd_attention_kernels_avx512_bf16;
        case DD_ISA_AVX512: return &dd_attention_kernels_avx512;
        case DD_ISA_AVX2: return &dd_attention_kernels_avx2;
#endif
        default: return &dd_attention_kernels_scalar;
    }
}

const char *dd_attention_variant(dd_precision precision) {
    const dd_attention_kernels *kernels = kernels_current();
    return precision == DD_PRECISION_BFLOAT16 ? kernels->name_bfloat16 : kernels->name_float32;
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

// MARK: blocks

enum {
    QUERY_BLOCK = 64,        // powers of two cut the usual images into equal tasks
    MOST_QUERIES = 128,      // for wide heads, so that their keys and values are fetched less often
    WIDE = 128,              // channels
    WHOLE_KEYS = 1024,       // up to here a block holds all keys
    KEY_BLOCK = 512,
    PACKED_LIMIT = 16 << 20, // bytes of packed keys and values at a time, unless one head needs more
};

typedef struct attention_plan {
    int64_t query_block, query_blocks;
    int64_t key_block;
    int64_t ld_scores, ld_out, ld_query;
    int64_t key_bytes, value_bytes;     // of one head, packed
    int64_t sources;                    // heads with keys of their own: [batch or 1][heads]
    int64_t repeats;                    // batch entries that share them
    int64_t group;                      // sources packed at a time
    int64_t worker_bytes;
} attention_plan;

static attention_plan make_plan(const dd_attention_args *args) {
    attention_plan plan = {0};
    const int64_t keys = round_up(args->tk, DD_PANEL), channels = round_up(args->d, DD_PANEL);
    plan.query_block = args->d > WIDE ? MOST_QUERIES : QUERY_BLOCK;
    plan.query_blocks = divide_up(args->tq, plan.query_block);
    plan.key_block = keys <= WHOLE_KEYS ? keys : KEY_BLOCK;
    // Rows that lie a multiple of 1 KiB apart would crowd a few sets of the first cache.
    plan.ld_scores = plan.key_block + 16;
    plan.ld_out = channels;
    plan.ld_query = round_up(args->d, 16) + 16;
    const int bfloat16 = args->precision == DD_PRECISION_BFLOAT16;
    plan.key_bytes = bfloat16 ? keys * divide_up(args->d, 2) * 4 : keys * args->d * 4;
    plan.value_bytes = bfloat16 ? channels * divide_up(args->tk, 2) * 4 : channels * args->tk * 4;
    const int shared = args->k_view.batch_stride == 0 && args->v_view.batch_stride == 0;
    plan.sources = (shared ? 1 : args->batch) * args->heads;
    plan.repeats = shared ? args->batch : 1;
    plan.group = PACKED_LIMIT / (plan.key_bytes + plan.value_bytes);
    if (plan.group < 1) plan.group = 1;
    if (plan.group > plan.sources) plan.group = plan.sources;
    plan.worker_bytes = 4 * plan.query_block * (plan.ld_scores + plan.ld_out + (bfloat16 ? plan.ld_query : 0));
    return plan;
}

int64_t dd_attention_scratch_bytes(const dd_attention_args *args, int threads) {
    if (args->batch <= 0 || args->heads <= 0 || args->tq <= 0 || args->tk <= 0 || args->d <= 0) return 0;
    const attention_plan plan = make_plan(args);
    return plan.group * (plan.key_bytes + plan.value_bytes) + threads * plan.worker_bytes;
}

typedef struct attention_job {
    const dd_attention_args *args;
    const dd_attention_kernels *kernels;
    const dd_gemm_kernels *products;
    attention_plan plan;
    int64_t first;                  // source of this group
    char *keys, *values, *workers;
} attention_job;

static const float *head(const float *base, const dd_attention_view *view, int64_t batch, int64_t head) {
    return base + batch * view->batch_stride + head * view->head_stride;
}

// MARK: packing

static void pack_task(void *context, int64_t index, int worker) {
    (void)worker;
    const attention_job *job = context;
    const dd_attention_args *args = job->args;
    const int64_t panels = divide_up(args->tk, DD_PANEL), local = index / panels, panel = index % panels;
    const int64_t source = job->first + local;
    const int64_t batch_entry = source / args->heads, head_index = source % args->heads;
    const int64_t first = panel * DD_PANEL, count = min64(DD_PANEL, args->tk - first), d = args->d;
    const int bfloat16 = args->precision == DD_PRECISION_BFLOAT16;
    const int64_t key_rows = bfloat16 ? divide_up(d, 2) : d, value_rows = bfloat16 ? divide_up(args->tk, 2) : args->tk;
    const float *k = head(args->k, &args->k_view, batch_entry, head_index) + first * args->k_view.token_stride;
    const float *v = head(args->v, &args->v_view, batch_entry, head_index) + first * args->v_view.token_stride;
    char *keys = job->keys + local * job->plan.key_bytes + panel * key_rows * DD_PANEL * 4;
    char *values = job->values + local * job->plan.value_bytes + (bfloat16 ? first / 2 : first) * DD_PANEL * 4;
    job->kernels->pack_keys(args->precision, keys, k, args->k_view.token_stride, count, d, args->scale * 1.44269504088896341f);
    for (int64_t c = 0; c < d; c += DD_PANEL)
        job->kernels->pack_values(args->precision, values + c * value_rows * 4, v + c, args->v_view.token_stride, count,
                                  min64(DD_PANEL, d - c));
}

// MARK: a block of queries

static void round_queries(const attention_job *job, const float *q, int64_t rows, float *out) {
    const dd_attention_args *args = job->args;
    // The GEMM's loader knows what its tiles read.
    const dd_gemm_args load = {.m = rows, .k = args->d, .precision = args->precision, .a = q, .lda = args->q_view.token_stride};
    float line[512 + 32];
    job->products->load_rows(&load, 0, rows, out, job->plan.ld_query, line);
}

static void query_task(void *context, int64_t index, int worker) {
    const attention_job *job = context;
    const dd_attention_args *args = job->args;
    const attention_plan *plan = &job->plan;
    const dd_gemm_kernels *products = job->products;
    const int bfloat16 = args->precision == DD_PRECISION_BFLOAT16;
    const int64_t first = index % plan->query_blocks * plan->query_block, rows = min64(plan->query_block, args->tq - first);
    const int64_t local = index / plan->query_blocks / plan->repeats;
    const int64_t source = job->first + local, head_index = source % args->heads;
    const int64_t batch_entry = plan->repeats > 1 ? index / plan->query_blocks % plan->repeats : source / args->heads;
    const char *keys = job->keys + local * plan->key_bytes, *values = job->values + local * plan->value_bytes;

    float *scores = (float *)(job->workers + worker * plan->worker_bytes);
    float *out = scores + plan->query_block * plan->ld_scores;
    float *rounded = out + plan->query_block * plan->ld_out;
    _Alignas(64) float tile[DD_TILE_ROWS * DD_PANEL] = {0};
    float max[MOST_QUERIES], sum[MOST_QUERIES], factors[MOST_QUERIES];
    for (int64_t i = 0; i < rows; i++) {
        max[i] = -INFINITY;
        sum[i] = 0;
    }

    const int64_t d = args->d, d_pairs = divide_up(d, 2), tk_pairs = divide_up(args->tk, 2);
    const float *q = head(args->q, &args->q_view, batch_entry, head_index) + first * args->q_view.token_stride;
    int64_t ldq = args->q_view.token_stride;
    const int64_t ld_scores = plan->ld_scores, step = products->tile_rows;
    // What is read and written only once comes while other work is done.
    float *y = args->y + batch_entry * args->y_view.batch_stride + head_index * args->y_view.head_stride +
               first * args->y_view.token_stride;
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t c = 0; c < d; c += 16) {
            __builtin_prefetch(q + i * ldq + c);
            __builtin_prefetch(y + i * args->y_view.token_stride + c, 1);
        }
    }

    if (bfloat16) {
        round_queries(job, q, rows, rounded);
        q = rounded;
        ldq = plan->ld_query;
    }
    // Strips of bfloat16 are half as wide as the floats they are made of.
    const int64_t query_element = bfloat16 && products->strips_bfloat16 ? 2 : 4;
    const int64_t ld_weights = query_element == 2 ? 2 * ld_scores : ld_scores;

    const int64_t visible = args->causal ? min64(args->tk, first + rows + args->tk - args->tq) : args->tk;
    for (int64_t start = 0; start < visible; start += plan->key_block) {
        const int64_t count = min64(plan->key_block, visible - start);
        for (int64_t j = 0; j < count; j += DD_PANEL) {
            const int64_t panel = (start + j) / DD_PANEL, columns = dd_tile_columns(count - j);
            for (int64_t i = 0; i < rows; i += step) {
                const int64_t tile_rows = min64(step, rows - i);
                const void *a = (const char *)q + i * ldq * query_element;
                if (bfloat16)
                    products->tile_bfloat16(tile_rows, columns, d_pairs, a, ldq, (const uint16_t *)keys + panel * d_pairs * DD_PANEL * 2,
                                            scores + i * ld_scores + j, ld_scores);
                else
                    products->tile_float32(tile_rows, columns, d, a, ldq, (const float *)keys + panel * d * DD_PANEL,
                                           scores + i * ld_scores + j, ld_scores);
            }
        }
        for (int64_t i = 0; i < rows; i++) {
            float *row = scores + i * ld_scores;
            int64_t seen = count;
            if (args->causal) {
                seen = first + i + args->tk - args->tq + 1 - start;
                seen = seen < 0 ? 0 : min64(seen, count);
            }
            factors[i] = job->kernels->softmax_row(args->precision, row, seen, &max[i], &sum[i]);
            // Keys that this row does not see weigh nothing. (0 is the same in both precisions.)
            if (seen < count) {
                char *weights = (char *)row;
                const int64_t from = bfloat16 ? seen + (seen & 1) : seen, to = bfloat16 ? count + (count & 1) : count;
                if (from < to) memset(weights + from * query_element, 0, (size_t)((to - from) * query_element));
            }
        }
        for (int64_t panel = 0; panel < plan->ld_out / DD_PANEL; panel++) {
            const int64_t columns = dd_tile_columns(d - panel * DD_PANEL);
            for (int64_t i = 0; i < rows; i += step) {
                const int64_t tile_rows = min64(step, rows - i);
                float *sums = out + i * plan->ld_out + panel * DD_PANEL;
                float *to = start == 0 ? sums : tile;
                const int64_t ld = start == 0 ? plan->ld_out : DD_PANEL;
                if (bfloat16)
                    products->tile_bfloat16(tile_rows, columns, divide_up(count, 2), scores + i * ld_scores, ld_weights,
                                            (const uint16_t *)values + (panel * tk_pairs + start / 2) * DD_PANEL * 2, to, ld);
                else
                    products->tile_float32(tile_rows, columns, count, scores + i * ld_scores, ld_weights,
                                           (const float *)values + (panel * args->tk + start) * DD_PANEL, to, ld);
                if (start != 0) job->kernels->accumulate(tile_rows, sums, plan->ld_out, factors + i, tile);
            }
        }
    }

    for (int64_t i = 0; i < rows; i++)
        job->kernels->store_row(y + i * args->y_view.token_stride, out + i * plan->ld_out, sum[i], d);
}

void dd_attention(dd_pool *pool, const dd_attention_args *args, void *scratch) {
    if (args->batch <= 0 || args->heads <= 0 || args->tq <= 0 || args->tk <= 0 || args->d <= 0) return;
    attention_job job = {.args = args, .kernels = kernels_current(), .products = dd_gemm_kernels_current(),
                         .plan = make_plan(args)};
    const attention_plan *plan = &job.plan;
    job.keys = scratch;
    job.values = job.keys + plan->group * plan->key_bytes;
    job.workers = job.values + plan->group * plan->value_bytes;
    for (job.first = 0; job.first < plan->sources; job.first += plan->group) {
        const int64_t count = min64(plan->group, plan->sources - job.first);
        dd_parallel_for(pool, count * divide_up(args->tk, DD_PANEL), pack_task, &job);
        dd_parallel_for(pool, count * plan->repeats * plan->query_blocks, query_task, &job);
    }
}
