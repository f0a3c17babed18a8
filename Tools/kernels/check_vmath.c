// Measures the errors of Sources/CKernels/math/dd_vmath.h against double precision, over every float in steps.
//
//     clang -O2 -mavx2 -mfma [-mavx512f -mavx512bw -mavx512dq -mavx512vl -DDD_VMATH_AVX512 | -DDD_VMATH_AVX2] \
//         Tools/kernels/check_vmath.c -lm -o /tmp/check_vmath && /tmp/check_vmath
#include <immintrin.h>
#include <stdio.h>

#include "../../Sources/CKernels/math/dd_vmath.h"

static double exact_gelu(double x) { return 0.5 * x * erfc(-x / sqrt(2.0)); }
static double exact_silu(double x) { return x / (1.0 + exp(-x)); }

static void function(int which, const float *x, float *y) {
    dd_vf v = dd_v_load(x);
    switch (which) {
        case 0: dd_v_store(y, dd_v_exp(v)); break;
        case 1: dd_v_store(y, dd_v_exp2(v)); break;
        case 2: dd_v_store(y, dd_v_exp2_short(v)); break;
        case 3: dd_v_store(y, dd_v_erf(v)); break;
        case 4: dd_v_store(y, dd_v_gelu(v)); break;
        default: dd_v_store(y, dd_v_silu(v)); break;
    }
}

int main(void) {
    const char *names[] = {"exp", "exp2", "exp2_short", "erf", "gelu", "silu"};
    double (*exact[])(double) = {exp, exp2, exp2, erf, exact_gelu, exact_silu};
    for (int which = 0; which < 6; which++) {
        double ulps = 0, relative = 0, absolute = 0, scaled = 0;
        float at_ulps = 0, at_absolute = 0;
        for (int64_t bits = 0; bits < 1ll << 32; bits += 97 * DD_VW) {
            float x[DD_VW], y[DD_VW];
            for (int j = 0; j < DD_VW; j++) {
                uint32_t b = (uint32_t)(bits + 97 * j);
                memcpy(&x[j], &b, 4);
                if ((which == 1 || which == 2) && x[j] > 0) x[j] = -x[j];
            }
            function(which, x, y);
            for (int j = 0; j < DD_VW; j++) {
                if (isnan(x[j])) {
                    if (!isnan(y[j])) printf("%s(nan) = %g\n", names[which], y[j]);
                    continue;
                }
                const double want = exact[which](x[j]);
                if (isinf((float)want) || isinf(y[j]) || isnan(want)) {
                    if ((float)want != y[j] && !(isnan(want) && isnan(y[j])) && !(which == 5 && x[j] < -80))
                        printf("%s(%a) = %g, not %g\n", names[which], x[j], y[j], want);
                    continue;
                }
                const double error = fabs(y[j] - want);
                const double ulp = fabs(want) < 0x1p-126 ? 0x1p-149 : ldexp(1, ilogb(want) - 23);
                if (error / ulp > ulps) ulps = error / ulp, at_ulps = x[j];
                if (error > absolute) absolute = error, at_absolute = x[j];
                if (fabs(want) >= 0x1p-126 && error / fabs(want) > relative) relative = error / fabs(want);
                if (error / fmax(1, fabs(x[j])) > scaled) scaled = error / fmax(1, fabs(x[j]));
            }
        }
        printf("%-11s ulp %-10.3g (at %.6g)  relative %-10.3g absolute %-10.3g (at %.6g)  absolute / max(1, |x|) %.3g\n", names[which],
               ulps, at_ulps, relative, absolute, at_absolute, scaled);
    }
    return 0;
}
