// The driver: blocks, threads, dispatch. All arithmetic is in the instruction sets' files.
#include "dd_gemm.h"

#include "../isa/kernels.h"
#include "../norm/moments.h"

const dd_gemm_kernels *dd_gemm_kernels_for(dd_precision precision) {
    const dd_kernels *kernels = dd_kernels_current();
    while (!kernels->gemm || !kernels->gemm->formats[precision].name) kernels = kernels->base;
    return kernels->gemm;
}

const char *dd_gemm_variant(dd_precision precision) { return dd_gemm_kernels_for(precision)->formats[precision].name; }

// MARK: blocks

/// How a product is cut into tasks, from its sizes alone. Many rows: blocks of rows go over all panels, so that A comes from
/// memory once. Few rows: all rows go over each panel, so that the weights do.
typedef struct gemm_plan {
    int panels_outside;
    int64_t groups, group_rows;     // of rows that moments are taken over; blocks do not cross them
    int64_t block_rows, row_blocks; // of a group
    int64_t block_panels, panel_blocks;
    int64_t strip_ld; // elements between the rows of a strip
} gemm_plan;

enum {
    FEW_ROWS = 512,
    MANY_ROWS = 4096,
    ROW_BLOCK = 128, // powers of two cut the usual images into equal tasks, so that no thread is left with one more
    SMALL_ROW_BLOCK = 64,
    ENOUGH_TASKS = 16,
    TASK_PRODUCTS = 1 << 18, // a task of fewer multiplications would be mostly dispatch
};

static gemm_plan make_plan(const dd_gemm_args *args) {
    gemm_plan plan = {0};
    const int64_t panels = dd_ceil_div(args->n, DD_PANEL);
    plan.panels_outside = args->m <= FEW_ROWS;
    if (plan.panels_outside) {
        plan.block_rows = panels >= ENOUGH_TASKS ? args->m : SMALL_ROW_BLOCK;
        plan.block_panels = 1;
        while (plan.block_panels < panels && plan.block_panels * args->k * DD_PANEL * dd_min(args->m, plan.block_rows) < TASK_PRODUCTS) plan.block_panels *= 2;
    } else {
        plan.block_rows = args->m >= MANY_ROWS ? ROW_BLOCK : SMALL_ROW_BLOCK;
        plan.block_panels = panels;
    }
    plan.group_rows = args->takes_moments && args->moments_rows > 0 ? args->moments_rows : args->m;
    plan.groups = dd_ceil_div(args->m, plan.group_rows);
    plan.block_rows = dd_min(plan.block_rows, plan.group_rows);
    plan.row_blocks = dd_ceil_div(plan.group_rows, plan.block_rows);
    plan.panel_blocks = dd_ceil_div(panels, plan.block_panels);
    // Rows that lie a multiple of 4 KiB apart would share one set of the first cache.
    plan.strip_ld = dd_operands[args->precision].strip_row(args->k);
    if (plan.strip_ld % 1024 == 0) plan.strip_ld += 32;
    return plan;
}

/// Whether the tiles can read A where it is.
static int reads_in_place(const dd_gemm_args *args) {
    return args->prologue == DD_GEMM_PROLOGUE_NONE && dd_operand_in_place(args->precision, args->a_type, args->k);
}

static int64_t strip_rows(const dd_gemm_args *args, const gemm_plan *plan) { return plan->panels_outside ? args->m : plan->block_rows; }

static int64_t line_bytes(const gemm_plan *plan) { return (plan->strip_ld + 32) * 4; }
static int64_t strip_bytes(const dd_gemm_args *args, const gemm_plan *plan) {
    return dd_round_up(strip_rows(args, plan) * plan->strip_ld * dd_operands[args->precision].element, 64);
}

static int64_t y_columns(const dd_gemm_args *args) { return args->activation == DD_ACTIVATION_GEGLU ? args->n / 2 : args->n; }

/// Sums of each block of rows, [groups][row_blocks][3][columns].
static int64_t sums_bytes(const dd_gemm_args *args, const gemm_plan *plan) {
    return args->takes_moments ? dd_round_up(plan->groups * plan->row_blocks * 3 * y_columns(args) * 4, 64) : 0;
}

int64_t dd_gemm_scratch_bytes(const dd_gemm_args *args, int threads) {
    if (args->m <= 0 || args->n <= 0 || args->k <= 0) return 0;
    const gemm_plan plan = make_plan(args);
    int64_t bytes = sums_bytes(args, &plan);
    if (!reads_in_place(args)) bytes += (plan.panels_outside ? 1 : threads) * strip_bytes(args, &plan) + threads * line_bytes(&plan);
    return bytes;
}

typedef struct gemm_job {
    const dd_gemm_args *args;
    const dd_gemm_kernels *kernels;
    const dd_gemm_format *format;
    gemm_plan plan;
    int in_place;
    int workers;
    int64_t element; // bytes of each in this product's strips, and in A where it is read in place
    char *strips, *lines;
    float *sums;
} gemm_job;

