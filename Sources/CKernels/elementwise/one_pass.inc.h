// The table of one instruction set.
#include "../math/integers.h"
#include "../simd/loop_functions.h"
#include "one_pass.h"

#include "../norm/norm.inc.h"
#include "../spatial/spatial.inc.h"
#include "binary.inc.h"
#include "convert.inc.h"
#include "copy.inc.h"
#include "normal.inc.h"
#include "reduce.inc.h"
#include "rows.inc.h"
#include "unary.inc.h"

static const dd_one_pass one_pass = {
    .unary_run = unary_run,
    .binary_run = binary_run,
    .reduce_accumulate = reduce_accumulate,
    .normals = normals,
    .softmax_rows = softmax_rows,
    .f32_to_f16 = f32_to_f16,
    .f16_to_f32 = f16_to_f32,
    .f32_to_bf16 = f32_to_bf16,
    .bf16_to_f32 = bf16_to_f32,
    .transpose_1 = transpose_1,
    .transpose_2 = transpose_2,
    .transpose_4 = transpose_4,
    .transpose_8 = transpose_8,
    .moments = moments,
    .affine = affine,
    .affine_row = affine_row,
    .layer_norm_row = layer_norm_row,
    .norm_gradient_parts = norm_gradient_parts,
    .column_sums = column_sums,
    .eac_row_nchw = eac_row_nchw,
    .eac_row_nhwc = eac_row_nhwc,
    .add_run = add_run,
    .divide_run = divide_run,
    .double_run = double_run,
    .halve_run = halve_run,
};
