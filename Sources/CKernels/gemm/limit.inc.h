// Multiplications and additions on registers alone, of one instruction set.
#include "../simd/vector.h"

enum {
    LIMIT_CHAINS = DD_VW == 8 ? 12 : 16, // more than latency times units, on all machines so far
    LIMIT_FLOAT32_FLOPS = 2 * LIMIT_CHAINS * DD_VW,
    LIMIT_PAIRS_FLOPS = 2 * LIMIT_FLOAT32_FLOPS, // numbers of 16 bits
};

DD_INLINE void limit_loop(const dd_precision precision, int64_t steps, float *result) {
    vf sums[LIMIT_CHAINS], x = v_splat(precision == DD_PRECISION_FLOAT32 ? 0.5f : dd_float_from_bits(0x3f003f00)); // pairs of 0.5 or 16128
    for (int i = 0; i < LIMIT_CHAINS; i++) sums[i] = v_splat((float)i);
    for (int64_t s = 0; s < steps; s++) {
        DD_UNROLL
        for (int i = 0; i < LIMIT_CHAINS; i++) {
#if DD_VW > 4
            __asm__ volatile("" : "+x"(x)); // so that the compiler sees through nothing
#endif
            sums[i] = v_dot(precision, sums[i], x, x);
        }
    }
    for (int i = 0; i < LIMIT_CHAINS; i++) *result += sums[i][0];
}

#if DD_HAS_BF16
static void limit_bfloat16(int64_t steps, float *result) { limit_loop(DD_PRECISION_BFLOAT16, steps, result); }
#else
#if DD_VW > 4
static void limit_int16(int64_t steps, float *result) { limit_loop(DD_PRECISION_INT16, steps, result); }
#endif
#if !DD_HAS_VNNI
static void limit_float32(int64_t steps, float *result) { limit_loop(DD_PRECISION_FLOAT32, steps, result); }
#endif
#endif
