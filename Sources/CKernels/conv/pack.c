// Weights into panels: [cout/32][products][words][32], transformed in float64 where the algorithm has a transform.
#include <math.h>
#include <string.h>

#include "../simd/half.h"
#include "plan.h"

int64_t dd_conv_panel_rows(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *a) {
    const int64_t rows = dd_conv_packed_products(algorithm, a) * dd_conv_words(precision, a->cin0 + a->cin1);
    if (precision != DD_PRECISION_INT16) return rows;
    return rows + (algorithm->rows ? (algorithm->plain ? 2 : 1) * dd_conv_products(algorithm, a) : 1);
}

size_t dd_conv_packed_bytes(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *a) {
    if (dd_conv_check(algorithm, precision, a) != DD_CONV_OK) return 0;
    return (size_t)(dd_ceil_div(a->cout, DD_CONV_PANEL) * dd_conv_panel_rows(algorithm, precision, a) * DD_CONV_PANEL) * sizeof(float);
}

typedef struct pack_job {
    const dd_conv_algorithm *algorithm;
    dd_precision precision;
    void *packed;
    const void *w;
    dd_element w_type;
    int64_t cout, cin, taps, products, words, panel_rows;
} pack_job;

/// Taps of one input channel to 32 output channels -> products.
static void transform(const dd_conv_algorithm *algorithm, const double (*taps)[DD_CONV_PANEL], double (*products)[DD_CONV_PANEL]) {
    const double(*rows)[3] = algorithm->rows;
    const int64_t n = algorithm->side;
    double half[8][3][DD_CONV_PANEL];
    for (int64_t p = 0; p < n; p++)
        for (int x = 0; x < 3; x++)
            for (int c = 0; c < DD_CONV_PANEL; c++) half[p][x][c] = rows[p][0] * taps[x][c] + rows[p][1] * taps[3 + x][c] + rows[p][2] * taps[6 + x][c];
    for (int64_t p = 0; p < n; p++)
        for (int64_t q = 0; q < n; q++)
            for (int c = 0; c < DD_CONV_PANEL; c++)
                products[p * n + q][c] = rows[q][0] * half[p][0][c] + rows[q][1] * half[p][1][c] + rows[q][2] * half[p][2][c];
}

/// Taps t0 ..< t0 + count of an input channel, zeros where there is none.
static void load_taps(const pack_job *job, int64_t panel, int64_t ci, int64_t t0, int64_t count, double (*taps)[DD_CONV_PANEL]) {
    const int64_t columns = ci < job->cin ? dd_min(DD_CONV_PANEL, job->cout - panel * DD_CONV_PANEL) : 0;
    for (int64_t c = 0; c < columns; c++) {
        const int64_t at = ((panel * DD_CONV_PANEL + c) * job->cin + ci) * job->taps + t0;
        for (int64_t t = 0; t < count; t++) taps[t][c] = dd_load_element(job->w, job->w_type, at + t);
    }
    for (int64_t t = 0; t < count; t++)
        for (int64_t c = columns; c < DD_CONV_PANEL; c++) taps[t][c] = 0;
}

/// The larger number, or a NaN if there is one.
static double larger(double a, double b) { return b > a || b != b ? b : a; }

/// What a panel's weights in int16 are multiples of, and the inverse of that.
typedef struct panel_scales {
    double scale[DD_CONV_PRODUCTS][DD_CONV_PANEL], inverse[DD_CONV_PRODUCTS][DD_CONV_PANEL]; // of products; the direct algorithm has the first
    double tap[DD_CONV_PANEL], tap_inverse[DD_CONV_PANEL];                                   // of plain weights
} panel_scales;

/// Plain weights are transformed as they are stored, so that nothing bounds their sums but the scales of the products.
static void find_tap_scales(const pack_job *job, int64_t panel, panel_scales *s) {
    double taps[9][DD_CONV_PANEL];
    memset(s->tap, 0, sizeof s->tap);
    for (int64_t ci = 0; ci < job->cin; ci++) {
        load_taps(job, panel, ci, 0, 9, taps);
        for (int t = 0; t < 9; t++)
            for (int c = 0; c < DD_CONV_PANEL; c++) s->tap[c] = larger(s->tap[c], fabs(taps[t][c]));
    }
    for (int c = 0; c < DD_CONV_PANEL; c++) {
        s->tap_inverse[c] = s->tap[c] == 0 ? 0 : 32767 / s->tap[c];
        s->tap[c] /= 32767;
    }
}

/// The part of a product's channels with the largest sum of squares sets its scale; with no transform all taps are one product.
static void find_scales(const pack_job *job, int64_t panel, panel_scales *s) {
    double taps[9][DD_CONV_PANEL], products[DD_CONV_PRODUCTS][DD_CONV_PANEL], squares[DD_CONV_PRODUCTS][DD_CONV_PANEL];
    memset(s->scale, 0, sizeof s->scale);
    const int transforms = job->algorithm->rows != NULL;
    const int64_t part = 2 * dd_conv_part_words(job->words);
    for (int64_t t0 = 0; t0 < job->taps; t0 += 9) {
        const int64_t tap_count = dd_min(9, job->taps - t0), count = transforms ? job->products : tap_count;
        for (int64_t first = 0; first < job->cin; first += part) {
            memset(squares, 0, sizeof squares);
            for (int64_t ci = first; ci < dd_min(first + part, job->cin); ci++) {
                load_taps(job, panel, ci, t0, tap_count, taps);
                if (job->algorithm->plain)
                    for (int t = 0; t < 9; t++)
                        for (int c = 0; c < DD_CONV_PANEL; c++) taps[t][c] = dd_int16_from_double(taps[t][c] * s->tap_inverse[c]) * s->tap[c];
                if (transforms) transform(job->algorithm, taps, products);
                for (int64_t p = 0; p < count; p++)
                    for (int c = 0; c < DD_CONV_PANEL; c++) {
                        const double weight = transforms ? products[p][c] : taps[p][c];
                        squares[p][c] += weight * weight;
                    }
            }
            for (int64_t p = 0; p < count; p++)
                for (int c = 0; c < DD_CONV_PANEL; c++) {
                    double *square = &s->scale[transforms ? p : 0][c];
                    *square = larger(*square, squares[p][c]);
                }
        }
    }
    for (int64_t p = 0; p < DD_CONV_PRODUCTS; p++) {
        for (int c = 0; c < DD_CONV_PANEL; c++) {
            const double root = sqrt(s->scale[p][c]);
            s->scale[p][c] = root / DD_INT16_ROOT;
            s->inverse[p][c] = root == 0 ? 0 : DD_INT16_ROOT / root;
        }
    }
}