/// The lines that a tile will be written to, and added to, come while it is computed; otherwise each would be waited for. They come
/// to the second-level cache: from the first the panel of weights would push them out again.
static inline void prefetch_result(const dd_gemm_args *args, int64_t row, int64_t rows, int64_t panel) {
    const int64_t width = args->activation == DD_ACTIVATION_GEGLU ? DD_HALF_PANEL : DD_PANEL;
    const int64_t element = args->y_type == DD_F32 ? 4 : 2;
    const char *to = (const char *)args->y + (row * args->ldy + panel * width) * element;
    for (int64_t i = 0; i < rows; i++, to += args->ldy * element) {
        __builtin_prefetch(to, 1, 2);
        __builtin_prefetch(to + width * element - 1, 1, 2);
    }
    if (!args->residual || args->residual == args->y) return;
    const char *from = (const char *)(args->residual + row * args->ld_residual + panel * width);
    for (int64_t i = 0; i < rows; i++, from += args->ld_residual * 4) {
        __builtin_prefetch(from, 0, 2);
        __builtin_prefetch(from + width * 4 - 1, 0, 2);
    }
}

/// Rows of A that come while others are multiplied: a worker's next block, which it would wait for otherwise.
typedef struct gemm_ahead {
    const char *row;
    int64_t ld;              // bytes
    int64_t line, row_lines; // of 64 bytes
    int64_t left, each;      // lines, and those for one tile
} gemm_ahead;

static gemm_ahead make_ahead(const gemm_job *job, int64_t row, int64_t tiles) {
    const dd_gemm_args *args = job->args;
    const int64_t element = dd_element_bytes(args->a_type);
    const int64_t rows = dd_min(job->plan.block_rows, args->m - row);
    if (rows <= 0) return (gemm_ahead){0};
    gemm_ahead ahead = {.row = (const char *)args->a + row * args->lda * element, .ld = args->lda * element, .row_lines = dd_ceil_div(args->k * element, 64)};
    ahead.left = rows * ahead.row_lines;
    ahead.each = dd_ceil_div(ahead.left, tiles);
    return ahead;
}

static inline void fetch_ahead(gemm_ahead *ahead) {
    for (int64_t i = dd_min(ahead->each, ahead->left); i > 0; i--) {
        __builtin_prefetch(ahead->row + ahead->line * 64, 0, 2);
        ahead->left--;
        if (++ahead->line == ahead->row_lines) {
            ahead->line = 0;
            ahead->row += ahead->ld;
        }
    }
}

static void run_block(const gemm_job *job, const char *a, int64_t lda, int64_t row, int64_t rows, int64_t panel, int64_t panels, gemm_ahead *ahead) {
    const dd_gemm_args *args = job->args;
    const dd_gemm_kernels *kernels = job->kernels;
    const int64_t step = kernels->tile_rows, bytes = dd_operand_rows(args->precision, args->k) * DD_PANEL * 4;
    _Alignas(64) float tile[DD_TILE_ROWS * DD_PANEL];
    for (int64_t p = panel; p < panel + panels; p++) {
        const char *weights = (const char *)args->w_packed + p * bytes;
        const int64_t columns = args->activation == DD_ACTIVATION_GEGLU ? DD_PANEL : dd_tile_columns(args->n - p * DD_PANEL);
        for (int64_t i = 0; i < rows; i += step) {
            const int64_t count = dd_min(step, rows - i);
            const char *source = a + i * lda * job->element;
            prefetch_result(args, row + i, count, p);
            fetch_ahead(ahead);
            job->format->tile(count, columns, args->k, source, lda, weights, tile, DD_PANEL, 0);
            kernels->finish(args, tile, row + i, count, p);
        }
    }
}

enum { LOAD_ROWS = 8 };

static void load_task(void *context, int64_t index, int worker) {
    const gemm_job *job = context;
    const gemm_plan *plan = &job->plan;
    const int64_t row = index * LOAD_ROWS;
    job->format->load_rows(job->args, row, dd_min(LOAD_ROWS, job->args->m - row), job->strips + row * plan->strip_ld * job->element, plan->strip_ld,
                           (float *)(job->lines + worker * line_bytes(plan)));
}

/// Reads back what the block has just written.
static void sum_block(const gemm_job *job, int64_t block, int64_t row, int64_t rows, int64_t panel, int64_t panels) {
    const dd_gemm_args *args = job->args;
    const int64_t width = args->activation == DD_ACTIVATION_GEGLU ? DD_HALF_PANEL : DD_PANEL, columns = y_columns(args);
    const int64_t end = dd_min((panel + panels) * width, columns);
    float *sums = job->sums + block * 3 * columns;
    for (int64_t c = panel * width; c < end; c += DD_PANEL)
        job->kernels->sum_columns((const float *)args->y + row * args->ldy + c, args->ldy, rows, dd_min(DD_PANEL, end - c), sums + c, sums + columns + c,
                                  sums + 2 * columns + c);
}

