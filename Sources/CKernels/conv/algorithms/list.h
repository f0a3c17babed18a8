// The algorithms, by preference: where nothing was timed the first is taken that can compute a convolution and says that it is worth it.
//
// An algorithm is a file of this folder and its lines here. The file has two parts: a table of what holds everywhere (dd_conv_algorithm), and what
// is compiled for each instruction set (DD_CONV_KERNELS).
#define DD_CONV_ALGORITHMS(X) \
    X(im2col)                 \
    X(winograd_f6)            \
    X(winograd_f4)            \
    X(winograd_f4_plain)      \
    X(winograd_f2)            \
    X(winograd_f2_plain)      \
    X(winograd_stride_2)      \
    X(upsample_3x3)           \
    X(direct)

#include "direct.inc.h"
#include "im2col.inc.h"
#include "upsample_3x3.inc.h"
#include "winograd_f2.inc.h"
#include "winograd_f4.inc.h"
#include "winograd_f6.inc.h"
#include "winograd_stride_2.inc.h"
