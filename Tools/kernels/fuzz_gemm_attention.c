// Runs dd_gemm and dd_attention over random odd shapes and options on every instruction set with 1, 2 and 3 threads, against double precision, in
// memory that ends where the arguments say. For the sanitizers (make sanitize):
//   fuzz_gemm_attention [seconds] [seed]
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../Sources/CKernels/gemm/gemm_kernels.h"
#include "CKernels.h"

static uint64_t state = 1;
static uint32_t random_bits(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}
static int64_t below(int64_t n) { return (int64_t)random_bits() % n; }
static int64_t one_of(const int64_t *values, int64_t count) { return values[below(count)]; }
#define ONE_OF(...) one_of((const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
static float unit(void) { return (float)((int32_t)random_bits() - (1 << 30)) * 0x1p-30f; }

static void *exact_bytes(int64_t bytes) {
    void *memory = 0;
    if (posix_memalign(&memory, 64, (size_t)(bytes > 0 ? bytes : 1)) != 0) abort();
    return memory;
}
static float *floats(int64_t count) {
    float *x = exact_bytes(count * 4);
    for (int64_t i = 0; i < count; i++) x[i] = unit();
    return x;
}
/// `count` elements of a type.
static void *elements(dd_element type, int64_t count) {
    float *x = floats(count);
    if (type == DD_F32) return x;
    void *y = exact_bytes(count * 2);
    for (int64_t i = 0; i < count; i++) {
        if (type == DD_F16)
            ((_Float16 *)y)[i] = (_Float16)x[i];
        else
            dd_store_element(y, type, i, x[i]);
    }
    free(x);
    return y;
}
/// Elements of a [rows, columns] matrix whose rows are ld apart: the last row ends with its last column.
static int64_t extent(int64_t rows, int64_t columns, int64_t ld) { return (rows - 1) * ld + columns; }

static uint64_t hash_bytes(const void *memory, int64_t count) {
    uint64_t hash = 14695981039346656037u;
    for (int64_t i = 0; i < count; i++) hash = (hash ^ ((const uint8_t *)memory)[i]) * 1099511628211u;
    return hash;
}

static dd_pool *pools[4];
static int failures = 0;
enum { MOST_ISAS = 16 };
static double worst[2][3][MOST_ISAS];

static double silu(double x) { return x / (1 + exp(-x)); }
static double gelu(double x) { return 0.5 * x * erfc(-x / sqrt(2.0)); }
static double rounded(double x) { return dd_float_from_bfloat16(dd_bfloat16_from_float((float)x)); }

// MARK: the matrix product

static void exact_row(const dd_gemm_args *g, int64_t i, double *row) {
    double mean = 0, rstd = 1;
    for (int64_t l = 0; l < g->k; l++) row[l] = dd_load_element(g->a, g->a_type, i * g->lda + l);
    if (g->prologue == DD_GEMM_PROLOGUE_LAYER_NORM) {
        double square = 0;
        for (int64_t l = 0; l < g->k; l++) mean += row[l] / (double)g->k;
        for (int64_t l = 0; l < g->k; l++) square += (row[l] - mean) * (row[l] - mean) / (double)g->k;
        rstd = 1 / sqrt(square + g->epsilon);
    }
    const int64_t group = (g->column_group_rows > 0 ? i / g->column_group_rows : 0) * g->k;
    for (int64_t l = 0; l < g->k; l++) {
        if (g->prologue != DD_GEMM_PROLOGUE_NONE)
            row[l] = (row[l] - mean) * rstd * (g->column_scale ? g->column_scale[group + l] : 1) + (g->column_shift ? g->column_shift[group + l] : 0);
        if (g->prologue == DD_GEMM_PROLOGUE_SCALE_SHIFT && g->prologue_activation == DD_ACTIVATION_SILU) row[l] = silu(row[l]);
        if (g->precision == DD_PRECISION_BFLOAT16) row[l] = rounded(row[l]);
    }
}

