#include "dd_elementwise.h"

#include <math.h>

#include "../math/integers.h"
#include "one_pass.h"

enum { BLOCK = 16384 };

typedef struct binary_context {
    void (*run)(dd_binary_op, float *, const float *, int64_t, const float *, int64_t, int64_t);
    dd_binary_op op;
    float *y;
    const float *a, *b;
    dd_broadcast shape; // collapsed, of rank >= 1
    int64_t count;
} binary_context;

// Drops dimensions of one element and merges those that both operands walk as one.
static dd_broadcast collapse(const dd_broadcast *shape) {
    dd_broadcast out = {.rank = 0};
    for (int d = 0; d < shape->rank; d++) {
        int64_t size = shape->size[d], sa = shape->stride_a[d], sb = shape->stride_b[d];
        if (size == 1) continue;
        int last = out.rank - 1;
        if (last >= 0 && out.stride_a[last] == sa * size && out.stride_b[last] == sb * size) {
            out.size[last] *= size;
        } else {
            last = out.rank++;
            out.size[last] = size;
        }
        out.stride_a[last] = sa;
        out.stride_b[last] = sb;
    }
    if (out.rank == 0) out = (dd_broadcast){.rank = 1, .size = {1}, .stride_a = {1}, .stride_b = {1}};
    return out;
}

// Outputs index * BLOCK ..< (index + 1) * BLOCK, in runs along the innermost dimension.
static void binary_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const binary_context *c = raw;
    const dd_broadcast *s = &c->shape;
    int64_t first = index * BLOCK, left = dd_min(BLOCK, c->count - first);
    int inner = s->rank - 1;
    int64_t position[DD_MAX_RANK], rest = first, at_a = 0, at_b = 0;
    for (int d = inner; d >= 0; d--) {
        position[d] = rest % s->size[d];
        rest /= s->size[d];
        at_a += position[d] * s->stride_a[d];
        at_b += position[d] * s->stride_b[d];
    }
    float *y = c->y + first;
    for (;;) {
        int64_t run = dd_min(s->size[inner] - position[inner], left);
        c->run(c->op, y, c->a + at_a, s->stride_a[inner], c->b + at_b, s->stride_b[inner], run);
        left -= run;
        if (left == 0) return;
        y += run;
        // To the beginning of the next run.
        at_a -= position[inner] * s->stride_a[inner];
        at_b -= position[inner] * s->stride_b[inner];
        position[inner] = 0;
        for (int d = inner - 1; d >= 0; d--) {
            at_a += s->stride_a[d];
            at_b += s->stride_b[d];
            if (++position[d] < s->size[d]) break;
            at_a -= s->size[d] * s->stride_a[d];
            at_b -= s->size[d] * s->stride_b[d];
            position[d] = 0;
        }
    }
}

void dd_binary_f32(dd_pool *pool, dd_binary_op op, float *y, const float *a, const float *b, const dd_broadcast *shape) {
    int64_t count = 1;
    for (int d = 0; d < shape->rank; d++) count *= shape->size[d];
    if (count == 0) return;
    binary_context context = {dd_one_pass_current()->binary_run, op, y, a, b, collapse(shape), count};
    dd_parallel_for(pool, dd_ceil_div(count, BLOCK), binary_task, &context);
}
