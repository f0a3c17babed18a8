// AVX2, FMA and F16C.
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels.h"

#define DD_VW 8
#define DD_HAS_VNNI 0
#define DD_HAS_BF16 0
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "../conv/kernels.inc.h"
#include "../elementwise/one_pass.inc.h"
#include "../gemm/gemm_tiles.h"
#include "../gemm/limit.inc.h"

#include "../attention/attention_template.h"
#pragma clang attribute pop

static int supported(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

const dd_kernels dd_kernels_avx2 = {
    .name = "avx2",
    .supported = supported,
    .base = &dd_kernels_scalar,
    .gemm = &gemm_kernels,
    .attention = &attention_kernels,
    .conv = conv_kernels,
    .one_pass = &one_pass,
    .limits = {[DD_PRECISION_FLOAT32] = {limit_float32, LIMIT_FLOAT32_FLOPS}, [DD_PRECISION_INT16] = {limit_int16, LIMIT_PAIRS_FLOPS}},
};
#endif