/// What rounding to int16 may add to a product: half a scale for each number, of a row and of weights.
static double int16_error(const dd_gemm_args *g, const double *row, const void *w, dd_element w_type, int64_t at) {
    const int64_t part = dd_int16_part(g->k);
    double weight_scale = 0, error = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t first = 0; first < g->k; first += part) {
            const int64_t end = first + part < g->k ? first + part : g->k;
            double rows = 0, weights = 0, row_squares = 0, weight_squares = 0;
            for (int64_t l = first; l < end; l++) {
                const double weight = dd_load_element(w, w_type, at + l);
                rows += fabs(row[l]), weights += fabs(weight);
                row_squares += row[l] * row[l], weight_squares += weight * weight;
            }
            const double row_scale = sqrt(row_squares) / DD_INT16_ROOT;
            if (pass == 0)
                weight_scale = fmax(weight_scale, sqrt(weight_squares) / DD_INT16_ROOT);
            else
                error += 0.5 * (weights * row_scale + rows * weight_scale) + 0.25 * (double)(end - first) * row_scale * weight_scale;
        }
    return 1.01 * error;
}

static void fuzz_gemm(void) {
    dd_gemm_args g = {0};
    g.m = ONE_OF(1, 2, 3, 5, 7, 8, 9, 13, 16, 31, 47, 49, 64, 97, 130, 145, 513, 600);
    g.n = ONE_OF(1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 128, 170);
    g.k = ONE_OF(1, 2, 3, 4, 7, 15, 16, 17, 31, 32, 33, 63, 64, 77, 101, 128, 257);
    if (g.m > 200 && g.k > 70) g.k = 1 + below(70);
    if (below(16) == 0) g.m = 1 + below(9), g.n = 1 + below(40), g.k = ONE_OF(511, 512, 513, 1024, 1025, 1300);
    g.precision = (dd_precision)below(3);
    g.activation = (dd_activation)below(4);
    const int geglu = g.activation == DD_ACTIVATION_GEGLU;
    if (geglu) g.n += g.n & 1;
    const int64_t columns = geglu ? g.n / 2 : g.n;
    g.a_type = (dd_element)ONE_OF(DD_F32, DD_F32, DD_BF16);
    g.lda = g.k + below(3) * below(9);
    void *a = elements(g.a_type, extent(g.m, g.k, g.lda));
    g.a = a;
    g.prologue = (dd_gemm_prologue)ONE_OF(0, 0, 1, 2);
    g.prologue_activation = below(2) ? DD_ACTIVATION_SILU : DD_ACTIVATION_NONE;
    g.epsilon = 1e-3f;
    g.column_group_rows = ONE_OF(0, 1, 7);
    const int64_t groups = g.column_group_rows ? (g.m + g.column_group_rows - 1) / g.column_group_rows : 1;
    float *scale = floats(groups * g.k), *shift = floats(groups * g.k);
    if (below(4)) g.column_scale = scale;
    if (below(4)) g.column_shift = shift;
    float *bias = floats(g.n);
    if (below(3)) g.bias = bias;
    const int residual = (int)below(3); // 0: none, 1: apart, 2: in place
    g.y_type = residual == 2 ? DD_F32 : (dd_element)ONE_OF(DD_F32, DD_F32, DD_BF16);
    g.ldy = columns + below(3) * below(7);
    g.ld_residual = residual == 2 ? g.ldy : columns + below(5);
    float *other = floats(extent(g.m, columns, g.ld_residual));

    const int sums = g.y_type == DD_F32 && below(2);
    g.moments_rows = ONE_OF(0, 5, 100, 300);
    const int64_t sum_rows = g.moments_rows ? g.moments_rows : g.m, sum_groups = (g.m + sum_rows - 1) / sum_rows;
    float *moments = exact_bytes(sum_groups * columns * 8);
    g.moments = moments;
    g.takes_moments = sums;

    // Weights, from one part or two.
    const dd_element w_type = (dd_element)ONE_OF(DD_F32, DD_BF16, DD_F16);
    const int64_t ldw = g.k + below(3);
    void *w = elements(w_type, extent(g.n, g.k, ldw));
    const int64_t packed_bytes = dd_gemm_packed_bytes(g.precision, g.n, g.k);
    void *packed = exact_bytes(packed_bytes);
    memset(packed, 0xff, (size_t)packed_bytes);
    if (geglu) {
        dd_gemm_pack_geglu(pools[below(4)], g.precision, packed, w, w_type, g.n, g.k, ldw);
    } else {
        const int64_t first = below(2) ? below(g.n) : 0;
        dd_gemm_pack_rows(pools[below(4)], g.precision, packed, 0, w, w_type, first, g.k, ldw);
        dd_gemm_pack_rows(pools[below(4)], g.precision, packed, first, (char *)w + first * ldw * dd_element_bytes(w_type), w_type, g.n - first, g.k, ldw);
    }
    g.w_packed = packed;

    const int64_t y_elements = extent(g.m, columns, g.ldy), y_bytes = y_elements * dd_element_bytes(g.y_type);
    double *want = malloc((size_t)(g.m * columns) * 8), *tolerance = malloc((size_t)(g.m * columns) * 8);
    double *row = malloc((size_t)g.k * 8);
    const int normalised = g.prologue != DD_GEMM_PROLOGUE_NONE;
    for (int64_t i = 0; i < g.m; i++) {
        exact_row(&g, i, row);
        for (int64_t j = 0; j < columns; j++) {
            double value[2] = {0, 0}, error[2] = {0, 0};
            for (int part = 0; part <= geglu; part++) {
                const int64_t c = part * columns + j;
                double size = 0, largest = 0;
                for (int64_t l = 0; l < g.k; l++) {
                    double weight = dd_load_element(w, w_type, c * ldw + l);
                    if (g.precision == DD_PRECISION_BFLOAT16) weight = rounded(weight);
                    value[part] += row[l] * weight;
                    size += fabs(row[l] * weight);
                    if (fabs(row[l] * weight) > largest) largest = fabs(row[l] * weight);
                }
                if (g.bias) value[part] += bias[c], size += fabs(bias[c]);
                error[part] = size * 2e-7 * (2 + sqrt((double)g.k));
                if (normalised) error[part] += size * 8e-6;
                if (g.precision == DD_PRECISION_INT16) error[part] += int16_error(&g, row, w, w_type, c * ldw);
                // A value beside a tie may round to the other side.
                if (normalised && g.precision == DD_PRECISION_BFLOAT16) error[part] += largest * 0x1p-7 * 3;
            }
            double x = value[0], e = error[0];
            if (g.activation == DD_ACTIVATION_SILU) x = silu(x), e = 1.2 * e + 2e-7 * fmax(1, fabs(value[0]));
            if (g.activation == DD_ACTIVATION_GELU) x = gelu(x), e = 1.2 * e + 2e-7 * fmax(1, fabs(value[0]));
            if (geglu) {
                x *= gelu(value[1]);
                e = error[0] * fabs(gelu(value[1])) + fabs(value[0]) * (1.2 * error[1] + 2e-7 * fmax(1, fabs(value[1]))) + 1e-7;
            }
            if (residual) x += other[i * g.ld_residual + j], e += 1e-6;
            if (g.y_type == DD_BF16) e += fabs(x) * 0x1p-8;
            want[i * columns + j] = x;
            tolerance[i * columns + j] = e + 1e-6;
        }
    }

    for (int isa = 0; isa < dd_isa_count(); isa++) {
        if (!dd_isa_is_supported(isa)) continue;
        dd_isa_force(isa);
        char *first = 0;
        uint64_t moments_hash = 0;
        for (int threads = 1; threads <= 3; threads++) {
            char *y = exact_bytes(y_bytes);
            memset(y, 0x3c, (size_t)y_bytes);
            if (residual == 2) memcpy(y, other, (size_t)y_bytes);
            g.residual = residual == 0 ? 0 : residual == 1 ? other : (float *)y;
            g.y = y;
            const int64_t scratch_bytes = dd_gemm_scratch_bytes(&g, threads);
            void *scratch = exact_bytes(scratch_bytes);
            memset(scratch, 0xff, (size_t)scratch_bytes);
            dd_gemm(pools[threads], &g, scratch);
            free(scratch);
            if (sums) {
                for (int64_t group = 0; group < sum_groups; group++)
                    for (int64_t j = 0; j < columns; j++) {
                        const float *column = (float *)y + j, *got = moments + (group * columns + j) * 2;
                        const int64_t start = group * sum_rows, end = start + sum_rows < g.m ? start + sum_rows : g.m;
                        double mean = 0, variance = 0;
                        for (int64_t i = start; i < end; i++) mean += column[i * g.ldy] / (double)(end - start);
                        for (int64_t i = start; i < end; i++) variance += (column[i * g.ldy] - mean) * (column[i * g.ldy] - mean) / (double)(end - start);
                        const double size = fabs(mean) + sqrt(variance);
                        if (!(fabs(got[0] - mean) <= 1e-6 * size + 1e-12 && fabs(got[1] - variance) <= 1e-5 * variance + 1e-14 * mean * mean + 1e-30))
                            failures++, printf("gemm %s: moments of m %lld n %lld group %lld column %lld\n", dd_gemm_variant(g.precision), (long long)g.m,
                                               (long long)g.n, (long long)group, (long long)j);
                    }
                const uint64_t hash = hash_bytes(moments, sum_groups * columns * 8);
                if (threads > 1 && hash != moments_hash) failures++, printf("gemm: moments of %d threads differ\n", threads);
                moments_hash = hash;
            }
            if (first) {
                if (memcmp(first, y, (size_t)y_bytes) != 0) failures++, printf("gemm: %d threads differ\n", threads);
                free(y);
                continue;
            }
            first = y;
            double bad = 0;
            for (int64_t i = 0; i < g.m; i++) {
                for (int64_t j = 0; j < columns; j++) {
                    const double got = dd_load_element(y, g.y_type, i * g.ldy + j);
                    const double share = fabs(got - want[i * columns + j]) / tolerance[i * columns + j];
                    if (!(share <= bad)) bad = share;
                }
                const char untouched[] = {0x3c, 0x3c, 0x3c, 0x3c};
                if (residual != 2 && i + 1 < g.m && g.ldy > columns)
                    for (int64_t j = columns; j < g.ldy; j++)
                        if (memcmp(y + (i * g.ldy + j) * dd_element_bytes(g.y_type), untouched, (size_t)dd_element_bytes(g.y_type)))
                            failures++, printf("gemm: wrote beyond the row\n");
            }
            if (!(bad <= worst[0][g.precision][isa])) worst[0][g.precision][isa] = bad;
            if (!(bad <= 1)) {
                failures++;
                printf("gemm %s: m %lld n %lld k %lld act %d prologue %d/%d a_type %d y_type %d residual %d: %g of tolerance\n", dd_gemm_variant(g.precision),
                       (long long)g.m, (long long)g.n, (long long)g.k, g.activation, g.prologue, g.prologue_activation, g.a_type, g.y_type, residual, bad);
            }
        }
        free(first);
    }
    free(a), free(scale), free(shift), free(bias);
    free(moments), free(other), free(w), free(packed), free(want), free(tolerance), free(row);
}

