// Convolutions over channels-last float32 images.
//
// One description of a convolution (dd_conv_args), a list of algorithms that compute it, three precisions of the products. Weights are packed
// once for an algorithm and a precision; the packed bytes are the same for every instruction set, so that a file can hold them. Nothing here
// allocates memory; results are the same bit for bit for any number of threads.
#ifndef DD_CONV_H
#define DD_CONV_H
#include <stddef.h>
#include <stdint.h>

#include "dd_parallel.h"
#include "dd_types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DD_CONV_OK = 0,
    DD_CONV_UNSUPPORTED = 1, // the algorithm cannot compute this, or a size makes no sense
};

/// A convolution
///
///     x = concatenate(x0 + x0_add, x1 + x1_add)               along channels
///     p = pad(upsample(silu(x * scale + shift)))              zeros around the *normalised* tensor
///     y = activation(convolve(p, w) + bias + channel_add) + residual
///
/// in which every pointer but x0 and y may be NULL and then drops out. Images are [batch][height][width][channels]. No pointer to float needs
/// alignment beyond its own. `y` may be `residual` itself and must not overlap any other input.
typedef struct dd_conv_args {
    int64_t batch, height, width; // of the input, each >= 1
    int64_t cin0, cin1;           // channels of source 0 (>= 1) and of source 1 (0: no second source)
    int64_t cout;
    int64_t kh, kw, stride;
    int64_t pad_top, pad_left, pad_bottom, pad_right; // each >= 0
    int upsamples;                                    // not 0: each pixel four times, to twice the height and width

    const float *x0, *x1;         // [batch][height][width][cin0], [..][cin1]
    const float *x0_add, *x1_add; // added to the sources on load, same shapes
    const float *scale, *shift;   // [batch][cin0 + cin1], both or neither
    int silu;                     // apply x / (1 + exp(-x)) after scale and shift

    const float *bias;        // [cout]
    const float *channel_add; // [batch][cout], or [1][cout] with channel_add_per_image = 0
    int channel_add_per_image;
    const float *residual;    // same shape as y
    dd_activation activation; // NONE or SILU
    float *y;                 // [batch][out_height][out_width][cout]
    /// [batch][cout][2], where takes_moments is not 0: the mean and the variance (of the whole, not estimated from a sample) of each channel of each image of y,
    /// overwritten. Blocks of some hundred pixels are summed in float32, about their mean so far, and brought together in
    /// float64, always in the same order: accurate to float32 whatever the mean, and wherever values lie that are far from it.
    float *moments;
    int takes_moments;

    /// Rows of y to compute, of an image that is alone in its batch; row_end 0: all. They begin at a multiple of dd_conv_row_step and end at one or at the last
    /// row. Sizes are still those of the whole image, and pointers still lead to where row 0 of x0, y and the like is or would be: touched are these rows of y
    /// and of the residual, and dd_conv_input_rows of the sources. The numbers are those of a call for all rows.
    int64_t row_begin, row_end;
    /// [cout][2], for moments of which each call takes a part: from the call that begins at row 0 to the one that ends at the last row, which writes `moments`.
    double *running_moments;
} dd_conv_args;

/// Height and width of the result.
int64_t dd_conv_out_height(const dd_conv_args *args);
int64_t dd_conv_out_width(const dd_conv_args *args);

// MARK: algorithms

/// A way to compute a convolution; what it can do and what it costs is in its table, in conv/algorithms. Products are float32, bfloat16 (im2col alone) or int16: (transformed)
/// weights and inputs as 16-bit integers with shared scales. A unit's inputs to a product have a scale for at most 512 channels, weights one for
/// each product (all taps of the direct algorithm) and output channel, such that the root of the sum of squares is 2^15: by Cauchy and Schwarz no
/// sum of products leaves 32 bits. Numbers below 2^-63 or so are zeros. Sources, accumulation and results are float32 in each.
typedef struct dd_conv_algorithm dd_conv_algorithm;

/// All, by preference where nothing was timed.
int dd_conv_algorithm_count(void);
const dd_conv_algorithm *dd_conv_algorithm_at(int index);

/// "winograd_f4"
const char *dd_conv_algorithm_name(const dd_conv_algorithm *algorithm);

/// The largest difference from exact results to expect, over the largest of them; 0 if it has no such products.
double dd_conv_error(const dd_conv_algorithm *algorithm, dd_precision precision);

// The functions below look at sizes alone where they do not compute anything.

/// Whether an algorithm can compute `args` with products of a precision: DD_CONV_OK or DD_CONV_UNSUPPORTED.
int dd_conv_check(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args);

/// What an algorithm's products are made of where `precision` will do: float32 where few input channels are not worth 16 bits, int16 where it has no bfloat16.
dd_precision dd_conv_precision(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args);

/// Whether an algorithm can compute `args` with what dd_conv_precision says, and has enough channels for its transforms to be worth it.
int dd_conv_suits(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args);

/// The algorithm to take when nothing was measured on the machine at hand: by shape alone, from timings of these kernels. `lean`: only those whose
/// weights are no larger than plain. NULL where nothing computes it.
const dd_conv_algorithm *dd_conv_choose(dd_precision precision, const dd_conv_args *args, int lean);

// MARK: packing and running

/// Bytes of packed weights. 0 if the algorithm cannot compute `args`.
size_t dd_conv_packed_bytes(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args);

/// Packs weights w[cout][cin0 + cin1][kh][kw] of DD_F32, DD_F16 or DD_BF16 into `packed` (64-byte aligned, dd_conv_packed_bytes long): panels of 32
/// output channels, [cout/32][products][cin][32], the products being kernel positions or those of the transform. int16 keeps pairs of input channels
/// together, [..][cin/2][32][2], each product's rows (of the direct algorithm all of a panel's) behind its 32 scales; plain weights are multiples of
/// one scale an output channel, with the scales of all products and their inverses, in multiples of the former, behind them. Missing channels are
/// zeros. Transforms run in float64.
int dd_conv_pack(dd_pool *pool, const dd_conv_algorithm *algorithm, dd_precision precision, void *packed, const void *w, dd_element w_type,
                 const dd_conv_args *args);

/// Bytes of scratch memory dd_conv needs with a pool of `threads`; enough for every instruction set. No pointer matters.
size_t dd_conv_scratch_bytes(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args, int threads);

/// Rows that calls for parts of an image can begin at multiples of: of a tile, or of a block whose moments are summed together.
int64_t dd_conv_row_step(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args);

/// Rows of the input that rows `begin` ..< `end` of the result are computed from.
void dd_conv_input_rows(const dd_conv_algorithm *algorithm, const dd_conv_args *args, int64_t begin, int64_t end, int64_t *first, int64_t *last);

/// Computes a convolution with the instruction set in use. `packed` and `scratch` are 64-byte aligned; `scratch` is
/// dd_conv_scratch_bytes for the pool's number of threads, needs no contents and leaves none.
int dd_conv(dd_pool *pool, const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args, const void *packed, void *scratch);

/// What the algorithms are tested against: plain loops in float64 over w[cout][cin][kh][kw], rounded to float32 at the end. Slow.
void dd_conv_reference(const dd_conv_args *args, const float *w);

#ifdef __cplusplus
}
#endif
#endif
