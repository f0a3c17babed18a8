// The vector loops of this folder, for the instruction set in use.
#ifndef DD_SPATIAL_KERNELS_H
#define DD_SPATIAL_KERNELS_H
#include <stdint.h>

typedef struct dd_spatial_table {
    void (*eac_row_nchw)(
        float *y, const float *x, const float *kernel, int64_t plane, int64_t h, int64_t w, int64_t row, int64_t k,
        int residual);
    void (*eac_row_nhwc)(
        float *y, const float *x, const float *kernel, int64_t c, int64_t h, int64_t w, int64_t row, int64_t k,
        int residual);
    void (*add_run)(float *y, const float *x, int64_t n);
    void (*divide_run)(float *y, int64_t n, float divisor);
    void (*sum_run)(float *y, const float *a, const float *b, int64_t n);
    void (*double_run)(float *y, const float *x, int64_t n);
    void (*halve_run)(float *y, const float *x, int64_t n);
} dd_spatial_table;

const dd_spatial_table *dd_spatial_kernels(void);

#endif
