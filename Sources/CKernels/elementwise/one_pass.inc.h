// The table of one instruction set. The including file has set its target, and VECTOR_BYTES, the width of its registers.
#include <math.h>

#include "one_pass.h"
#include "vectors.h"
#define FN(name) one_pass_##name
#include "vector_math.inc.h"

#include "../norm/norm.inc.h"
#include "../spatial/spatial.inc.h"
#include "binary.inc.h"
#include "convert.inc.h"
#include "copy.inc.h"
#include "reduce.inc.h"
#include "rows.inc.h"
#include "unary.inc.h"

static const dd_one_pass one_pass = {
    .unary_run = FN(unary_run),
    .binary_run = FN(binary_run),
    .reduce_accumulate = FN(reduce_accumulate),
    .softmax_rows = FN(softmax_rows),
    .geglu_rows = FN(geglu_rows),
    .f32_to_f16 = FN(f32_to_f16),
    .f16_to_f32 = FN(f16_to_f32),
    .f32_to_bf16 = FN(f32_to_bf16),
    .bf16_to_f32 = FN(bf16_to_f32),
    .transpose_1 = FN(transpose_1),
    .transpose_2 = FN(transpose_2),
    .transpose_4 = FN(transpose_4),
    .transpose_8 = FN(transpose_8),
    .moments = FN(moments),
    .affine = FN(affine),
    .affine_row = FN(affine_row),
    .layer_norm_row = FN(layer_norm_row),
    .column_sums = FN(column_sums),
    .eac_row_nchw = FN(eac_row_nchw),
    .eac_row_nhwc = FN(eac_row_nhwc),
    .add_run = FN(add_run),
    .divide_run = FN(divide_run),
    .sum_run = FN(sum_run),
    .double_run = FN(double_run),
    .halve_run = FN(halve_run),
};
#undef FN
