// Weights into panels: [cout/32][products][words][32], transformed in float64 where the kind asks for it.
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
    return precision == DD_CONV_BFLOAT16 ? (cin + 1) / 2 : cin;
}

size_t dd_conv_packed_bytes(dd_conv_kind kind, dd_conv_precision precision, int64_t cout, int64_t cin, int64_t kh, int64_t kw) {
    if (cout < 1 || cin < 1 || dd_conv_products(kind, kh, kw) == 0) return 0;
    const int64_t products = dd_conv_products(packed_as(kind), kh, kw);
    return (size_t)(dd_conv_ceil(cout, DD_CONV_PANEL) * products * words_of(precision, cin) * DD_CONV_PANEL) * sizeof(float);
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

static float weight_at(const void *w, dd_conv_weight_type type, int64_t i) {
    union { uint32_t bits; float value; } u;
    switch (type) {
        case DD_CONV_WEIGHT_FLOAT16: return half_to_float(((const uint16_t *)w)[i]);
        case DD_CONV_WEIGHT_BFLOAT16: u.bits = (uint32_t)((const uint16_t *)w)[i] << 16; return u.value;
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
    int64_t cout, cin, taps, products;
} pack_job;

/// Taps of one input channel to 32 output channels -> products.
static void transform(dd_conv_kind kind, const double (*taps)[DD_CONV_PANEL], double (*products)[DD_CONV_PANEL]) {
    const double(*rows)[3] = upsample_rows;
    int n = 3;
    if (kind == DD_CONV_WINOGRAD_F4) rows = f4_rows, n = 6;
    if (kind == DD_CONV_WINOGRAD_F2) rows = f2_rows, n = 4;
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

static void store_row(const pack_job *job, int64_t panel, int64_t product, int64_t ci, const double *values) {
    const int64_t words = words_of(job->precision, job->cin);
    if (job->precision == DD_CONV_FLOAT32) {
        float *row = (float *)job->packed + ((panel * job->products + product) * words + ci) * DD_CONV_PANEL;
        for (int c = 0; c < DD_CONV_PANEL; c++) row[c] = (float)values[c];
    } else {
        uint16_t *row = (uint16_t *)job->packed + ((panel * job->products + product) * words + ci / 2) * DD_CONV_PANEL * 2 + ci % 2;
        for (int c = 0; c < DD_CONV_PANEL; c++) row[2 * c] = bfloat16_of((float)values[c]);
    }
}

static void pack_panel(void *context, int64_t panel, int worker) {
    (void)worker;
    const pack_job *job = context;
    double taps[9][DD_CONV_PANEL], products[DD_CONV_PRODUCTS][DD_CONV_PANEL];
    memset(taps, 0, sizeof taps);
    const int64_t columns = dd_conv_min(DD_CONV_PANEL, job->cout - panel * DD_CONV_PANEL);
    const int64_t rows = job->precision == DD_CONV_BFLOAT16 ? dd_conv_round_up(job->cin, 2) : job->cin;
    for (int64_t ci = 0; ci < rows; ci++) {
        // Taps in batches of nine: a direct kernel may have any number of them.
        for (int64_t t0 = 0; t0 < job->taps; t0 += 9) {
            const int64_t count = dd_conv_min(9, job->taps - t0);
            for (int64_t c = 0; c < columns; c++) {
                const int64_t at = ((panel * DD_CONV_PANEL + c) * job->cin + ci) * job->taps + t0;
                for (int64_t t = 0; t < count; t++) taps[t][c] = ci < job->cin ? weight_at(job->w, job->w_type, at + t) : 0;
            }
            if (job->kind == DD_CONV_DIRECT) {
                for (int64_t t = 0; t < count; t++) store_row(job, panel, t0 + t, ci, taps[t]);
            } else {
                transform(job->kind, taps, products);
                for (int64_t p = 0; p < job->products; p++) store_row(job, panel, p, ci, products[p]);
            }
        }
    }
}

int dd_conv_pack(dd_pool *pool, dd_conv_kind kind, dd_conv_precision precision, void *packed, const void *w,
                 dd_conv_weight_type w_type, int64_t cout, int64_t cin, int64_t kh, int64_t kw) {
    if (dd_conv_packed_bytes(kind, precision, cout, cin, kh, kw) == 0) return DD_CONV_UNSUPPORTED;
    kind = packed_as(kind);
    pack_job job = {kind, precision, packed, w, w_type, cout, cin, kh * kw, dd_conv_products(kind, kh, kw)};
    dd_parallel_for(pool, dd_conv_ceil(cout, DD_CONV_PANEL), pack_panel, &job);
    return DD_CONV_OK;
}
