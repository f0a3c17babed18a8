// Measures the errors of Sources/CKernels/simd/functions.h against double precision, over every float in steps, until a time is up (make sanitize):
//   check_functions [seconds]
// Compiled with -DDD_VW=16 (AVX-512) or -DDD_VW=8 (AVX2, FMA).
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../Sources/CKernels/simd/functions.h"

static double exact_gelu(double x) { return 0.5 * x * erfc(-x / sqrt(2.0)); }
static double exact_silu(double x) { return x / (1.0 + exp(-x)); }
static double exact_silu_fast(double x) { return x == -INFINITY ? x : exact_silu(x); }

typedef struct function {
    const char *name;
    double (*exact)(double);
    int falls;       // for x <= 0
    double relative; // largest error, of the value or of max(1, |x|)
    double scaled;
} function;

static const function functions[] = {
    {"exp", exp, 0, 2e-7, INFINITY},           {"exp2", exp2, 1, 6e-7, INFINITY},         {"exp2_short", exp2, 1, 1.25e-4, INFINITY},
    {"gelu", exact_gelu, 0, INFINITY, 1.2e-7}, {"silu", exact_silu, 0, INFINITY, 1.2e-7}, {"silu_fast", exact_silu_fast, 0, INFINITY, 2.3e-7},
};

static void evaluate(int which, const float *x, float *y) {
    const vf v = v_load(x);
    switch (which) {
        case 0: v_store(y, v_exp(v)); break;
        case 1: v_store(y, v_exp2(v)); break;
        case 2: v_store(y, v_exp2_short(v)); break;
        case 3: v_store(y, v_gelu(v)); break;
        case 4: v_store(y, v_silu(v)); break;
        default: v_store(y, v_silu_fast(v)); break;
    }
}

int main(int argc, char **argv) {
    enum { COUNT = sizeof functions / sizeof *functions };
    const time_t end = time(NULL) + (argc > 1 ? atoll(argv[1]) : 10);
    double relative[COUNT] = {0}, scaled[COUNT] = {0};
    int64_t numbers = 0, failures = 0;
    // A prime step; later rounds begin in between.
    for (int64_t round = 0; round == 0 || (round < 997 && time(NULL) < end); round++) {
        for (int64_t bits = round * 31 % 997; bits < 1ll << 32; bits += 997 * DD_VW) {
            float x[DD_VW], y[DD_VW];
            for (int which = 0; which < COUNT; which++) {
                const function *f = &functions[which];
                for (int j = 0; j < DD_VW; j++) {
                    x[j] = dd_float_from_bits((uint32_t)(bits + 997 * j));
                    if (f->falls && x[j] > 0) x[j] = -x[j];
                }
                evaluate(which, x, y);
                numbers += DD_VW;
                for (int j = 0; j < DD_VW; j++) {
                    const double want = f->exact(x[j]), error = fabs(y[j] - want);
                    if (isnan(x[j]) || isnan(want)) {
                        if (!isnan(y[j])) failures++, printf("%s(%a) = %g, not a NaN\n", f->name, x[j], y[j]);
                        continue;
                    }
                    if (isinf((float)want) || isinf(y[j])) {
                        if ((float)want != y[j]) failures++, printf("%s(%a) = %g, not %g\n", f->name, x[j], y[j], want);
                        continue;
                    }
                    if (fabs(want) >= 0x1p-126 && error / fabs(want) > relative[which]) relative[which] = error / fabs(want);
                    if (error / fmax(1, fabs(x[j])) > scaled[which]) scaled[which] = error / fmax(1, fabs(x[j]));
                }
            }
        }
    }
    for (int which = 0; which < COUNT; which++) {
        const int bad = !(relative[which] <= functions[which].relative) || !(scaled[which] <= functions[which].scaled);
        failures += bad;
        printf("%-10s relative %.3g, over max(1, |x|) %.3g%s\n", functions[which].name, relative[which], scaled[which], bad ? ": too much" : "");
    }
    printf("%lld numbers, %lld failures\n", (long long)numbers, (long long)failures);
    return failures != 0;
}
