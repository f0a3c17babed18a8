// AVX-512 with VNNI and BF16: products of pairs of bfloat16, for attention.
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels.h"

#define DD_VW 16
#define DD_HAS_VNNI 1
#define DD_HAS_BF16 1
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16"))), apply_to = function)
#include "../gemm/gemm_tiles.h"
#include "../gemm/limit.inc.h"

#include "../attention/attention_template.h"
#pragma clang attribute pop

static int supported(void) { return dd_kernels_avx512_vnni.supported() && __builtin_cpu_supports("avx512bf16"); }

const dd_kernels dd_kernels_avx512_bf16 = {
    .name = "avx512-bf16",
    .supported = supported,
    .base = &dd_kernels_avx512_vnni,
    .gemm = &gemm_kernels,
    .attention = &attention_kernels,
    .limits = {[DD_PRECISION_BFLOAT16] = {limit_bfloat16, LIMIT_PAIRS_FLOPS}},
};
#endif
