// AVX-512 with VNNI.
#if defined(__x86_64__)
#include <immintrin.h>

#include "conv_internal.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512vnni"))), apply_to = function)
#define DD_VL 16
#define DD_VMATH_AVX512
#include "../math/dd_vmath.h"
#define DD_ROWS 8
#define DD_COLUMNS 2
#define DD_NATIVE_INT16 1
#include "conv_vector.inc.h"
#include "conv_load.inc.h"
#include "conv_epilogue.inc.h"
#include "conv_transform.inc.h"
#include "conv_precisions.inc.h"
#pragma clang attribute pop

const dd_conv_task dd_conv_tasks_avx512_vnni[2] = {task_float32, task_int16};
#endif
