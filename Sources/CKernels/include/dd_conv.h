// Convolutions over channels-last float32 images.
//
// One description of a convolution (dd_conv_args), eight ways to compute it (dd_conv_kind), two precisions of the products.
// Weights are packed once for a kind and a precision; the packed bytes are the same for every instruction set, so that a
// file can hold them. Nothing here allocates memory; results are the same bit for bit for any number of threads.
#ifndef DD_CONV_H
#define DD_CONV_H
#include <stddef.h>
#include <stdint.h>

#include "dd_parallel.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How a convolution is computed.
typedef enum dd_conv_kind {
    /// Implicit matrix product. Any kernel size, stride and padding.
    DD_CONV_DIRECT = 0,
    /// Winograd F(2x2, 3x3): 16 products for 36. 3x3, stride 1, any padding. Packed weights take 16/9 of the memory.
    DD_CONV_WINOGRAD_F2 = 1,
    /// Winograd F(4x4, 3x3): 36 products for 144. 3x3, stride 1, any padding. Packed weights take 4 times the memory; the
    /// error is about ten times that of the direct way.
    DD_CONV_WINOGRAD_F4 = 2,
    /// Nearest-neighbour upsampling by two, then 3x3 with stride 1 and padding 1, computed on the small image with 9
    /// products for 36. `height` and `width` are those of the small image; the output is twice as high and wide.
    DD_CONV_UPSAMPLE_3X3 = 3,
    /// Winograd F(2x2, 3x3) with weights packed as for the direct way, transformed in float32 while they are used. Takes more
    /// time than F2, the less the more pixels there are, and no memory.
    DD_CONV_WINOGRAD_F2_PLAIN = 4,
    /// The same for F(4x4, 3x3): a dearer transform for fewer products, the better way of the two from some 200 pixels on.
    DD_CONV_WINOGRAD_F4_PLAIN = 5,
    /// 3x3 with stride 2 in the manner of Winograd: the two outer taps meet even pixels, for which F(2,2) takes three products for
    /// four, the middle one odd pixels, so that 25 products serve for 36. Any padding. Packed weights take 25/9 of the memory.
    DD_CONV_WINOGRAD_STRIDE_2 = 6,
    /// Winograd F(6x6, 3x3): 64 products for 324, for large images: tiles of 6 x 6 fit small ones badly. 3x3, stride 1, any padding.
    /// Packed weights take 64/9 of the memory; the error is four to ten times that of F4.
    DD_CONV_WINOGRAD_F6 = 7,
} dd_conv_kind;

/// What the products are made of. Sources, accumulation and results are float32 in each.
typedef enum dd_conv_precision {
    DD_CONV_FLOAT32 = 0,
    /// (Transformed) weights and inputs as 16-bit integers with shared scales. A unit's inputs to a product have a scale for at most
    /// 512 channels, weights one for each product (all taps of the direct kind) and output channel, such that the root of the sum of
    /// squares is 2^15: by Cauchy and Schwarz no sum of products leaves 32 bits. As fast as bfloat16 and as small, with a
    /// fifth to a tenth of its error. Numbers below 2^-63 or so are zeros.
    DD_CONV_INT16 = 1,
} dd_conv_precision;

/// Element type of weights that are to be packed.
typedef enum dd_conv_weight_type {
    DD_CONV_WEIGHT_FLOAT32 = 0,
    DD_CONV_WEIGHT_FLOAT16 = 1,
    DD_CONV_WEIGHT_BFLOAT16 = 2,
} dd_conv_weight_type;

typedef enum dd_conv_activation {
    DD_CONV_ACTIVATION_NONE = 0,
    DD_CONV_ACTIVATION_SILU = 1,
} dd_conv_activation;

enum {
    DD_CONV_OK = 0,
    DD_CONV_UNSUPPORTED = 1,  // the kind cannot compute this, or a size makes no sense
};

