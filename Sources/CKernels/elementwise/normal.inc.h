// Normal random numbers as PyTorch makes them on every processor with AVX2: logarithm, sine and cosine by the polynomials of Cephes (Moshier, 1992), eight at a
// time with fused multiply-adds. The same operations in the same order give the same bits on every instruction set; so nothing is contracted here that is not
// written as one.

static void normals(float *numbers, int64_t blocks) {
#pragma STDC FP_CONTRACT OFF
#define FMA(a, b, c) __builtin_fmaf(a, b, c)
    for (float *block = numbers; block < numbers + 16 * blocks; block += 16) {
        DD_VECTORIZE for (int i = 0; i < 8; i++) {
            // The logarithm of 1 - u, a normal positive number: x 2^exponent with x in [sqrt(1/2), sqrt(2)), then shifted to lie around 0.
            const float value = 1.0f - block[i];
            uint32_t bits;
            memcpy(&bits, &value, 4);
            float exponent = (float)((int32_t)(bits >> 23) - 126);
            bits = (bits & 0x807fffffu) | 0x3f000000u;
            float x;
            memcpy(&x, &bits, 4);
            const float less = x - 1.0f;
            const int is_small = x < 0.707106781186547524f;
            exponent -= is_small ? 1.0f : 0.0f;
            x = is_small ? less + x : less;
            const float x2 = x * x;
            float y = 7.0376836292e-2f;
            y = FMA(y, x, -1.1514610310e-1f);
            y = FMA(y, x, 1.1676998740e-1f);
            y = FMA(y, x, -1.2420140846e-1f);
            y = FMA(y, x, 1.4249322787e-1f);
            y = FMA(y, x, -1.6668057665e-1f);
            y = FMA(y, x, 2.0000714765e-1f);
            y = FMA(y, x, -2.4999993993e-1f);
            y = FMA(y, x, 3.3333331174e-1f);
            y = y * x;
            // ln 2 in two parts, so that the product with the first is exact.
            y = FMA(y, x2, exponent * -2.12194440e-4f);
            y = FMA(-0.5f, x2, y);
            const float logarithm = FMA(exponent, 0.693359375f, x + y);
            const float radius = __builtin_elementwise_sqrt(-2.0f * logarithm);

            // 2 pi is rounded to nearest. The octant is made even, so that a lies within pi/4 of a multiple of pi/2; that is taken off in three parts.
            const float angle = 0x1.921fb6p+2f * block[i + 8];
            const int32_t octant = ((int32_t)(angle * 1.27323954473516f) + 1) & ~1;
            const float multiple = (float)octant;
            float a = FMA(multiple, -0.78515625f, angle);
            a = FMA(multiple, -2.4187564849853515625e-4f, a);
            a = FMA(multiple, -3.77489497744594108e-8f, a);
            const float a2 = a * a;
            float cosine = 2.443315711809948e-5f;
            cosine = FMA(cosine, a2, -1.388731625493765e-3f);
            cosine = FMA(cosine, a2, 4.166664568298827e-2f);
            cosine = FMA(cosine * a2, a2, a2 * -0.5f) + 1.0f;
            float sine = -1.9515295891e-4f;
            sine = FMA(sine, a2, 8.3321608736e-3f);
            sine = FMA(sine, a2, -1.6666654611e-1f);
            sine = FMA(sine * a2, a, a);
            const float c = octant & 2 ? sine : cosine, s = octant & 2 ? cosine : sine;
            // Octants 2 and 4 turn the cosine's sign, 4 and 6 the sine's. The products' -0 becomes 0 when PyTorch adds the mean.
            block[i] = radius * ((octant + 2) & 4 ? -c : c) + 0.0f;
            block[i + 8] = radius * (octant & 4 ? -s : s) + 0.0f;
        }
    }
#undef FMA
}
