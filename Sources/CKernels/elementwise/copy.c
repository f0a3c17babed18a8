#include "dd_elementwise.h"

#include <string.h>

#include "../math/integers.h"
#include "one_pass.h"

enum {
    TASK_BYTES = 65536, // about what one task moves
    TILE_I = 64,        // a transpose's task: so many rows of the output
};

typedef struct copy_plan {
    char *y;
    const char *x;
    int64_t bytes; // of an element
    // Dimensions outside the run, with strides in bytes.
    int rank;
    int64_t size[DD_MAX_RANK], stride_y[DD_MAX_RANK], stride_x[DD_MAX_RANK];
    // The innermost: `length` elements, in pieces of `piece`.
    int64_t length, inner_y, inner_x, piece, pieces;
    // The dimension that a transpose walks with it: contiguous in x.
    int64_t columns, column_y, column_x;
    dd_transpose_function *transpose;
    int64_t units, units_per_task;
} copy_plan;

#define COPY_ELEMENTS(type)                             \
    for (int64_t i = 0; i < n; i++) {                   \
        type value;                                     \
        memcpy(&value, x + i * stride_x, sizeof(type)); \
        memcpy(y + i * stride_y, &value, sizeof(type)); \
    }

static void copy_run(char *y, int64_t stride_y, const char *x, int64_t stride_x, int64_t n, int64_t bytes) {
    if (stride_y == bytes && stride_x == bytes) {
        memcpy(y, x, (size_t)(n * bytes));
    } else if (bytes == 4) {
        COPY_ELEMENTS(uint32_t)
    } else if (bytes == 2) {
        COPY_ELEMENTS(uint16_t)
    } else if (bytes == 8) {
        COPY_ELEMENTS(uint64_t)
    } else {
        COPY_ELEMENTS(uint8_t)
    }
}

// A unit is one piece of the innermost dimension at one index of the outer ones.
static void copy_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const copy_plan *p = raw;
    int64_t first = index * p->units_per_task, last = dd_min(first + p->units_per_task, p->units);
    for (int64_t unit = first; unit < last; unit++) {
        int64_t start = unit % p->pieces * p->piece, rest = unit / p->pieces;
        int64_t n = dd_min(p->piece, p->length - start);
        char *y = p->y + start * p->inner_y;
        const char *x = p->x + start * p->inner_x;
        for (int d = p->rank - 1; d >= 0; d--) {
            int64_t i = rest % p->size[d];
            rest /= p->size[d];
            y += i * p->stride_y[d];
            x += i * p->stride_x[d];
        }
        if (p->transpose)
            p->transpose(y, p->column_y / p->bytes, x, p->inner_x / p->bytes, p->columns, n);
        else
            copy_run(y, p->inner_y, x, p->inner_x, n, p->bytes);
    }
}

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

void dd_copy_strided(dd_pool *pool, void *y, const void *x, int element_size, int rank, const int64_t *size, const int64_t *stride_y, const int64_t *stride_x) {
    struct {
        int64_t size, y, x;
    } dims[DD_MAX_RANK];
    int count = 0;
    // Dimensions of more than one element, in the order in which y lies in memory.
    for (int d = 0; d < rank; d++) {
        if (size[d] <= 0) return;
        if (size[d] == 1) continue;
        int64_t sy = stride_y[d] * element_size, sx = stride_x[d] * element_size;
        int at = count++;
        for (; at > 0 && magnitude(dims[at - 1].y) < magnitude(sy); at--) dims[at] = dims[at - 1];
        dims[at].size = size[d];
        dims[at].y = sy;
        dims[at].x = sx;
    }
    int merged = 0;
    for (int d = 0; d < count; d++) {
        if (merged > 0 && dims[merged - 1].y == dims[d].y * dims[d].size && dims[merged - 1].x == dims[d].x * dims[d].size) {
            dims[merged - 1].size *= dims[d].size;
            dims[merged - 1].y = dims[d].y;
            dims[merged - 1].x = dims[d].x;
        } else {
            dims[merged++] = dims[d];
        }
    }
    copy_plan plan = {.y = y, .x = x, .bytes = element_size, .length = 1, .inner_y = element_size, .inner_x = element_size};
    int column = -1;
    if (merged > 0) {
        merged--;
        plan.length = dims[merged].size;
        plan.inner_y = dims[merged].y;
        plan.inner_x = dims[merged].x;
        if (plan.inner_y == element_size && plan.inner_x != element_size)
            for (int d = 0; d < merged; d++)
                if (dims[d].x == element_size) column = d;
    }
    for (int d = 0; d < merged; d++) {
        if (d == column) continue;
        plan.size[plan.rank] = dims[d].size;
        plan.stride_y[plan.rank] = dims[d].y;
        plan.stride_x[plan.rank] = dims[d].x;
        plan.rank++;
    }
    int64_t unit_bytes;
    if (column >= 0) {
        plan.columns = dims[column].size;
        plan.column_y = dims[column].y;
        plan.column_x = element_size;
        plan.transpose = element_size == 4   ? dd_one_pass_current()->transpose_4
                         : element_size == 2 ? dd_one_pass_current()->transpose_2
                         : element_size == 8 ? dd_one_pass_current()->transpose_8
                                             : dd_one_pass_current()->transpose_1;
        // The long dimension is cut into rows of tasks as one more outer dimension.
        if (plan.columns > TILE_I && plan.rank < DD_MAX_RANK && plan.columns % TILE_I == 0) {
            plan.size[plan.rank] = plan.columns / TILE_I;
            plan.stride_y[plan.rank] = plan.column_y * TILE_I;
            plan.stride_x[plan.rank] = plan.column_x * TILE_I;
            plan.rank++;
            plan.columns = TILE_I;
        }
        plan.piece = 256;
        unit_bytes = dd_min(plan.length, plan.piece) * plan.columns * element_size;
    } else {
        plan.piece = TASK_BYTES / element_size;
        unit_bytes = dd_min(plan.length, plan.piece) * element_size;
    }
    plan.pieces = dd_ceil_div(plan.length, plan.piece);
    plan.units = plan.pieces;
    for (int d = 0; d < plan.rank; d++) plan.units *= plan.size[d];
    plan.units_per_task = dd_max(1, TASK_BYTES / unit_bytes);
    dd_parallel_for(pool, dd_ceil_div(plan.units, plan.units_per_task), copy_task, &plan);
}
