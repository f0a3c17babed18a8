// What moves pixels: unfolding, windows, upsampling, layouts, and the element-wise adaptive convolution.
//
// NCHW tensors are [n, c, h, w]; NHWC ones are [n, h, w, c]; both float32 and contiguous. No output may overlap an input
// unless said. Results are the same bit for bit for any number of threads.
#ifndef DD_SPATIAL_H
#define DD_SPATIAL_H
#include "dd_parallel.h"
#include "dd_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The columns of a convolution of one image x [cin, h, w]: columns [cin * kh * kw, ld], where column j of row
/// (ci, ky, kx) is the pixel that output pixel p = first_pixel + j (row p / out_w, column p % out_w) multiplies with
/// weight (ci, ky, kx): x[ci, oy * stride_h - pad_top + ky * dilation_h, ox * stride_w - pad_left + kx * dilation_w], zero
/// outside. Writes pixel_count (<= ld) columns of each row. Serial: for use inside tasks.
void dd_im2col_nchw_f32(float *columns, const float *x, int64_t cin, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t stride_h, int64_t stride_w,
                        int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t out_w, int64_t first_pixel, int64_t pixel_count,
                        int64_t ld);

/// y [n, c, kh * kw, h, w]: y[.., ky * kw + kx, i, j] = x[.., i + ky - pad_h, j + kx - pad_w], zero outside, with
/// output the size of the input.
void dd_unfold_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t pad_h,
                        int64_t pad_w);

/// Element-wise adaptive convolution, a k x k kernel (k odd) for each channel of each pixel:
/// y[c, p] = sum over ky, kx of kernel[c * k * k + ky * k + kx, p] * x[c, p + (ky - k/2, kx - k/2)], zero outside; with
/// `residual` != 0 x[c, p] is added. kernel [n, c * k * k, h, w].
void dd_eac_nchw_f32(dd_pool *pool, float *y, const float *x, const float *kernel, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k, int residual);
/// The same channels-last: x and y [n, h, w, c], kernel [n, h, w, c * k * k].
void dd_eac_nhwc_f32(dd_pool *pool, float *y, const float *x, const float *kernel, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k, int residual);
/// Rows `first` ..< `last` of a single image. Pointers lead to where row 0 is or would be; touched are these rows of y and kernel, and those of x that they need.
void dd_eac_nhwc_rows_f32(dd_pool *pool, float *y, const float *x, const float *kernel, int64_t c, int64_t h, int64_t w, int64_t k, int residual, int64_t first,
                          int64_t last);

/// Cuts x into overlapping windows of k positions along each axis that is longer, ceil(n / k) of them at multiples of ceil((n - k) / (count - 1)),
/// the last aligned to the end: y [n * count_y * count_x, c, min(k, h), min(k, w)], the windows of an image in
/// row-major order. NHWC: y [n * count_y * count_x, min(k, h), min(k, w), c].
void dd_window_partition_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k);
void dd_window_partition_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k);
/// Windows `first` ..< `last` of a single image, or rows of the merged image below; pointers lead to where the first window and row 0 are or would be.
void dd_window_partition_nhwc_part_f32(dd_pool *pool, float *y, const float *x, int64_t c, int64_t h, int64_t w, int64_t k, int64_t first, int64_t last);

/// The way back: y [n, c, h, w] (or [n, h, w, c]) is at each position the windows' sum, added in their order, divided by
/// their number there. x as the partition's y.
void dd_window_merge_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k);
void dd_window_merge_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k);
void dd_window_merge_nhwc_part_f32(dd_pool *pool, float *y, const float *x, int64_t c, int64_t h, int64_t w, int64_t k, int64_t first, int64_t last);

/// Nearest-neighbour upsampling: y [n, c, h * factor_h, w * factor_w], or channels-last.
void dd_upsample_nearest_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t factor_h, int64_t factor_w);
void dd_upsample_nearest_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t factor_h, int64_t factor_w);

/// [batch, channels, pixels] to [batch, pixels, channels], and back.
void dd_nchw_to_nhwc_f32(dd_pool *pool, float *y, const float *x, int64_t batch, int64_t channels, int64_t pixels);
void dd_nhwc_to_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t batch, int64_t channels, int64_t pixels);

#ifdef __cplusplus
}
#endif
#endif