enum { COLUMNS_AT_ONCE = 128 };

static void add_sums(void *context, int64_t index, int worker) {
    (void)worker;
    const gemm_job *job = context;
    const gemm_plan *plan = &job->plan;
    const int64_t columns = y_columns(job->args), pieces = dd_ceil_div(columns, COLUMNS_AT_ONCE);
    const int64_t group = index / pieces, first = index % pieces * COLUMNS_AT_ONCE, count = dd_min(COLUMNS_AT_ONCE, columns - first);
    const int64_t rows = dd_min(plan->group_rows, job->args->m - group * plan->group_rows);
    const float *sums = job->sums + group * plan->row_blocks * 3 * columns + first;
    double mean[COLUMNS_AT_ONCE] = {0}, squares[COLUMNS_AT_ONCE] = {0};
    for (int64_t row = 0; row < rows; row += plan->block_rows, sums += 3 * columns)
        dd_moments_add(mean, squares, (double)row, sums, sums + columns, sums + 2 * columns, (double)dd_min(plan->block_rows, rows - row), count);
    dd_moments_store(job->args->moments + (group * columns + first) * 2, mean, squares, (double)rows, count);
}

static void block_task(void *context, int64_t index, int worker) {
    const gemm_job *job = context;
    const dd_gemm_args *args = job->args;
    const gemm_plan *plan = &job->plan;
    const int64_t blocks = plan->groups * plan->row_blocks, block = index % blocks;
    const int64_t group = block / plan->row_blocks * plan->group_rows, inner = block % plan->row_blocks * plan->block_rows;
    const int64_t row = group + inner;
    const int64_t panel = index / blocks * plan->block_panels;
    const int64_t rows = dd_min(plan->block_rows, dd_min(plan->group_rows - inner, args->m - row));
    if (rows <= 0) return; // of a last group that is shorter
    const int64_t panels = dd_min(plan->block_panels, dd_ceil_div(args->n, DD_PANEL) - panel);
    gemm_ahead next = {0};
    if (!plan->panels_outside && plan->groups == 1)
        next = make_ahead(job, row + job->workers * plan->block_rows, dd_ceil_div(rows, job->kernels->tile_rows) * panels);
    if (job->in_place) {
        run_block(job, (const char *)dd_element_address(args->a, args->a_type, row * args->lda), args->lda, row, rows, panel, panels, &next);
    } else if (plan->panels_outside) {
        run_block(job, job->strips + row * plan->strip_ld * job->element, plan->strip_ld, row, rows, panel, panels, &next);
    } else {
        char *strip = job->strips + worker * strip_bytes(args, plan);
        job->format->load_rows(args, row, rows, strip, plan->strip_ld, (float *)(job->lines + worker * line_bytes(plan)));
        run_block(job, strip, plan->strip_ld, row, rows, panel, panels, &next);
    }
    if (job->sums) sum_block(job, block, row, rows, panel, panels);
}

/// k = 0: every product is 0, and only the epilogue is left.
static void empty_task(void *context, int64_t index, int worker) {
    (void)worker;
    const gemm_job *job = context;
    _Alignas(64) static const float zeros[DD_PANEL];
    for (int64_t panel = 0; panel < dd_ceil_div(job->args->n, DD_PANEL); panel++) job->kernels->finish(job->args, zeros, index, 1, panel);
}

void dd_gemm(dd_pool *pool, const dd_gemm_args *args, void *scratch) {
    if (args->m <= 0 || args->n <= 0) return;
    const dd_gemm_kernels *kernels = dd_gemm_kernels_for(args->precision);
    gemm_job job = {.args = args,
                    .kernels = kernels,
                    .format = &kernels->formats[args->precision],
                    .plan = make_plan(args),
                    .in_place = reads_in_place(args),
                    .element = dd_operands[args->precision].element};
    if (args->k <= 0) {
        dd_parallel_for(pool, args->m, empty_task, &job);
        return;
    }
    char *free_scratch = scratch;
    if (args->takes_moments) {
        job.sums = (float *)free_scratch;
        free_scratch += sums_bytes(args, &job.plan);
    }
    job.workers = dd_pool_size(pool);
    if (!job.in_place) {
        const int64_t strips = job.plan.panels_outside ? 1 : dd_pool_size(pool);
        job.strips = free_scratch;
        job.lines = job.strips + strips * strip_bytes(args, &job.plan);
        if (job.plan.panels_outside) dd_parallel_for(pool, dd_ceil_div(args->m, LOAD_ROWS), load_task, &job);
    }
    dd_parallel_for(pool, job.plan.groups * job.plan.row_blocks * job.plan.panel_blocks, block_task, &job);
    if (job.sums) dd_parallel_for(pool, job.plan.groups * dd_ceil_div(y_columns(args), COLUMNS_AT_ONCE), add_sums, &job);
}
