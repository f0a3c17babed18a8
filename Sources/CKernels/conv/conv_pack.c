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
    if (kind == DD_CONV_DIRECT || kind == DD_CONV_UPSAMPLE_3X3) return 0;
    return rows + (dd_conv_is_plain(kind) ? 2 : 1) * dd_conv_products(kind, kh, kw);
}

size_t dd_conv_packed_bytes(dd_conv_kind kind, dd_conv_precision precision, int64_t cout, int64_t cin, int64_t kh, int64_t kw) {
    if (cout < 1) return 0;
    return (size_t)(dd_conv_ceil(cout, DD_CONV_PANEL) * dd_conv_panel_rows(kind, precision, cin, kh, kw) * DD_CONV_PANEL) * sizeof(float);
}

// Weight transforms along one dimension: row p makes product p from the three taps.
//
// F(4,3) uses the points 0, +-2/3, +-3/2 and infinity; row a is (1, a, a^2) / prod(a - b) over the other finite points b.
// F(2,3) uses 0, +-1 and infinity. Upsampling: see conv_transform.inc.h; the sign of its first row makes all its output
// combinations sums.
static const double f4_rows[6][3] = {
    {1, 0, 0},
    {-1.0 / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(2.0 / 3) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(4.0 / 9) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9))},
    {-1.0 / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), (2.0 / 3) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9)), -(4.0 / 9) / (8.0 / 9 * (9.0 / 4 - 4.0 / 9))},
    {1.0 / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (3.0 / 2) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (9.0 / 4) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9))},
    {1.0 / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), -(3.0 / 2) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9)), (9.0 / 4) / (9.0 / 2 * (9.0 / 4 - 4.0 / 9))},
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

static float weight_at(const void *w, dd_conv_weight_type type, int64_t i) {
    switch (type) {
        case DD_CONV_WEIGHT_FLOAT16: return half_to_float(((const uint16_t *)w)[i]);
        case DD_CONV_WEIGHT_BFLOAT16: return float_of(((const uint16_t *)w)[i]);
        case DD_CONV_WEIGHT_FLOAT32: break;
    }
    return ((const float *)w)[i];
}

