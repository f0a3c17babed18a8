// Portable C: what runs anywhere, and the reference that the others are held against.
#include "kernels.h"

#define VECTOR_BYTES 16
#include "../elementwise/one_pass.inc.h"

#define DD_VL 4
#define DD_ROWS 4
#define DD_COLUMNS 2
#define DD_NATIVE_INT16 0
#include "../conv/conv_tasks.inc.h"

#include "../gemm/gemm_scalar.h"

#include "../attention/attention_scalar.h"

#include "../gemm/limit.inc.h"

static int supported(void) { return 1; }

const dd_kernels dd_kernels_scalar = {
    .name = "scalar",
    .supported = supported,
    .gemm = &gemm_kernels,
    .attention = &attention_kernels,
    .conv = conv_tasks,
    .one_pass = &one_pass,
    .limits = {[DD_LIMIT_FLOAT32_FMA] = {limit_scalar, 2 * LIMIT_CHAINS}},
};
