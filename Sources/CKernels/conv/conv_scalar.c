// Portable: four lanes, which every compiler target can do one way or another.
#include "conv_internal.h"

#define DD_VL 4
#define DD_ROWS 4
#define DD_COLUMNS 2
#define DD_NATIVE_INT16 0
#include "conv_vector.inc.h"
#include "conv_load.inc.h"
#include "conv_epilogue.inc.h"
#include "conv_transform.inc.h"
#include "conv_precisions.inc.h"

const dd_conv_task dd_conv_tasks_scalar[2] = {task_float32, task_int16};
