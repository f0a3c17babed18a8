// Element-wise adaptive convolution.
#include "dd_spatial.h"

#include "../elementwise/one_pass.h"
#include "../math/integers.h"

typedef struct eac_context {
    const dd_one_pass *table;
    float *y;
    const float *x, *kernel;
    int64_t c, h, w, k;
    int residual;
    int64_t first_row;
} eac_context;

static void eac_nchw_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const eac_context *c = raw;
    int64_t plane = c->h * c->w, image = index / c->h, row = index % c->h;
    c->table->eac_row_nchw(c->y + image * plane + row * c->w, c->x + image * plane, c->kernel + image * c->k * c->k * plane, plane, c->h, c->w, row, c->k,
                           c->residual);
}

static void eac_nhwc_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const eac_context *c = raw;
    index += c->first_row;
    int64_t size = c->h * c->w * c->c, image = index / c->h, row = index % c->h;
    c->table->eac_row_nhwc(c->y + image * size + row * c->w * c->c, c->x + image * size, c->kernel + image * c->k * c->k * size, c->c, c->h, c->w, row, c->k,
                           c->residual);
}

void dd_eac_nchw_f32(dd_pool *pool, float *y, const float *x, const float *kernel, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k, int residual) {
    eac_context context = {dd_one_pass_current(), y, x, kernel, c, h, w, k, residual, 0};
    dd_parallel_for(pool, n * c * h, eac_nchw_task, &context);
}

void dd_eac_nhwc_f32(dd_pool *pool, float *y, const float *x, const float *kernel, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k, int residual) {
    dd_eac_nhwc_rows_f32(pool, y, x, kernel, c, h, w, k, residual, 0, n * h);
}

void dd_eac_nhwc_rows_f32(dd_pool *pool, float *y, const float *x, const float *kernel, int64_t c, int64_t h, int64_t w, int64_t k, int residual, int64_t first,
                          int64_t last) {
    eac_context context = {dd_one_pass_current(), y, x, kernel, c, h, w, k, residual, first};
    dd_parallel_for(pool, last - first, eac_nhwc_task, &context);
}
