// The kernels of one instruction set in each precision; what the including file sets says conv_kernels.inc.h, but for precision and names.

#define DD_INT16 0
#define DD_NAME(x) x##_float32
#include "conv_kernels.inc.h"
#undef DD_INT16
#undef DD_NAME

#define DD_INT16 1
#define DD_NAME(x) x##_int16
#include "conv_kernels.inc.h"
