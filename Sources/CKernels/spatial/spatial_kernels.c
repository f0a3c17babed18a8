#include "spatial_kernels.h"

#include "../elementwise/vectors.h"
#include "dd_parallel.h"
#define DD_TEMPLATE "../spatial/spatial.inc.h"
#include "../elementwise/for_each_isa.h"

const dd_spatial_table *dd_spatial_kernels(void) { return DD_SELECT(&spatial_table); }
