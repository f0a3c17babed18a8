// Weights as the tiles read them: panels of 32 rows of w, turned around, the same on every instruction set.
#include "gemm_kernels.h"

// Blocks along k keep the cache lines of 32 rows at hand while they are turned around.
enum { PACK_BLOCK = 32 };

// MARK: operands

static int64_t padded_row(int64_t k) { return dd_ceil_div(k, 32) * 32; }

static void pack_float32(void *panel, int64_t start, int64_t j, const float *line, int64_t count, float inverse) {
    (void)inverse;
    float *values = (float *)panel + start * DD_PANEL + j;
    for (int64_t l = 0; l < count; l++) values[l * DD_PANEL] = line[l];
}

/// Numbers of 16 bits, of which a word holds two neighbours along k; `numbers` has one more than `count`.
static void pack_pairs(void *panel, int64_t start, int64_t j, const uint16_t *numbers, int64_t count) {
    uint32_t *pairs = (uint32_t *)panel + start / 2 * DD_PANEL + j;
    for (int64_t l = 0; l < count; l += 2) pairs[l / 2 * DD_PANEL] = numbers[l] | (uint32_t)numbers[l + 1] << 16;
}

static void pack_bfloat16(void *panel, int64_t start, int64_t j, const float *line, int64_t count, float inverse) {
    (void)inverse;
    uint16_t numbers[PACK_BLOCK + 1] = {0};
    for (int64_t l = 0; l < count; l++) numbers[l] = dd_bfloat16_from_float(line[l]);
    pack_pairs(panel, start, j, numbers, count);
}

static void pack_int16(void *panel, int64_t start, int64_t j, const float *line, int64_t count, float inverse) {
    uint16_t numbers[PACK_BLOCK + 1] = {0};
    for (int64_t l = 0; l < count; l++) numbers[l] = (uint16_t)dd_int16_from_float(line[l] * inverse);
    pack_pairs(panel, start, j, numbers, count);
}

const dd_operand dd_operands[DD_PRECISION_COUNT] = {
    [DD_PRECISION_FLOAT32] = {.element = 4, .in_place = DD_F32, .strip_row = padded_row, .pack = pack_float32},
    [DD_PRECISION_BFLOAT16] = {.element = 2, .in_place = DD_BF16, .strip_row = padded_row, .pack = pack_bfloat16},
    [DD_PRECISION_INT16] = {.element = 2, .in_place = DD_I16, .strip_row = dd_int16_row, .scale_rows = 1, .pack = pack_int16},
};

static int64_t panel_bytes(dd_precision precision, int64_t k) { return dd_operand_rows(precision, k) * DD_PANEL * 4; }

int64_t dd_gemm_packed_bytes(dd_precision precision, int64_t n, int64_t k) { return dd_ceil_div(n, DD_PANEL) * panel_bytes(precision, k); }

// MARK: packing

typedef struct pack_job {
    dd_precision precision;
    char *packed;
    const void *w;
    dd_element w_type;
    int64_t n, k, ldw;
    int64_t row_offset; // of w's row 0 in the packed matrix
    int64_t first_panel;
    int geglu;
} pack_job;

/// The row of w behind a packed row: -1 for one that another part holds, -2 for padding.
static int64_t packed_row(const pack_job *job, int64_t panel, int64_t j) {
    if (job->geglu) {
        const int64_t row = panel * DD_HALF_PANEL + j % DD_HALF_PANEL;
        if (row >= job->n / 2) return -2;
        return j < DD_HALF_PANEL ? row : job->n / 2 + row;
    }
    const int64_t row = panel * DD_PANEL + j - job->row_offset;
    return row < 0 ? -1 : row < job->n ? row : -2;
}

/// Columns start ..< start + count of a row of w, zeros for a row that is not there.
static void load_line(const pack_job *job, int64_t row, int64_t start, int64_t count, float *line) {
    if (row < 0) {
        memset(line, 0, (size_t)count * sizeof(float));
        return;
    }
    const int64_t at = row * job->ldw + start;
    if (job->w_type == DD_F32)
        memcpy(line, (const float *)job->w + at, (size_t)count * sizeof(float));
    else
        for (int64_t l = 0; l < count; l++) line[l] = dd_load_element(job->w, job->w_type, at + l);
}

/// The scale of a row of w, from the part with the largest sum of squares, and its inverse.
static void find_scale(const pack_job *job, int64_t row, float *scale, float *inverse) {
    const int64_t part = dd_int16_part(job->k);
    double largest = 0;
    for (int64_t first = 0; first < job->k; first += part) {
        const int64_t end = dd_min(first + part, job->k);
        double squares = 0;
        for (int64_t start = first; start < end; start += PACK_BLOCK) {
            const int64_t count = dd_min(PACK_BLOCK, end - start);
            float line[PACK_BLOCK];
            load_line(job, row, start, count, line);
            for (int64_t l = 0; l < count; l++) squares += (double)line[l] * line[l];
        }
        if (squares > largest || squares != squares) largest = squares; // a NaN stays
    }
    dd_int16_scale((float)largest, scale, inverse);
}

static void pack_panel(void *context, int64_t index, int worker) {
    (void)worker;
    const pack_job *job = context;
    const dd_operand *operand = &dd_operands[job->precision];
    const int64_t panel = job->first_panel + index, k = job->k;
    char *out = job->packed + panel * panel_bytes(job->precision, k);
    float inverses[DD_PANEL] = {0}, *scales = (float *)(void *)out;
    if (operand->scale_rows) {
        for (int64_t j = 0; j < DD_PANEL; j++) {
            const int64_t row = packed_row(job, panel, j);
            if (row == -1) continue;
            scales[j] = 0;
            if (row >= 0) find_scale(job, row, scales + j, inverses + j);
        }
    }
    out += operand->scale_rows * DD_PANEL * (int64_t)sizeof(float);
    for (int64_t start = 0; start < k; start += PACK_BLOCK) {
        const int64_t count = dd_min(PACK_BLOCK, k - start);
        for (int64_t j = 0; j < DD_PANEL; j++) {
            const int64_t row = packed_row(job, panel, j);
            if (row == -1) continue;
            float line[PACK_BLOCK];
            load_line(job, row, start, count, line);
            operand->pack(out, start, j, line, count, inverses[j]);
        }
    }
}

static void pack(dd_pool *pool, pack_job job) {
    if (job.n <= 0 || job.k <= 0) return;
    job.first_panel = job.row_offset / DD_PANEL;
    const int64_t last = dd_ceil_div(job.row_offset + job.n, DD_PANEL);
    dd_parallel_for(pool, last - job.first_panel, pack_panel, &job);
}

void dd_gemm_pack_rows(dd_pool *pool, dd_precision precision, void *packed, int64_t row_offset, const void *w, dd_element w_type, int64_t n, int64_t k,
                       int64_t ldw) {
    pack(pool, (pack_job){.precision = precision, .packed = packed, .w = w, .w_type = w_type, .n = n, .k = k, .ldw = ldw, .row_offset = row_offset});
}

void dd_gemm_pack_geglu(dd_pool *pool, dd_precision precision, void *packed, const void *w, dd_element w_type, int64_t n, int64_t k, int64_t ldw) {
    pack(pool, (pack_job){.precision = precision, .packed = packed, .w = w, .w_type = w_type, .n = n, .k = k, .ldw = ldw, .geglu = 1});
}
