#include "dd_elementwise.h"

#include "one_pass.h"

void dd_normals_f32(float *numbers, int64_t blocks) { dd_one_pass_current()->normals(numbers, blocks); }
