// Element types and operand descriptions that several kernels share.
#ifndef DD_TYPES_H
#define DD_TYPES_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The element types that memory can hold.
typedef enum dd_element {
    DD_F32,
    DD_F16,
    DD_BF16,
    DD_F64,
    DD_I64,
    DD_I32,
    DD_U8,
    DD_I8,
    DD_BOOL, // one byte, 0 or 1
    DD_I16,
    DD_U16,
    DD_U32,
    DD_U64,
} dd_element;

/// Bytes of one element; 0 for a value outside the enumeration.
static inline int64_t dd_element_bytes(dd_element type) {
    switch (type) {
        case DD_F64:
        case DD_I64:
        case DD_U64: return 8;
        case DD_F32:
        case DD_I32:
        case DD_U32: return 4;
        case DD_F16:
        case DD_BF16:
        case DD_I16:
        case DD_U16: return 2;
        case DD_U8:
        case DD_I8:
        case DD_BOOL: return 1;
    }
    return 0;
}

/// What a product multiplies. Sums are float32 but for int16.
typedef enum dd_precision {
    DD_PRECISION_FLOAT32 = 0,
    DD_PRECISION_BFLOAT16 = 1, // both factors rounded (to nearest, ties to even) to bfloat16; fast where there are instructions for it
    /// 16-bit integers with shared scales: a row of A has one for each part of at most 512 columns, a row of w one for all of it. Whole
    /// numbers are summed within a part, which never leaves 32 bits, and parts in float32. As fast and as small as bfloat16, also where
    /// there are no instructions for that, with an error of a fifth. Rows smaller than 2^-63 are zeros.
    DD_PRECISION_INT16 = 2,
    DD_PRECISION_COUNT
} dd_precision;

typedef enum dd_activation {
    DD_ACTIVATION_NONE = 0,
    DD_ACTIVATION_SILU = 1,  // x / (1 + exp(-x))
    DD_ACTIVATION_GELU = 2,  // x / 2 (1 + erf(x / sqrt 2))
    DD_ACTIVATION_GEGLU = 3, // value * gelu(gate); weights packed by dd_gemm_pack_geglu, y has n / 2 columns
} dd_activation;

/// A channels-last operand: rows (one a pixel, image after image) of `channels` floats. Where `addend` is not NULL the operand is x + addend. Two
/// sources side by side stand for a concatenation along the channels that is never made.
typedef struct dd_nhwc_source {
    const float *x;
    const float *addend;
    int64_t channels;
    const float *moments; // [batch][channels][2] or NULL: each channel's mean and variance, for who asks for nothing else
} dd_nhwc_source;

#ifdef __cplusplus
}
#endif
#endif
