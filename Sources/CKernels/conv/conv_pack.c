// Weights into panels: [cout/32][products][words][32], transformed in float64 where the kind asks for it.
#include <math.h>
#include <string.h>

#include "conv_internal.h"

int64_t dd_conv_products(dd_conv_kind kind, int64_t kh, int64_t kw) {
    if (kh < 1 || kw < 1) return 0;
    if (kind == DD_CONV_DIRECT) return kh * kw;
    if (kh != 3 || kw != 3) return 0;
    switch (kind) {
        case DD_CONV_WINOGRAD_F2:
        case DD_CONV_WINOGRAD_F2_PLAIN: return 16;
        case DD_CONV_WINOGRAD_F4:
        case DD_CONV_WINOGRAD_F4_PLAIN: return 36;
        case DD_CONV_WINOGRAD_F6: return 64;
        case DD_CONV_WINOGRAD_STRIDE_2: return 25;
        case DD_CONV_UPSAMPLE_3X3: return 9;
        default: return 0;
    }
}

/// The kind whose weights look the same.
static dd_conv_kind packed_as(dd_conv_kind kind) { return dd_conv_is_plain(kind) ? DD_CONV_DIRECT : kind; }

static int64_t words_of(dd_conv_precision precision, int64_t cin) {
    return precision == DD_CONV_FLOAT32 ? cin : (cin + 1) / 2;
}

int64_t dd_conv_panel_rows(dd_conv_kind kind, dd_conv_precision precision, int64_t cin, int64_t kh, int64_t kw) {
    if (cin < 1 || dd_conv_products(kind, kh, kw) == 0) return 0;
    const int64_t rows = dd_conv_products(packed_as(kind), kh, kw) * words_of(precision, cin);
    if (precision != DD_CONV_INT16) return rows;
    return rows + (kind == DD_CONV_DIRECT ? 1 : (dd_conv_is_plain(kind) ? 2 : 1) * dd_conv_products(kind, kh, kw));
}

size_t dd_conv_packed_bytes(dd_conv_kind kind, dd_conv_precision precision, int64_t cout, int64_t cin, int64_t kh, int64_t kw) {
    if (cout < 1) return 0;
    return (size_t)(dd_conv_ceil(cout, DD_CONV_PANEL) * dd_conv_panel_rows(kind, precision, cin, kh, kw) * DD_CONV_PANEL) * sizeof(float);
}

// Weight transforms along one dimension: row p makes product p from the three taps.
//
// F(4,3) uses the points 0, +-2/3, +-3/2 and infinity; row a is (1, a, a^2) / prod(a - b) over the other finite points b.
// F(6,3) uses 0, +-1, +-1/2, +-2 and infinity, F(2,3) 0, +-1 and infinity. Upsampling: see conv_transform.inc.h; the sign of its first row makes all its output
// combinations sums.
static const double f4_rows[6][3] = {
    {1, 0, 0},
    {-1.0 / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(2.0 / 3) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(4.0 / 9) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9))},
    {-1.0 / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), (2.0 / 3) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(4.0 / 9) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9))},
    {1.0 / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (3.0 / 2) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (9.0 / 4) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9))},
    {1.0 / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), -(3.0 / 2) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (9.0 / 4) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9))},
    {0, 0, 1},
};
static const double f6_rows[8][3] = {
    {1, 0, 0},
    {-2.0 / 9, -2.0 / 9, -2.0 / 9},
    {-2.0 / 9, 2.0 / 9, -2.0 / 9},
    {32.0 / 45, 16.0 / 45, 8.0 / 45},
    {32.0 / 45, -16.0 / 45, 8.0 / 45},
    {1.0 / 90, 2.0 / 90, 4.0 / 90},
    {1.0 / 90, -2.0 / 90, 4.0 / 90},
    {0, 0, 1},
};
static const double f2_rows[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
// With stride 2: F(2,2) of the outer taps, and the middle one for each of two outputs.
static const double stride_2_rows[5][3] = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}, {0, 1, 0}};
static const double upsample_rows[3][3] = {{-1, 0, 0}, {1, 1, 1}, {0, 0, 1}};

static float half_to_float(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, magnitude = h & 0x7fffu;
    union { uint32_t bits; float value; } u;
    if (magnitude >= 0x7c00u) {
        u.bits = sign | 0x7f800000u | (magnitude & 0x3ffu) << 13;
    } else if (magnitude >= 0x400u) {
        u.bits = sign | ((magnitude << 13) + 0x38000000u);
    } else {
        u.value = (float)magnitude * 0x1p-24f;
        u.bits |= sign;
    }
    return u.value;
}

