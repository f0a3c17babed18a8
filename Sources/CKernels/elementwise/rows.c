// What works on whole rows: softmax, causal mask, embeddings.
#include "dd_elementwise.h"

#include <math.h>
#include <string.h>

#include "../math/integers.h"
#include "one_pass.h"

enum { TASK_FLOATS = 16384 };

typedef struct rows_context {
    void (*run)(float *y, const float *x, int64_t rows, int64_t n);
    float *y;
    const float *x;
    int64_t rows, n, rows_per_task;
    int64_t mask_rows; // of one matrix, for the causal mask
} rows_context;

static void rows_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const rows_context *c = raw;
    int64_t first = index * c->rows_per_task, count = dd_min(c->rows_per_task, c->rows - first);
    c->run(c->y + first * c->n, c->x + first * c->n, count, c->n);
}

static void run_rows(dd_pool *pool, rows_context *context, dd_task task) {
    if (context->n <= 0 || context->rows <= 0) return;
    context->rows_per_task = dd_max(1, TASK_FLOATS / context->n);
    dd_parallel_for(pool, dd_ceil_div(context->rows, context->rows_per_task), task, context);
}

void dd_softmax_f32(dd_pool *pool, float *y, const float *x, int64_t rows, int64_t n) {
    rows_context context = {.run = dd_one_pass_current()->softmax_rows, .y = y, .x = x, .rows = rows, .n = n};
    run_rows(pool, &context, rows_task);
}

static void mask_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const rows_context *c = raw;
    int64_t first = index * c->rows_per_task, last = dd_min(first + c->rows_per_task, c->rows);
    for (int64_t r = first; r < last; r++) {
        int64_t kept = dd_min(r % c->mask_rows + 1, c->n);
        float *y = c->y + r * c->n;
        const float *x = c->x + r * c->n;
        if (y != x) memcpy(y, x, (size_t)kept * sizeof(float));
        for (int64_t j = kept; j < c->n; j++) y[j] = -INFINITY;
    }
}

void dd_causal_mask_f32(dd_pool *pool, float *y, const float *x, int64_t batch, int64_t rows, int64_t columns) {
    rows_context context = {.y = y, .x = x, .rows = batch * rows, .n = columns, .mask_rows = rows};
    run_rows(pool, &context, mask_task);
}

void dd_timestep_embedding_f32(float *y, float t, int64_t dimension, float max_period) {
    int64_t half = dimension / 2;
    float scale = (float)-log((double)max_period);
    for (int64_t k = 0; k < half; k++) {
        // Separate float32 roundings: the volatile keeps the compiler from contracting them.
        volatile float product = scale * (float)k;
        volatile float exponent = product / (float)half;
        volatile float frequency = (float)exp((double)exponent);
        volatile float angle = t * frequency;
        y[k] = (float)cos((double)angle);
        y[half + k] = (float)sin((double)angle);
    }
    if (dimension % 2) y[dimension - 1] = 0;
}

typedef struct embedding_context {
    char *y;
    const char *table;
    const int32_t *ids;
    int64_t count, row_bytes, rows, per_task;
} embedding_context;

static void embedding_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const embedding_context *c = raw;
    int64_t first = index * c->per_task, last = dd_min(first + c->per_task, c->count);
    for (int64_t i = first; i < last; i++) {
        char *y = c->y + i * c->row_bytes;
        int64_t id = c->ids[i];
        if (id < 0) id += c->rows;
        if (id >= 0 && id < c->rows)
            memcpy(y, c->table + id * c->row_bytes, (size_t)c->row_bytes);
        else
            memset(y, 0, (size_t)c->row_bytes);
    }
}

void dd_embedding(dd_pool *pool, void *y, const void *table, const int32_t *ids, int64_t count, int64_t row_bytes, int64_t rows) {
    if (row_bytes <= 0 || count <= 0) return;
    embedding_context context = {y, table, ids, count, row_bytes, rows, dd_max(1, 65536 / row_bytes)};
    dd_parallel_for(pool, dd_ceil_div(count, context.per_task), embedding_task, &context);
}
