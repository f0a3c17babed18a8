#ifndef DD_CKERNELS_H
#define DD_CKERNELS_H
#include "dd_parallel.h"
#include "dd_types.h"
#include "dd_gemm.h"
#include "dd_attention.h"
#endif