static void store_scales(const pack_job *job, int64_t panel, const panel_scales *s) {
    float *rows = (float *)job->packed + panel * job->panel_rows * DD_CONV_PANEL;
    const int plain = job->algorithm->plain;
    if (plain) rows += (job->panel_rows - 2 * job->products) * DD_CONV_PANEL;
    for (int64_t p = 0; p < (job->algorithm->rows ? job->products : 1); p++) {
        float *scales = rows + p * (plain ? 1 : job->words + 1) * DD_CONV_PANEL;
        for (int c = 0; c < DD_CONV_PANEL; c++) scales[c] = (float)s->scale[p][c];
        if (!plain) continue;
        float *inverse = scales + job->products * DD_CONV_PANEL;
        for (int c = 0; c < DD_CONV_PANEL; c++) inverse[c] = (float)(s->inverse[p][c] * s->tap[c]);
    }
}

/// Whether weights are transformed when they are packed.
static int packs_products(const pack_job *job) { return job->algorithm->rows && !job->algorithm->plain; }

/// Where a product's rows (without a transform: a tap's) begin, behind the scales in front of them.
static float *rows_of(const pack_job *job, int64_t panel, int64_t product) {
    int64_t row = panel * job->panel_rows + product * job->words;
    if (job->precision == DD_PRECISION_INT16 && !job->algorithm->plain) row += packs_products(job) ? product + 1 : 1;
    return (float *)job->packed + row * DD_CONV_PANEL;
}

/// Values of an input channel, in int16 times `inverse`.
static void store_row(const pack_job *job, float *rows, int64_t ci, const double *values, const double *inverse) {
    if (job->precision == DD_PRECISION_FLOAT32) {
        for (int c = 0; c < DD_CONV_PANEL; c++) rows[ci * DD_CONV_PANEL + c] = (float)values[c];
        return;
    }
    int16_t *row = (int16_t *)(void *)(rows + ci / 2 * DD_CONV_PANEL) + ci % 2;
    if (job->precision == DD_PRECISION_BFLOAT16) {
        for (int c = 0; c < DD_CONV_PANEL; c++) row[2 * c] = (int16_t)dd_bfloat16_from_float((float)values[c]);
        return;
    }
    for (int c = 0; c < DD_CONV_PANEL; c++) row[2 * c] = dd_int16_from_double(values[c] * inverse[c]);
}

static void pack_panel(void *context, int64_t panel, int worker) {
    (void)worker;
    const pack_job *job = context;
    double taps[9][DD_CONV_PANEL], products[DD_CONV_PRODUCTS][DD_CONV_PANEL];
    panel_scales scales;
    if (job->precision == DD_PRECISION_INT16) {
        if (job->algorithm->plain) find_tap_scales(job, panel, &scales);
        find_scales(job, panel, &scales);
        store_scales(job, panel, &scales);
    }
    const double *tap_inverse = job->algorithm->plain ? scales.tap_inverse : scales.inverse[0];
    const int64_t channels = job->precision == DD_PRECISION_FLOAT32 ? job->cin : 2 * job->words;
    for (int64_t ci = 0; ci < channels; ci++) {
        // Taps in batches of nine: a direct kernel may have any number of them.
        for (int64_t t0 = 0; t0 < job->taps; t0 += 9) {
            const int64_t count = dd_min(9, job->taps - t0);
            load_taps(job, panel, ci, t0, count, taps);
            if (packs_products(job)) {
                transform(job->algorithm, taps, products);
                for (int64_t p = 0; p < job->products; p++) store_row(job, rows_of(job, panel, p), ci, products[p], scales.inverse[p]);
            } else {
                for (int64_t t = 0; t < count; t++) store_row(job, rows_of(job, panel, t0 + t), ci, taps[t], tap_inverse);
            }
        }
    }
}

int dd_conv_pack(dd_pool *pool, const dd_conv_algorithm *algorithm, dd_precision precision, void *packed, const void *w, dd_element w_type,
                 const dd_conv_args *a) {
    if (dd_conv_check(algorithm, precision, a) != DD_CONV_OK) return DD_CONV_UNSUPPORTED;
    const int64_t cin = a->cin0 + a->cin1;
    pack_job job = {.algorithm = algorithm, .precision = precision, .packed = packed, .w = w, .w_type = w_type, .cout = a->cout, .cin = cin};
    job.taps = a->kh * a->kw;
    job.products = dd_conv_products(algorithm, a);
    job.words = dd_conv_words(precision, cin);
    job.panel_rows = dd_conv_panel_rows(algorithm, precision, a);
    dd_parallel_for(pool, dd_ceil_div(a->cout, DD_CONV_PANEL), pack_panel, &job);
    return DD_CONV_OK;
}
