// Products of 16-bit integers that share scales, where 32 bits hold every sum.
//
// A factor is n numbers that are multiples of one scale, chosen such that the root of the sum of their squares is 2^15. By Cauchy and
// Schwarz the sum of the products of two such factors is at most 2^30, whatever the numbers and however they are ordered.
#ifndef DD_INT16_SCALES_H
#define DD_INT16_SCALES_H
#include <stdint.h>

/// The root of the sum of squares: below 2^15 by what rounding may add.
#define DD_INT16_ROOT 32600.0f

/// Most numbers that share a scale. More would have fewer digits each, fewer would bring sums to float32 more often.
enum { DD_INT16_PART = 512 };

/// The sum of squares below which a factor counts as zeros.
#define DD_INT16_LEAST_SQUARES 0x1p-126f

/// To nearest, ties to even; 0 for what is not in range, which comes of numbers that are not finite and have such a scale. The large number
/// leaves the whole one in the lowest bits; lrint would be a call for each.
static inline int16_t dd_int16_from_double(double value) {
    union {
        double value;
        int64_t bits;
    } u = {(__builtin_fabs(value) < 32767.5 ? value : 0) + 0x1.8p52};
    return (int16_t)u.bits;
}

static inline int16_t dd_int16_from_float(float value) {
    union {
        float value;
        int32_t bits;
    } u = {(__builtin_fabsf(value) < 32767.5f ? value : 0) + 0x1.8p23f};
    return (int16_t)u.bits;
}
#endif
