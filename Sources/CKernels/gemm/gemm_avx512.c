// AVX-512 (F, BW, DQ, VL).
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define DD_VNNI 0
#include "gemm_avx512_widened.h"
#pragma clang attribute pop

const dd_gemm_kernels dd_gemm_kernels_avx512 = {
    .names = {"gemm-avx512 float32 8x32", "gemm-avx512 bfloat16-widened 8x32", "gemm-avx512 int16 8x32"},
    .tile_rows = 8,
    .strips_bfloat16 = DD_STRIPS_BFLOAT16,
    .tile_float32 = tile_float32,
    .tile_bfloat16 = tile_bfloat16,
    .tile_int16 = tile_int16,
    .load_rows = load_rows,
    .finish = finish,
    .sum_columns = sum_columns,
};
#endif
