// AVX-512: F, BW, DQ and VL.
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels.h"

#define DD_VW 16
#define DD_HAS_VNNI 0
#define DD_HAS_BF16 0
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#include "../conv/kernels.inc.h"
#include "../elementwise/one_pass.inc.h"
#include "../gemm/gemm_tiles.h"
#include "../gemm/limit.inc.h"

#include "../attention/attention_template.h"
#pragma clang attribute pop

static int supported(void) {
    // The compiler's builtins check the operating system's support for the wide registers too.
    return dd_kernels_avx2.supported() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

const dd_kernels dd_kernels_avx512 = {
    .name = "avx512",
    .supported = supported,
    .base = &dd_kernels_scalar,
    .gemm = &gemm_kernels,
    .attention = &attention_kernels,
    .conv = conv_kernels,
    .one_pass = &one_pass,
    .limits = {[DD_PRECISION_FLOAT32] = {limit_float32, LIMIT_FLOAT32_FLOPS}, [DD_PRECISION_INT16] = {limit_int16, LIMIT_PAIRS_FLOPS}},
};
#endif
