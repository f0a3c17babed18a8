// AVX2 and FMA.
#if defined(__x86_64__)
#include <immintrin.h>

#include "conv_internal.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define DD_VL 8
#define DD_ROWS 4
#define DD_COLUMNS 2
#define DD_NATIVE_INT16 0
#include "conv_vector.inc.h"
#include "conv_load.inc.h"
#include "conv_epilogue.inc.h"
#include "conv_transform.inc.h"
#include "conv_precisions.inc.h"
#pragma clang attribute pop

const dd_conv_task dd_conv_tasks_avx2[2] = {task_float32, task_int16};
#endif
