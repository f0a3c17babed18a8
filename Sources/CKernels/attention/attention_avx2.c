// AVX2 and FMA.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define DD_VMATH_AVX2
#define DD_STRIPS_BFLOAT16 0
#include "attention_template.h"
#pragma clang attribute pop

const dd_attention_kernels dd_attention_kernels_avx2 = {
    .names = {"attention-avx2 float32", "attention-avx2 bfloat16-widened", "attention-avx2 int16"},
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .find_top = find_top,
    .settle = settle,
    .weigh = weigh,
    .store_row = store_row,
    .widen = widen,
};
#endif