static float float_of(uint16_t bfloat16) {
    union { uint32_t bits; float value; } u = {(uint32_t)bfloat16 << 16};
    return u.value;
}

typedef struct pack_job {
    dd_conv_kind kind;
    dd_conv_precision precision;
    void *packed;
    const void *w;
    dd_conv_weight_type w_type;
    int64_t cout, cin, taps, products, words, panel_rows;
} pack_job;

/// Taps of one input channel to 32 output channels -> products.
static void transform(dd_conv_kind kind, const double (*taps)[DD_CONV_PANEL], double (*products)[DD_CONV_PANEL]) {
    const double(*rows)[3] = upsample_rows;
    int n = 3;
    if (kind == DD_CONV_WINOGRAD_F4 || kind == DD_CONV_WINOGRAD_F4_PLAIN) rows = f4_rows, n = 6;
    if (kind == DD_CONV_WINOGRAD_F2 || kind == DD_CONV_WINOGRAD_F2_PLAIN) rows = f2_rows, n = 4;
    if (kind == DD_CONV_WINOGRAD_F6) rows = f6_rows, n = 8;
    if (kind == DD_CONV_WINOGRAD_STRIDE_2) rows = stride_2_rows, n = 5;
    double half[8][3][DD_CONV_PANEL];
    for (int p = 0; p < n; p++)
        for (int x = 0; x < 3; x++)
            for (int c = 0; c < DD_CONV_PANEL; c++)
                half[p][x][c] = rows[p][0] * taps[x][c] + rows[p][1] * taps[3 + x][c] + rows[p][2] * taps[6 + x][c];
    for (int p = 0; p < n; p++)
        for (int q = 0; q < n; q++)
            for (int c = 0; c < DD_CONV_PANEL; c++)
                products[p * n + q][c] = rows[q][0] * half[p][0][c] + rows[q][1] * half[p][1][c] + rows[q][2] * half[p][2][c];
}

/// Taps t0 ..< t0 + count of an input channel, zeros where there is none.
static void load_taps(const pack_job *job, int64_t panel, int64_t ci, int64_t t0, int64_t count, double (*taps)[DD_CONV_PANEL]) {
    const int64_t columns = ci < job->cin ? dd_conv_min(DD_CONV_PANEL, job->cout - panel * DD_CONV_PANEL) : 0;
    for (int64_t c = 0; c < columns; c++) {
        const int64_t at = ((panel * DD_CONV_PANEL + c) * job->cin + ci) * job->taps + t0;
        const uint16_t *halves = (const uint16_t *)job->w + at;
        if (job->w_type == DD_CONV_WEIGHT_FLOAT32)
            for (int64_t t = 0; t < count; t++) taps[t][c] = ((const float *)job->w)[at + t];
        else if (job->w_type == DD_CONV_WEIGHT_BFLOAT16)
            for (int64_t t = 0; t < count; t++) taps[t][c] = float_of(halves[t]);
        else
            for (int64_t t = 0; t < count; t++) taps[t][c] = half_to_float(halves[t]);
    }
    for (int64_t t = 0; t < count; t++)
        for (int64_t c = columns; c < DD_CONV_PANEL; c++) taps[t][c] = 0;
}

/// The larger number, or a NaN if there is one.
static double larger(double a, double b) { return b > a || b != b ? b : a; }

