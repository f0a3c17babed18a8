// Elementwise arithmetic, reductions, softmax, strided copies and conversions: one pass over memory each.
//
// Sizes and strides count elements. Tensors are float32 and contiguous in row-major order unless said otherwise. A NULL
// pool runs serially; results are the same bit for bit for any number of threads.
#ifndef DD_ELEMENTWISE_H
#define DD_ELEMENTWISE_H
#include "dd_parallel.h"
#include "dd_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dd_unary_op {
    DD_UNARY_SILU, // x / (1 + exp(-x)); 0 where exp(-x) overflows, NaN for -inf
    DD_UNARY_GELU, // x/2 (1 + erf(x / sqrt 2)), absolute error 6e-8
    DD_UNARY_SIGMOID,
    DD_UNARY_EXP, // within 2 ulp, denormal results included
    DD_UNARY_LOG,
    DD_UNARY_SQRT,
    DD_UNARY_TANH,
    DD_UNARY_ERF,
    DD_UNARY_ABS,
    DD_UNARY_NEG,
    DD_UNARY_RELU,
    DD_UNARY_RECIPROCAL,
    DD_UNARY_FLOOR,
    DD_UNARY_CEIL,
    DD_UNARY_ROUND, // halves to even
    DD_UNARY_SIGN,  // -1, 0 or 1
    DD_UNARY_SIN,
    DD_UNARY_COS,
    DD_UNARY_SOFTPLUS,     // log(1 + exp(x))
    DD_UNARY_LINEAR,       // p0 * x + p1
    DD_UNARY_LEAKY_RELU,   // x < 0 ? p0 * x : x
    DD_UNARY_ELU,          // x < 0 ? p0 * (exp(x) - 1) : x
    DD_UNARY_HARD_SIGMOID, // p0 * x + p1 clamped to 0 ... 1
    DD_UNARY_HARD_SWISH,   // x * clamp(x / 6 + 1/2, 0, 1)
} dd_unary_op;

/// y[i] = op(x[i]) for i in 0 ..< n. NaN gives NaN in every op. y may be x.
void dd_unary_f32(dd_pool *pool, dd_unary_op op, float *y, const float *x, int64_t n, float p0, float p1);

typedef enum dd_binary_op {
    DD_BINARY_ADD,
    DD_BINARY_SUB,
    DD_BINARY_MUL,
    DD_BINARY_DIV,
    DD_BINARY_MIN, // NaN if either is
    DD_BINARY_MAX, // NaN if either is
    DD_BINARY_POW,
} dd_binary_op;

enum { DD_MAX_RANK = 8 };

/// How two operands meet: the output's sizes, and each operand's stride in every dimension, 0 where it is broadcast.
/// Rank 0 is a single element. Rank is at most DD_MAX_RANK.
typedef struct dd_broadcast {
    int rank;
    int64_t size[8], stride_a[8], stride_b[8];
} dd_broadcast;

/// y = op(a, b), y contiguous in the order of `shape->size`. y may be a or b if that operand's strides are those of y.
void dd_binary_f32(dd_pool *pool, dd_binary_op op, float *y, const float *a, const float *b, const dd_broadcast *shape);

/// y[i . stride_y] = x[i . stride_x] for every index i below `size`; strides in elements of `element_size` (1, 2, 4 or 8)
/// bytes, which may be 0 in x and negative in both. Serves transposes, slices, concatenation and splitting (y or x
/// points at the first element of the part). Rank 0 ... 8. y and x must not overlap.
void dd_copy_strided(dd_pool *pool, void *y, const void *x, int element_size, int rank, const int64_t *size, const int64_t *stride_y, const int64_t *stride_x);

typedef enum dd_reduce_op {
    DD_REDUCE_SUM,
    DD_REDUCE_MEAN,
    DD_REDUCE_MAX,
    DD_REDUCE_MIN,
    DD_REDUCE_PROD,
    DD_REDUCE_SUM_SQUARE,
    DD_REDUCE_L1,
} dd_reduce_op;

/// y [outer, inner] = reduction of x [outer, reduced, inner] along the middle. Sums accumulate in float64, products in
/// float64. NaN gives NaN. Of nothing: sum 0, mean NaN, max -inf, min inf, product 1. y must not overlap x.
void dd_reduce_f32(dd_pool *pool, dd_reduce_op op, float *y, const float *x, int64_t outer, int64_t reduced, int64_t inner);

/// y[r, :] = exp(x[r, :] - max) / sum, for each of `rows` rows of n. Exponentials below 2.7e-38 are 0. A row all of -inf, or
/// with a NaN, gives NaN. y may be x.
void dd_softmax_f32(dd_pool *pool, float *y, const float *x, int64_t rows, int64_t n);

/// y[b, i, j] = j > i ? -inf : x[b, i, j], of [batch, rows, columns]. y may be x.
void dd_causal_mask_f32(dd_pool *pool, float *y, const float *x, int64_t batch, int64_t rows, int64_t columns);

/// y [dimension] = cos(t f_k), k in 0 ..< half, then sin(t f_k), with half = dimension / 2 and
/// f_k = exp(-ln(max_period) k / half); an odd dimension gets a zero at the end. Each step is rounded to float32, as
/// PyTorch does it. Serial.
void dd_timestep_embedding_f32(float *y, float t, int64_t dimension, float max_period);

/// Uniform numbers in [0, 1) to normal ones by the method of Box and Muller, in blocks of 16: the first eight of each give radii, the others angles. The same bits
/// as PyTorch's on a processor with AVX2, whatever runs this. Serial.
void dd_normals_f32(float *numbers, int64_t blocks);

/// y[i] = table[ids[i]] in rows of `row_bytes` bytes; a negative id counts from the end, one outside the table gives zeros.
void dd_embedding(dd_pool *pool, void *y, const void *table, const int32_t *ids, int64_t count, int64_t row_bytes, int64_t rows);

/// y[i] = x[i] in another type. Floats round to nearest even (float64 to a 16-bit float by way of float32); NaN stays
/// NaN. Floats to integers truncate and saturate, NaN gives 0; integers to narrower integers saturate, and u64 passes through i64. To bool: x != 0.
/// y may be x if the elements have the same size.
void dd_convert(dd_pool *pool, void *y, dd_element y_type, const void *x, dd_element x_type, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