// MARK: attention

static dd_attention_view view(int64_t heads, int64_t d, int64_t tokens, int64_t *count, int64_t batch) {
    dd_attention_view v;
    if (below(2)) { // [batch, token, head, channel], perhaps wider
        v.head_stride = d + below(3);
        v.token_stride = heads * v.head_stride + below(4);
        v.batch_stride = tokens * v.token_stride + below(4);
    } else { // [batch, head, token, channel]
        v.token_stride = d + below(3);
        v.head_stride = tokens * v.token_stride;
        v.batch_stride = heads * v.head_stride;
    }
    *count = (batch - 1) * v.batch_stride + (heads - 1) * v.head_stride + (tokens - 1) * v.token_stride + d;
    return v;
}

static void fuzz_attention(void) {
    dd_attention_args t = {0};
    t.batch = 1 + below(2);
    t.heads = 1 + below(3);
    t.tq = ONE_OF(1, 2, 5, 7, 8, 13, 47, 48, 49, 77, 100);
    t.tk = ONE_OF(1, 2, 3, 17, 31, 32, 33, 64, 77, 101, 200);
    t.d = ONE_OF(1, 3, 8, 16, 31, 32, 33, 40, 64, 80, 97);
    if (below(8) == 0) t.tk = ONE_OF(1000, 1023, 1024, 1025, 1100, 1537), t.d = ONE_OF(1, 8, 33, 40, 64), t.batch = 1;
    if (below(16) == 0) t.d = ONE_OF(511, 512, 600, 1024), t.heads = 1, t.tk = ONE_OF(3, 70);
    t.causal = below(3) == 0 && t.tq <= t.tk;
    t.scale = 3.0f / sqrtf((float)t.d);
    t.precision = (dd_precision)below(3);
    int64_t nq, nk, nv, ny;
    t.q_view = view(t.heads, t.d, t.tq, &nq, t.batch);
    t.k_view = view(t.heads, t.d, t.tk, &nk, t.batch);
    t.v_view = view(t.heads, t.d, t.tk, &nv, t.batch);
    t.y_view = view(t.heads, t.d, t.tq, &ny, t.batch);
    if (below(3) == 0) t.k_view.batch_stride = t.v_view.batch_stride = 0;
    if (below(8) == 0) t.k_view.batch_stride = 0;
    const int in_place = below(4) == 0;
    if (in_place) t.y_view = t.q_view, ny = nq;
    float *q = floats(nq), *k = floats(nk), *v = floats(nv);
    t.q = q, t.k = k, t.v = v;
    // Scores that grow from block to block, so that what was summed must be rescaled.
    if (below(3) == 0)
        for (int64_t i = 0; i < nk; i++) k[i] *= 1 + 3 * (float)i / (float)nk;

    const int64_t rows = t.batch * t.heads * t.tq;
    double *want = malloc((size_t)(rows * t.d) * 8), *score = malloc((size_t)t.tk * 8), *size = malloc((size_t)t.tk * 8);
    double *tolerance = malloc((size_t)rows * 8);
    for (int64_t b = 0, r = 0; b < t.batch; b++)
        for (int64_t h = 0; h < t.heads; h++)
            for (int64_t i = 0; i < t.tq; i++, r++) {
                const float *query = q + b * t.q_view.batch_stride + h * t.q_view.head_stride + i * t.q_view.token_stride;
                const int64_t seen = t.causal ? i + t.tk - t.tq + 1 : t.tk;
                double top = -INFINITY, sum = 0;
                for (int64_t j = 0; j < seen; j++) {
                    const float *key = k + b * t.k_view.batch_stride + h * t.k_view.head_stride + j * t.k_view.token_stride;
                    score[j] = size[j] = 0;
                    for (int64_t c = 0; c < t.d; c++) {
                        score[j] += (double)query[c] * key[c];
                        size[j] += fabs((double)query[c] * key[c]);
                    }
                    score[j] *= t.scale;
                    size[j] *= t.scale;
                    if (score[j] > top) top = score[j];
                }
                for (int64_t j = 0; j < seen; j++) sum += score[j] = exp(score[j] - top);
                // A float32 score is off by about half an epsilon of the sum of its terms' absolute values, and one that is off by e makes its weight larger by
                // the factor 1 + e. So the result moves by the sum of weight e (v - y), where |v - y| is at most 2. That grows with d and with the keys.
                double error = 0;
                for (int64_t j = 0; j < seen; j++) error += score[j] / sum * size[j] * FLT_EPSILON;
                tolerance[r] = (const double[]){2.5e-6 + error, 2e-2, 5e-3}[t.precision];
                for (int64_t c = 0; c < t.d; c++) {
                    double x = 0;
                    for (int64_t j = 0; j < seen; j++)
                        x += score[j] / sum * v[b * t.v_view.batch_stride + h * t.v_view.head_stride + j * t.v_view.token_stride + c];
                    want[r * t.d + c] = x;
                }
            }

    for (int isa = 0; isa < dd_isa_count(); isa++) {
        if (!dd_isa_is_supported(isa)) continue;
        dd_isa_force(isa);
        float *first = 0;
        for (int threads = 1; threads <= 3; threads++) {
            float *y = floats(ny);
            if (in_place) memcpy(y, q, (size_t)nq * 4);
            t.q = in_place ? y : q;
            t.y = y;
            if (!in_place) memset(y, 0x3c, (size_t)ny * 4);
            const int64_t scratch_bytes = dd_attention_scratch_bytes(&t, threads);
            void *scratch = exact_bytes(scratch_bytes);
            memset(scratch, 0xff, (size_t)scratch_bytes);
            dd_attention(pools[threads], &t, scratch);
            free(scratch);
            if (first) {
                if (memcmp(first, y, (size_t)ny * 4) != 0) failures++, printf("attention: %d threads differ\n", threads);
                free(y);
                continue;
            }
            first = y;
            double bad = 0;
            for (int64_t b = 0, r = 0; b < t.batch; b++)
                for (int64_t h = 0; h < t.heads; h++)
                    for (int64_t i = 0; i < t.tq; i++, r++)
                        for (int64_t c = 0; c < t.d; c++) {
                            const double got = y[b * t.y_view.batch_stride + h * t.y_view.head_stride + i * t.y_view.token_stride + c];
                            const double error = fabs(got - want[r * t.d + c]) / tolerance[r];
                            if (!(error <= bad)) bad = error;
                        }
            if (!(bad <= worst[1][t.precision][isa])) worst[1][t.precision][isa] = bad;
            if (!(bad <= 1)) {
                failures++;
                printf("attention %s: batch %lld heads %lld tq %lld tk %lld d %lld causal %d in place %d: %g of tolerance\n", dd_attention_variant(t.precision),
                       (long long)t.batch, (long long)t.heads, (long long)t.tq, (long long)t.tk, (long long)t.d, t.causal, in_place, bad);
            }
        }
        free(first);
    }
    free(q), free(k), free(v), free(want), free(score), free(size), free(tolerance);
}

int main(int argc, char **argv) {
    const time_t end = time(0) + (argc > 1 ? atoll(argv[1]) : 10);
    int rounds = 0;
    if (dd_isa_count() > MOST_ISAS) abort();
    if (argc > 2) state = strtoull(argv[2], 0, 10);
    for (int threads = 1; threads <= 3; threads++) pools[threads] = dd_pool_create(threads);
    for (; time(0) < end && failures < 20; rounds++) {
        fuzz_gemm();
        fuzz_attention();
    }
    for (int threads = 1; threads <= 3; threads++) dd_pool_destroy(pools[threads]);
    printf("%d rounds, %d failures; largest share of the tolerance by instruction set:\n", rounds, failures);
    for (int kernel = 0; kernel < 2; kernel++)
        for (int precision = 0; precision < 3; precision++) {
            printf("  %-9s %-8s", kernel ? "attention" : "gemm", ((const char *[]){"float32", "bfloat16", "int16"})[precision]);
            for (int isa = 0; isa < dd_isa_count(); isa++) printf(" %.3f", worst[kernel][precision][isa]);
            printf("\n");
        }
    return failures != 0;
}