/// What a panel's weights in int16 are multiples of, and the inverse of that.
typedef struct panel_scales {
    double scale[DD_CONV_PRODUCTS][DD_CONV_PANEL], inverse[DD_CONV_PRODUCTS][DD_CONV_PANEL]; // of products; the direct kind has the first
    double tap[DD_CONV_PANEL], tap_inverse[DD_CONV_PANEL];                                  // of plain weights
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
    const int64_t part = 2 * dd_conv_part_words(job->words);
    for (int64_t t0 = 0; t0 < job->taps; t0 += 9) {
        const int64_t tap_count = dd_conv_min(9, job->taps - t0), count = job->kind == DD_CONV_DIRECT ? tap_count : job->products;
        for (int64_t first = 0; first < job->cin; first += part) {
            memset(squares, 0, sizeof squares);
            for (int64_t ci = first; ci < dd_conv_min(first + part, job->cin); ci++) {
                load_taps(job, panel, ci, t0, tap_count, taps);
                if (dd_conv_is_plain(job->kind))
                    for (int t = 0; t < 9; t++)
                        for (int c = 0; c < DD_CONV_PANEL; c++) taps[t][c] = dd_int16_from_double(taps[t][c] * s->tap_inverse[c]) * s->tap[c];
                if (job->kind != DD_CONV_DIRECT) transform(job->kind, taps, products);
                for (int64_t p = 0; p < count; p++)
                    for (int c = 0; c < DD_CONV_PANEL; c++) {
                        const double weight = job->kind == DD_CONV_DIRECT ? taps[p][c] : products[p][c];
                        squares[p][c] += weight * weight;
                    }
            }
            for (int64_t p = 0; p < count; p++)
                for (int c = 0; c < DD_CONV_PANEL; c++) {
                    double *square = &s->scale[job->kind == DD_CONV_DIRECT ? 0 : p][c];
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
    const int plain = dd_conv_is_plain(job->kind);
    if (plain) rows += (job->panel_rows - 2 * job->products) * DD_CONV_PANEL;
    for (int64_t p = 0; p < (job->kind == DD_CONV_DIRECT ? 1 : job->products); p++) {
        float *scales = rows + p * (plain ? 1 : job->words + 1) * DD_CONV_PANEL;
        for (int c = 0; c < DD_CONV_PANEL; c++) scales[c] = (float)s->scale[p][c];
        if (!plain) continue;
        float *inverse = scales + job->products * DD_CONV_PANEL;
        for (int c = 0; c < DD_CONV_PANEL; c++) inverse[c] = (float)(s->inverse[p][c] * s->tap[c]);
    }
}

/// Where a product's rows (of kinds without transforms: a tap's) begin, behind the scales in front of them.
static float *rows_of(const pack_job *job, int64_t panel, int64_t product) {
    int64_t row = panel * job->panel_rows + product * job->words;
    if (job->precision == DD_CONV_INT16 && job->kind == DD_CONV_DIRECT) row += 1;
    if (job->precision == DD_CONV_INT16 && packed_as(job->kind) != DD_CONV_DIRECT) row += product + 1;
    return (float *)job->packed + row * DD_CONV_PANEL;
}

/// Values of an input channel, in int16 times `inverse`.
static void store_row(const pack_job *job, float *rows, int64_t ci, const double *values, const double *inverse) {
    if (job->precision == DD_CONV_FLOAT32) {
        for (int c = 0; c < DD_CONV_PANEL; c++) rows[ci * DD_CONV_PANEL + c] = (float)values[c];
        return;
    }
    int16_t *row = (int16_t *)(void *)(rows + ci / 2 * DD_CONV_PANEL) + ci % 2;
    for (int c = 0; c < DD_CONV_PANEL; c++) row[2 * c] = dd_int16_from_double(values[c] * inverse[c]);
}

static void pack_panel(void *context, int64_t panel, int worker) {
    (void)worker;
    const pack_job *job = context;
    const dd_conv_kind kind = packed_as(job->kind);
    double taps[9][DD_CONV_PANEL], products[DD_CONV_PRODUCTS][DD_CONV_PANEL];
    panel_scales scales;
    if (job->precision == DD_CONV_INT16) {
        if (dd_conv_is_plain(job->kind)) find_tap_scales(job, panel, &scales);
        find_scales(job, panel, &scales);
        store_scales(job, panel, &scales);
    }
    const double *tap_inverse = dd_conv_is_plain(job->kind) ? scales.tap_inverse : scales.inverse[0];
    const int64_t channels = job->precision == DD_CONV_FLOAT32 ? job->cin : 2 * job->words;
    for (int64_t ci = 0; ci < channels; ci++) {
        // Taps in batches of nine: a direct kernel may have any number of them.
        for (int64_t t0 = 0; t0 < job->taps; t0 += 9) {
            const int64_t count = dd_conv_min(9, job->taps - t0);
            load_taps(job, panel, ci, t0, count, taps);
            if (kind == DD_CONV_DIRECT) {
                for (int64_t t = 0; t < count; t++) store_row(job, rows_of(job, panel, t0 + t), ci, taps[t], tap_inverse);
            } else {
                transform(kind, taps, products);
                for (int64_t p = 0; p < job->products; p++) store_row(job, rows_of(job, panel, p), ci, products[p], scales.inverse[p]);
            }
        }
    }
}

int dd_conv_pack(dd_pool *pool, dd_conv_kind kind, dd_conv_precision precision, void *packed, const void *w,
                 dd_conv_weight_type w_type, int64_t cout, int64_t cin, int64_t kh, int64_t kw) {
    if (dd_conv_packed_bytes(kind, precision, cout, cin, kh, kw) == 0) return DD_CONV_UNSUPPORTED;
    pack_job job = {kind, precision, packed, w, w_type, cout, cin, kh * kw, dd_conv_products(kind, kh, kw), words_of(precision, cin),
                    dd_conv_panel_rows(kind, precision, cin, kh, kw)};
    dd_parallel_for(pool, dd_conv_ceil(cout, DD_CONV_PANEL), pack_panel, &job);
    return DD_CONV_OK;
}
