// Group and layer normalisation.
//
// Tensors are float32. `scale` and `bias` may be NULL (1 and 0). Variances are those of the whole population (divided by
// n). Statistics are accurate to float32 whatever the mean. Results are the same bit for bit for any number of threads.
#ifndef DD_NORM_H
#define DD_NORM_H
#include "dd_parallel.h"
#include "dd_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/// y = (x - mean) / sqrt(variance + epsilon) * scale[c] + bias[c], mean and variance over each of `groups` groups of
/// neighbouring channels of each image; with `silu` != 0 y = silu(that). x and y are [batch, channels, pixels],
/// channels a multiple of groups. y may be x.
void dd_group_norm_nchw_f32(dd_pool *pool, float *y, const float *x, const float *scale, const float *bias, int64_t batch, int64_t channels, int64_t pixels,
                            int64_t groups, float epsilon, int silu);

/// Bytes of scratch memory for dd_group_statistics_nhwc_f32 and for dd_group_norm_nhwc_f32.
int64_t dd_group_statistics_nhwc_scratch(int64_t batch, int64_t channels, int64_t pixels);
int64_t dd_group_norm_nhwc_scratch(int64_t batch, int64_t channels, int64_t pixels);

/// What a group norm does to each channel, as y = x * scale_out + shift_out: scale_out = scale * rstd and
/// shift_out = bias - mean * scale_out, each [batch][channels]. The operand is the concatenation of one or two sources of
/// batch * pixels rows, each with its addend; `channels` is the sum of theirs. Groups may straddle the two. A source whose moments are given is not read.
/// `scratch` is aligned to 8 bytes.
void dd_group_statistics_nhwc_f32(dd_pool *pool, float *scale_out, float *shift_out, const dd_nhwc_source *sources, int source_count, const float *scale,
                                  const float *bias, int64_t batch, int64_t pixels, int64_t groups, float epsilon, void *scratch);

/// Group norm of a channels-last x [batch, pixels, channels], then SiLU if `silu` != 0. y may be x. `scratch` is aligned to 8 bytes.
void dd_group_norm_nhwc_f32(dd_pool *pool, float *y, const float *x, const float *scale, const float *bias, int64_t batch, int64_t channels, int64_t pixels,
                            int64_t groups, float epsilon, int silu, void *scratch);

/// The gradient of dd_group_norm_nhwc_f32 with respect to x: with its norm n before scale and bias, rstd = 1 / sqrt(variance + epsilon) and h the gradient g
/// in front of SiLU (if `silu` != 0), bias and scale, y = rstd (h - mean h - n mean(h n)), means over each group. x, g and y are [batch, pixels, channels];
/// y may be x or g. `scratch` is aligned to 8 bytes.
void dd_group_norm_gradient_nhwc_f32(dd_pool *pool, float *y, const float *x, const float *scale, const float *bias, const float *g, int64_t batch,
                                     int64_t channels, int64_t pixels, int64_t groups, float epsilon, int silu, void *scratch);
int64_t dd_group_norm_gradient_nhwc_scratch(int64_t batch, int64_t channels, int64_t pixels);

/// y[r, :] = (x[r, :] - mean) / sqrt(variance + epsilon) * scale[:] + bias[:] for each of `rows` rows of n. y may be x.
void dd_layer_norm_f32(dd_pool *pool, float *y, const float *x, const float *scale, const float *bias, int64_t rows, int64_t n, float epsilon);

#ifdef __cplusplus
}
#endif
#endif
