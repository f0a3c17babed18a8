#include "dd_elementwise.h"

#include <math.h>

#include "../math/integers.h"
#include "one_pass.h"

enum { BLOCK = 16384 };

typedef struct unary_context {
    void (*run)(dd_unary_op op, float *y, const float *x, int64_t n, float p0, float p1);
    dd_unary_op op;
    float *y;
    const float *x;
    int64_t n;
    float p0, p1;
} unary_context;

static void unary_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const unary_context *c = raw;
    int64_t first = index * BLOCK;
    c->run(c->op, c->y + first, c->x + first, dd_min(BLOCK, c->n - first), c->p0, c->p1);
}

void dd_unary_f32(dd_pool *pool, dd_unary_op op, float *y, const float *x, int64_t n, float p0, float p1) {
    unary_context context = {dd_one_pass_current()->unary_run, op, y, x, n, p0, p1};
    dd_parallel_for(pool, dd_ceil_div(n, BLOCK), unary_task, &context);
}
