// AVX-512: F, BW, DQ and VL.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define VECTOR_BYTES 64
#include "../elementwise/one_pass.inc.h"

#define DD_VNNI 0
#include "../gemm/gemm_avx512.h"

#include "../attention/attention_avx512.h"

#define DD_VL 16
#define DD_ROWS 8
#define DD_COLUMNS 2
#define DD_NATIVE_INT16 DD_VNNI
#include "../conv/conv_tasks.inc.h"

#include "../gemm/limit.inc.h"
#pragma clang attribute pop

static int supported(void) {
    // The compiler's builtins check the operating system's support for the wide registers too.
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const dd_kernels dd_kernels_avx512 = {
    .name = "avx512",
    .supported = supported,
    .base = &dd_kernels_scalar,
    .gemm = &gemm_kernels,
    .attention = &attention_kernels,
    .conv = conv_tasks,
    .one_pass = &one_pass,
    .limits = {[DD_LIMIT_FLOAT32_FMA] = {limit_avx512, 2 * LIMIT_CHAINS * 16}},
};
#endif
