// The convolutions of one instruction set. The including file has set its target, DD_VL (lanes of a vector), DD_ROWS and DD_COLUMNS (of the
// block of accumulators) and DD_NATIVE_INT16 (whether one instruction multiplies and adds pairs of int16).
#include "conv_internal.h"

#include "conv_vector.inc.h"

#include "conv_load.inc.h"

#include "conv_epilogue.inc.h"

#include "conv_transform.inc.h"

#include "conv_precisions.inc.h"

static const dd_conv_task conv_tasks[2] = {task_float32, task_int16};
