// AVX2 and FMA.
#define DD_VMATH_AVX2
#include "attention_template.h"

static const dd_attention_kernels attention_kernels = {
    .formats = {
        [DD_PRECISION_FLOAT32] = {"attention-avx2 float32", pack_keys_float32, pack_values_float32, weigh_float32, 0},
        [DD_PRECISION_INT16] = {.name = "attention-avx2 int16", .weigh = weigh_int16},
    },
    .find_top = find_top,
    .settle = settle,
    .store_row = store_row,
    .widen = widen,
};
