// float16 and bfloat16, a number at a time: to nearest, ties to even; NaNs stay NaNs and become quiet. Without branches, so that loops become vectors.
#ifndef DD_HALF_H
#define DD_HALF_H
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

static inline uint16_t dd_bfloat16_from_float(float value) {
    const uint32_t bits = dd_bits_from_float(value), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000u ? bits >> 16 | 0x40 : rounded);
}

static inline float dd_float_from_float16(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = (uint32_t)(half & 0x7fff) << 13;
    const uint32_t normal = magnitude + 0x38000000u, special = magnitude + 0x70000000u, quiet = special | 0x00400000u;
    const uint32_t small = dd_bits_from_float(dd_float_from_bits(magnitude + 0x38800000u) - dd_float_from_bits(0x38800000u));
    const uint32_t large = magnitude > 0x0f800000u ? quiet : special;
    return dd_float_from_bits(sign | (magnitude >= 0x0f800000u ? large : magnitude < 0x00800000u ? small : normal));
}

static inline uint16_t dd_float16_from_float(float value) {
    const uint32_t bits = dd_bits_from_float(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    // Results in the denormal range: a sum with 0.5 rounds at the right bit.
    const uint32_t small = dd_bits_from_float(dd_float_from_bits(magnitude) + 0.5f) - 0x3f000000u;
    const uint32_t normal = (magnitude + 0xc8000fffu + (magnitude >> 13 & 1)) >> 13;
    const uint32_t special = magnitude > 0x7f800000u ? 0x7e00 | (magnitude >> 13 & 0x3ff) : 0x7c00;
    const uint32_t half = magnitude < 0x38800000u ? small : normal;
    return (uint16_t)(sign | (magnitude >= 0x47800000u ? special : half));
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

static inline const void *dd_element_address(const void *base, dd_element type, int64_t index) { return (const char *)base + index * dd_element_bytes(type); }
#endif
