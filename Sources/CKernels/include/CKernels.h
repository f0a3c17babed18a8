#ifndef DD_CKERNELS_H
#define DD_CKERNELS_H
#include "dd_attention.h"
#include "dd_conv.h"
#include "dd_elementwise.h"
#include "dd_gemm.h"
#include "dd_isa.h"
#include "dd_norm.h"
#include "dd_parallel.h"
#include "dd_spatial.h"
#include "dd_types.h"
#endif
