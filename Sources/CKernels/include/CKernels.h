#ifndef DD_CKERNELS_H
#define DD_CKERNELS_H
#include "dd_conv.h"
#include "dd_parallel.h"
#endif
