// Portable C: what runs anywhere, and the reference that the others are held against.
#include "kernels.h"

#define DD_VW 4
#include "../attention/attention_scalar.h"
#include "../conv/kernels.inc.h"
#include "../elementwise/one_pass.inc.h"
#include "../gemm/gemm_scalar.h"
#include "../gemm/limit.inc.h"

static int supported(void) { return 1; }

const dd_kernels dd_kernels_scalar = {
    .name = "scalar",
    .supported = supported,
    .gemm = &gemm_kernels,
    .attention = &attention_kernels,
    .conv = conv_kernels,
    .one_pass = &one_pass,
    .limits = {[DD_PRECISION_FLOAT32] = {limit_float32, LIMIT_FLOAT32_FLOPS}},
};
