#include "dd_elementwise.h"

#include <math.h>

#include "../math/integers.h"
#include "one_pass.h"

enum {
    LANES = 64,        // a single row is reduced as so many columns, which are then combined in order
    COLUMNS = 512,     // of a task with inner > 1
    TASK_WORK = 16384, // elements of one task, about
};

typedef struct reduce_context {
    void (*accumulate)(dd_reduce_op op, double *acc, const float *x, int64_t rows, int64_t ld, int64_t columns);
    dd_reduce_op op;
    float *y;
    const float *x;
    int64_t outer, reduced, inner;
    int64_t parts, units, units_per_task;
} reduce_context;

static double identity_of(dd_reduce_op op) {
    switch (op) {
        case DD_REDUCE_MAX: return -INFINITY;
        case DD_REDUCE_MIN: return INFINITY;
        case DD_REDUCE_PROD: return 1;
        default: return 0;
    }
}

static double combine(dd_reduce_op op, double a, double v) {
    switch (op) {
        case DD_REDUCE_MAX: return v > a || v != v ? v : a;
        case DD_REDUCE_MIN: return v < a || v != v ? v : a;
        case DD_REDUCE_PROD: return a * v;
        default: return a + v;
    }
}

static void reduce_unit(const reduce_context *c, int64_t unit) {
    double acc[COLUMNS];
    const double identity = identity_of(c->op), divisor = c->op == DD_REDUCE_MEAN ? (double)c->reduced : 1.0;
    if (c->inner == 1) {
        const float *x = c->x + unit * c->reduced;
        int64_t rows = c->reduced / LANES, tail = c->reduced % LANES;
        for (int j = 0; j < LANES; j++) acc[j] = identity;
        c->accumulate(c->op, acc, x, rows, LANES, LANES);
        c->accumulate(c->op, acc, x + rows * LANES, 1, LANES, tail);
        double result = identity;
        for (int j = 0; j < LANES; j++) result = combine(c->op, result, acc[j]);
        c->y[unit] = (float)(result / divisor);
        return;
    }
    int64_t o = unit / c->parts, first = unit % c->parts * COLUMNS, n = dd_min(COLUMNS, c->inner - first);
    for (int64_t j = 0; j < n; j++) acc[j] = identity;
    c->accumulate(c->op, acc, c->x + o * c->reduced * c->inner + first, c->reduced, c->inner, n);
    float *y = c->y + o * c->inner + first;
    for (int64_t j = 0; j < n; j++) y[j] = (float)(acc[j] / divisor);
}

static void reduce_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const reduce_context *c = raw;
    int64_t first = index * c->units_per_task, last = dd_min(first + c->units_per_task, c->units);
    for (int64_t unit = first; unit < last; unit++) reduce_unit(c, unit);
}

void dd_reduce_f32(dd_pool *pool, dd_reduce_op op, float *y, const float *x, int64_t outer, int64_t reduced, int64_t inner) {
    if (outer <= 0 || inner <= 0) return;
    reduce_context context = {
        .accumulate = dd_one_pass_current()->reduce_accumulate, .op = op, .y = y, .x = x, .outer = outer, .reduced = reduced, .inner = inner};
    context.parts = dd_ceil_div(inner, COLUMNS);
    context.units = outer * context.parts;
    context.units_per_task = dd_max(1, TASK_WORK / (dd_max(1, reduced) * dd_min(inner, COLUMNS)));
    dd_parallel_for(pool, dd_ceil_div(context.units, context.units_per_task), reduce_task, &context);
}