/// A convolution
///
///     x = concatenate(x0 + x0_add, x1 + x1_add)               along channels
///     p = pad(silu(x * scale + shift))                        zeros around the *normalised* tensor
///     y = activation(convolve(p, w) + bias + channel_add) + residual
///
/// in which every pointer but x0 and y may be NULL and then drops out. Images are [batch][height][width][channels] with a
/// stride from pixel to pixel given in elements (0 = dense), so that a source or the result can be some of the channels of
/// a wider tensor; rows and images follow each other without gaps. No pointer to float needs alignment beyond its own.
/// `y` may be `residual` itself and must not overlap any other input.
typedef struct dd_conv_args {
    int64_t batch, height, width;  // of the input, each >= 1
    int64_t cin0, cin1;            // channels of source 0 (>= 1) and of source 1 (0: no second source)
    int64_t cout;
    int64_t kh, kw, stride;
    int64_t pad_top, pad_left, pad_bottom, pad_right;  // each >= 0

    const float *x0, *x1;          // [batch][height][width][cin0], [..][cin1]
    int64_t ldx0, ldx1;            // pixel strides; 0: cin0, cin1
    const float *x0_add, *x1_add;  // added to the sources on load, same shapes
    int64_t ldx0_add, ldx1_add;
    const float *scale, *shift;    // [batch][cin0 + cin1], both or neither
    int silu;                      // apply x / (1 + exp(-x)) after scale and shift

    const float *bias;             // [cout]
    const float *channel_add;      // [batch][cout], or [1][cout] with channel_add_per_image = 0
    int channel_add_per_image;
    const float *residual;         // same shape as y
    int64_t ld_residual;           // 0: cout
    dd_conv_activation activation;
    float *y;                      // [batch][out_height][out_width][cout]
    int64_t ldy;                   // 0: cout
    /// [batch][cout][2], where takes_moments is not 0: the mean and the variance (of the whole, not estimated from a sample) of each channel of each image of y,
    /// overwritten. Blocks of some hundred pixels are summed in float32, about their mean so far, and brought together in
    /// float64, always in the same order: accurate to float32 whatever the mean, and wherever values lie that are far from it.
    int takes_moments;
    float *moments;
} dd_conv_args;

/// Height and width of the result.
int64_t dd_conv_out_height(dd_conv_kind kind, const dd_conv_args *args);
int64_t dd_conv_out_width(dd_conv_kind kind, const dd_conv_args *args);

/// Whether `kind` can compute `args` (only sizes are looked at): DD_CONV_OK or DD_CONV_UNSUPPORTED.
int dd_conv_check(dd_conv_kind kind, const dd_conv_args *args);

/// Bytes of weights packed for a kind and a precision. `cin` counts both sources. 0 if the kind cannot do that size.
size_t dd_conv_packed_bytes(dd_conv_kind kind, dd_conv_precision precision, int64_t cout, int64_t cin, int64_t kh, int64_t kw);

/// Packs weights w[cout][cin][kh][kw] into `packed` (64-byte aligned, dd_conv_packed_bytes long): panels of 32 output
/// channels, [cout/32][products][cin][32], the products being kernel positions or those of the transform. int16 keeps pairs of
/// input channels together, [..][cin/2][32][2], each product's rows (of the direct kind all of a panel's) behind its 32 scales; plain
/// weights are multiples of one scale an output channel, with the scales of all products and their inverses, in multiples of the
/// former, behind them. Missing channels are zeros. Transforms run in float64.
int dd_conv_pack(dd_pool *pool, dd_conv_kind kind, dd_conv_precision precision, void *packed, const void *w,
                 dd_conv_weight_type w_type, int64_t cout, int64_t cin, int64_t kh, int64_t kw);

/// Bytes of scratch memory dd_conv needs with a pool of `threads`; enough for every instruction set. No pointer matters.
size_t dd_conv_scratch_bytes(dd_conv_kind kind, dd_conv_precision precision, const dd_conv_args *args, int threads);

/// Computes a convolution with the instruction set in use. `packed` and `scratch` are 64-byte aligned; `scratch` is
/// dd_conv_scratch_bytes for the pool's number of threads, needs no contents and leaves none.
int dd_conv(dd_pool *pool, dd_conv_kind kind, dd_conv_precision precision, const dd_conv_args *args, const void *packed,
            void *scratch);

/// The same with an instruction set of the caller's choice (what the machine lacks gives what it has): for tests.
int dd_conv_with_isa(int isa, dd_pool *pool, dd_conv_kind kind, dd_conv_precision precision, const dd_conv_args *args,
                     const void *packed, void *scratch);

/// What a kind's products are made of where 16 bits will do: float32 in the direct kind with few input channels, where bringing each tap's
/// sum to float32 would be most of the work.
dd_conv_precision dd_conv_precision_of(dd_conv_kind kind, dd_conv_precision precision, int64_t cin);

/// The kind to take when nothing was measured on the machine at hand: by shape alone, from timings of these kernels. `lean`: only
/// kinds whose weights are no larger than plain. Never returns DD_CONV_UPSAMPLE_3X3, which is another function of its input.
dd_conv_kind dd_conv_choose(dd_conv_precision precision, const dd_conv_args *args, int lean);

/// The truth that the kernels are tested against: plain loops in float64 over w[cout][cin][kh][kw], rounded to float32 at
/// the end. `kind` matters only for DD_CONV_UPSAMPLE_3X3. Slow.
int dd_conv_reference(dd_conv_kind kind, const dd_conv_args *args, const float *w);

#ifdef __cplusplus
}
#endif
#endif
