// Multiplications and additions on registers alone, of one instruction set.
#include "../simd/vector.h"

enum {
    LIMIT_CHAINS = DD_VW == 8 ? 12 : 16, // more than latency times units, on all machines so far
    LIMIT_FLOAT32_FLOPS = 2 * LIMIT_CHAINS * DD_VW,
};

DD_INLINE void limit_loop(const int pairs, int64_t steps, float *result) {
    vf sums[LIMIT_CHAINS], x = v_splat(pairs ? dd_float_from_bits(0x3f003f00) : 0.5f); // pairs of 0.5
    for (int i = 0; i < LIMIT_CHAINS; i++) sums[i] = v_splat((float)i);
#if DD_VW > 4
    __asm__ volatile("" : "+x"(x)); // so that the compiler does not see through the loop
#endif
    for (int64_t s = 0; s < steps; s++) {
        DD_UNROLL
        for (int i = 0; i < LIMIT_CHAINS; i++) {
#if DD_HAS_BF16
            if (pairs) {
                sums[i] = v_dot_bfloat16(sums[i], x, x);
                continue;
            }
#endif
            sums[i] = v_fma(sums[i], x, x);
        }
    }
    for (int i = 0; i < LIMIT_CHAINS; i++) *result += sums[i][0];
}

#if DD_HAS_BF16
static void limit_bfloat16(int64_t steps, float *result) { limit_loop(1, steps, result); }
#else
static void limit_float32(int64_t steps, float *result) { limit_loop(0, steps, result); }
#endif
