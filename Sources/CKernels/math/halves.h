// float16 and bfloat16, a number at a time.
#ifndef DD_HALVES_H
#define DD_HALVES_H
#include <stdint.h>
#include <string.h>

#include "dd_types.h"

static inline float dd_float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t dd_bits_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float dd_float_from_bfloat16(uint16_t half) { return dd_float_from_bits((uint32_t)half << 16); }

/// To nearest, ties to even; NaNs stay NaNs.
static inline uint16_t dd_bfloat16_from_float(float value) {
    uint32_t bits = dd_bits_from_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// Exact for every float16: the exponent is rebased by a multiplication, which also makes subnormals right.
static inline float dd_float_from_float16(uint16_t half) {
    uint32_t bits = (uint32_t)(half & 0x7fffu) << 13;
    float magnitude = dd_float_from_bits(bits) * 0x1p112f;
    uint32_t out = bits >= 0x0f800000u ? bits | 0x7f800000u : dd_bits_from_float(magnitude);
    return dd_float_from_bits(out | (uint32_t)(half & 0x8000u) << 16);
}

/// Element `index` of an array of DD_F32, DD_F16 or DD_BF16.
static inline float dd_load_element(const void *base, dd_element type, int64_t index) {
    switch (type) {
        case DD_F16: return dd_float_from_float16(((const uint16_t *)base)[index]);
        case DD_BF16: return dd_float_from_bfloat16(((const uint16_t *)base)[index]);
        default: return ((const float *)base)[index];
    }
}

/// Stores a DD_F32 or, rounded to nearest, a DD_BF16.
static inline void dd_store_element(void *base, dd_element type, int64_t index, float value) {
    if (type == DD_BF16)
        ((uint16_t *)base)[index] = dd_bfloat16_from_float(value);
    else
        ((float *)base)[index] = value;
}

static inline const void *dd_element_address(const void *base, dd_element type, int64_t index) {
    return (const char *)base + index * dd_element_bytes(type);
}
#endif
