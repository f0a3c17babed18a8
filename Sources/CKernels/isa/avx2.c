// AVX2, FMA and F16C.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define VECTOR_BYTES 32
#include "../elementwise/one_pass.inc.h"

#define DD_VL 8
#define DD_ROWS 4
#define DD_COLUMNS 2
#define DD_NATIVE_INT16 0
#include "../conv/conv_tasks.inc.h"

#include "../gemm/gemm_avx2.h"

#include "../attention/attention_avx2.h"

#include "../gemm/limit.inc.h"
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
    .conv = conv_tasks,
    .one_pass = &one_pass,
    .limits = {[DD_LIMIT_FLOAT32_FMA] = {limit_avx2, 2 * 12 * 8}},
};
#endif
