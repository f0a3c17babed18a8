// Small things that the one-pass kernels share.
#ifndef DD_VECTORS_H
#define DD_VECTORS_H
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline, unused))

// Loops whose iterations touch nothing of each other's, also when y is x.
#define VECTORIZE _Pragma("clang loop vectorize(assume_safety)")

// Explicit vectors are for reductions, whose order must not be the compiler's choice. Sixteen lanes whatever the
// machine: an instruction set with narrower registers uses several.
typedef float vec16 __attribute__((vector_size(64)));
typedef float vec8 __attribute__((vector_size(32)));
typedef double dvec8 __attribute__((vector_size(64)));

ALWAYS_INLINE int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
ALWAYS_INLINE int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
ALWAYS_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

ALWAYS_INLINE uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}
ALWAYS_INLINE float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, 4);
    return x;
}

#endif
