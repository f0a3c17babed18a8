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
        case DD_F64: case DD_I64: case DD_U64: return 8;
        case DD_F32: case DD_I32: case DD_U32: return 4;
        case DD_F16: case DD_BF16: case DD_I16: case DD_U16: return 2;
        case DD_U8: case DD_I8: case DD_BOOL: return 1;
    }
    return 0;
}

/// A channels-last operand that is read where it lies: rows (one a pixel, image after image) of `channels` floats, the
/// starts of neighbouring rows `ld` floats apart. Where `addend` is not NULL the operand is x + addend. Two sources side
/// by side stand for a concatenation along the channels that is never made.
typedef struct dd_nhwc_source {
    const float *x;
    int64_t ld;
    const float *addend;
    int64_t ld_addend;
    int64_t channels;
    const float *moments; // [batch][channels][2] or NULL: each channel's mean and variance, for who asks for nothing else
} dd_nhwc_source;

#ifdef __cplusplus
}
#endif
#endif