/// To nearest, ties to even; a NaN stays one.
static uint16_t bfloat16_of(float value) {
    union { float value; uint32_t bits; } u = {value};
    if ((u.bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u.bits >> 16 | 0x40u);
    return (uint16_t)((u.bits + 0x7fffu + (u.bits >> 16 & 1u)) >> 16);
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
    if (kind == DD_CONV_WINOGRAD_STRIDE_2) rows = stride_2_rows, n = 5;
    double half[6][3][DD_CONV_PANEL];
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
    const int64_t columns = dd_conv_min(DD_CONV_PANEL, job->cout - panel * DD_CONV_PANEL);
    for (int64_t t = 0; t < count; t++) {
        for (int64_t c = 0; c < DD_CONV_PANEL; c++) {
            const int64_t at = ((panel * DD_CONV_PANEL + c) * job->cin + ci) * job->taps + t0 + t;
            taps[t][c] = c < columns && ci < job->cin ? weight_at(job->w, job->w_type, at) : 0;
        }
    }
}

/// A panel's products in int16: what they are multiples of, and the inverse of that.
typedef struct product_scales {
    double scale[DD_CONV_PRODUCTS][DD_CONV_PANEL], inverse[DD_CONV_PRODUCTS][DD_CONV_PANEL];
} product_scales;

/// The part of a product's channels with the largest sum of squares sets its scale.
static void find_scales(const pack_job *job, int64_t panel, product_scales *s) {
    double taps[9][DD_CONV_PANEL], products[DD_CONV_PRODUCTS][DD_CONV_PANEL], squares[DD_CONV_PRODUCTS][DD_CONV_PANEL];
    memset(s->scale, 0, sizeof s->scale);
    const int64_t part = 2 * dd_conv_part_words(job->words);
    for (int64_t first = 0; first < job->cin; first += part) {
        memset(squares, 0, sizeof squares);
        for (int64_t ci = first; ci < dd_conv_min(first + part, job->cin); ci++) {
            load_taps(job, panel, ci, 0, 9, taps);
            // Plain weights are transformed as they are stored: where taps cancel, rounding them is most of the product.
            if (dd_conv_is_plain(job->kind))
                for (int t = 0; t < 9; t++)
                    for (int c = 0; c < DD_CONV_PANEL; c++) taps[t][c] = float_of(bfloat16_of((float)taps[t][c]));
            transform(job->kind, taps, products);
            for (int64_t p = 0; p < job->products; p++)
                for (int c = 0; c < DD_CONV_PANEL; c++) squares[p][c] += products[p][c] * products[p][c];
        }
        for (int64_t p = 0; p < job->products; p++)
            for (int c = 0; c < DD_CONV_PANEL; c++)
                if (!(squares[p][c] <= s->scale[p][c])) s->scale[p][c] = squares[p][c]; // a NaN too
    }
    for (int64_t p = 0; p < job->products; p++) {
        for (int c = 0; c < DD_CONV_PANEL; c++) {
            const double root = sqrt(s->scale[p][c]);
            s->scale[p][c] = root / DD_INT16_ROOT;
            s->inverse[p][c] = root == 0 ? 0 : DD_INT16_ROOT / root;
        }
    }
}

/// To nearest, ties to even; what is out of range comes of numbers that are not finite and have such a scale.
static int16_t int16_of(double value) {
    return fabs(value) <= 32767 ? (int16_t)lrint(value) : 0;
}

/// Values of an input channel of a product.
static void store_row(const pack_job *job, int64_t panel, int64_t product, int64_t ci, const double *values, const product_scales *s) {
    const int is_int16 = job->precision == DD_CONV_INT16 && !dd_conv_is_plain(job->kind);
    float *rows = (float *)job->packed + (panel * job->panel_rows + product * (job->words + is_int16) + is_int16) * DD_CONV_PANEL;
    if (job->precision == DD_CONV_FLOAT32) {
        for (int c = 0; c < DD_CONV_PANEL; c++) rows[ci * DD_CONV_PANEL + c] = (float)values[c];
        return;
    }
    uint16_t *row = (uint16_t *)(void *)(rows + ci / 2 * DD_CONV_PANEL) + ci % 2;
    for (int c = 0; c < DD_CONV_PANEL; c++)
        row[2 * c] = is_int16 ? (uint16_t)int16_of(values[c] * s->inverse[product][c]) : bfloat16_of((float)values[c]);
}

static void store_scales(const pack_job *job, int64_t panel, const product_scales *s) {
    float *rows = (float *)job->packed + panel * job->panel_rows * DD_CONV_PANEL;
    const int plain = dd_conv_is_plain(job->kind);
    float *tail = rows + (job->panel_rows - 2 * job->products) * DD_CONV_PANEL;
    for (int64_t p = 0; p < job->products; p++) {
        float *scales = plain ? tail + p * DD_CONV_PANEL : rows + p * (job->words + 1) * DD_CONV_PANEL;
        for (int c = 0; c < DD_CONV_PANEL; c++) scales[c] = (float)s->scale[p][c];
        if (!plain) continue;
        float *inverse = tail + (job->products + p) * DD_CONV_PANEL;
        for (int c = 0; c < DD_CONV_PANEL; c++) inverse[c] = (float)s->inverse[p][c];
    }
}

static void pack_panel(void *context, int64_t panel, int worker) {
    (void)worker;
    const pack_job *job = context;
    const dd_conv_kind kind = packed_as(job->kind);
    double taps[9][DD_CONV_PANEL], products[DD_CONV_PRODUCTS][DD_CONV_PANEL];
    product_scales scales;
    if (job->precision == DD_CONV_INT16) {
        find_scales(job, panel, &scales);
        store_scales(job, panel, &scales);
    }
    const int64_t channels = job->precision == DD_CONV_FLOAT32 ? job->cin : 2 * job->words;
    for (int64_t ci = 0; ci < channels; ci++) {
        // Taps in batches of nine: a direct kernel may have any number of them.
        for (int64_t t0 = 0; t0 < job->taps; t0 += 9) {
            const int64_t count = dd_conv_min(9, job->taps - t0);
            load_taps(job, panel, ci, t0, count, taps);
            if (kind == DD_CONV_DIRECT) {
                for (int64_t t = 0; t < count; t++) store_row(job, panel, t0 + t, ci, taps[t], &scales);
            } else {
                transform(kind, taps, products);
                for (int64_t p = 0; p < job->products; p++) store_row(job, panel, p, ci, products[p], &scales);
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
