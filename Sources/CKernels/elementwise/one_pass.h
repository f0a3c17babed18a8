// The loops that go over memory once, of an instruction set: elementwise, reductions, norms, and what moves numbers.
#ifndef DD_ONE_PASS_H
#define DD_ONE_PASS_H
#include "dd_elementwise.h"

typedef void dd_convert_function(void *y, const void *x, int64_t n);
typedef void dd_transpose_function(void *y, int64_t ldy, const void *x, int64_t ldx, int64_t rows, int64_t columns);

typedef struct dd_one_pass {
    void (*unary_run)(dd_unary_op op, float *y, const float *x, int64_t n, float p0, float p1);
    void (*binary_run)(dd_binary_op op, float *y, const float *a, int64_t stride_a, const float *b, int64_t stride_b, int64_t n);
    void (*reduce_accumulate)(dd_reduce_op op, double *acc, const float *x, int64_t rows, int64_t ld, int64_t columns);
    void (*normals)(float *numbers, int64_t blocks);
    void (*softmax_rows)(float *y, const float *x, int64_t rows, int64_t n);
    dd_convert_function *f32_to_f16, *f16_to_f32, *f32_to_bf16, *bf16_to_f32;
    dd_transpose_function *transpose_1, *transpose_2, *transpose_4, *transpose_8;
    // Norms.
    void (*moments)(const float *x, int64_t n, double *mean, double *variance);
    void (*affine)(float *y, const float *x, int64_t n, float scale, float shift, int silu);
    void (*affine_row)(float *y, const float *x, int64_t n, const float *scale, const float *shift, int silu);
    void (*layer_norm_row)(float *y, const float *x, const float *scale, const float *bias, int64_t n, float epsilon);
    void (*norm_gradient_parts)(float *norm, float *gradient, const float *x, const float *behind, int64_t n, const float *rstd, const float *shift,
                                const float *scale, const float *bias, int silu);
    void (*column_sums)(double *sums, double *squares, const float *x, const float *addend, int64_t ld, int64_t count, int64_t pixels);
    // Spatial.
    void (*eac_row_nchw)(float *y, const float *x, const float *kernel, int64_t plane, int64_t h, int64_t w, int64_t row, int64_t k, int residual);
    void (*eac_row_nhwc)(float *y, const float *x, const float *kernel, int64_t c, int64_t h, int64_t w, int64_t row, int64_t k, int residual);
    void (*add_run)(float *y, const float *x, int64_t n);
    void (*divide_run)(float *y, int64_t n, float divisor);
    void (*double_run)(float *y, const float *x, int64_t n);
    void (*halve_run)(float *y, const float *x, int64_t n);
} dd_one_pass;

/// Those in use.
const dd_one_pass *dd_one_pass_current(void);

#endif
