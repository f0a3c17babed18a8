// AVX-512 (F, BW, DQ, VL).
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define DD_VMATH_AVX512
#define DD_STRIPS_BFLOAT16 0
#include "attention_avx512.h"
#pragma clang attribute pop

const dd_attention_kernels dd_attention_kernels_avx512 = {
    .names = {"attention-avx512 float32", "attention-avx512 bfloat16-widened", "attention-avx512 int16"},
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .find_top = find_top,
    .settle = settle,
    .weigh = weigh,
    .scores_and_weights = scores_and_weights,
    .store_row = store_row,
    .widen = widen,
};
#endif
