// AVX-512 with VNNI: pairs of int16 are multiplied and added to a sum in one instruction.
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels.h"

#define DD_VW 16
#define DD_HAS_VNNI 1
#define DD_HAS_BF16 0
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)
#include "../conv/kernels.inc.h"
#include "../gemm/gemm_tiles.h"
#include "../gemm/limit.inc.h"
#pragma clang attribute pop

static int supported(void) { return dd_kernels_avx512.supported() && __builtin_cpu_supports("avx512vnni"); }

const dd_kernels dd_kernels_avx512_vnni = {
    .name = "avx512-vnni",
    .supported = supported,
    .base = &dd_kernels_avx512,
    .gemm = &gemm_kernels,
    .conv = conv_kernels,
    .limits = {[DD_PRECISION_INT16] = {limit_int16, LIMIT_PAIRS_FLOPS}},
};
#endif
