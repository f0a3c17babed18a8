// AVX2 and FMA.
#if defined(__x86_64__)
#include <immintrin.h>

#include "conv_internal.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define DD_VL 8
#define DD_ROWS 4
#define DD_COLUMNS 2
#include "conv_vector.inc.h"
#include "conv_load.inc.h"
#include "conv_epilogue.inc.h"
#include "conv_transform.inc.h"

#define DD_BFLOAT16 0
#define DD_INT16 0
#define DD_NAME(x) x##_float32
#include "conv_kernels.inc.h"
#undef DD_BFLOAT16
#undef DD_NAME

#define DD_BFLOAT16 1
#define DD_NATIVE_BFLOAT16 0
#define DD_NAME(x) x##_bfloat16
#include "conv_kernels.inc.h"
#undef DD_BFLOAT16
#undef DD_INT16
#undef DD_NAME

#define DD_BFLOAT16 0
#define DD_INT16 1
#define DD_NAME(x) x##_int16
#include "conv_kernels.inc.h"
#pragma clang attribute pop

const dd_conv_task dd_conv_tasks_avx2[3] = {task_float32, task_bfloat16, task_int16};
#endif
