// Compiles DD_TEMPLATE once for each instruction set. In it FN(name) is that set's own name, and VECTOR_BYTES the width of
// its registers. Included once by each .c file, which then calls DD_SELECT(name)(...). No include guard, on purpose.

#define FN(name) name##_scalar
#define VECTOR_BYTES 16
#include DD_TEMPLATE
#undef FN
#undef VECTOR_BYTES

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define FN(name) name##_avx2
#define VECTOR_BYTES 32
#include DD_TEMPLATE
#undef FN
#undef VECTOR_BYTES
#pragma clang attribute pop

#pragma clang attribute push(                                                                                          \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define FN(name) name##_avx512
#define VECTOR_BYTES 64
#include DD_TEMPLATE
#undef FN
#undef VECTOR_BYTES
#pragma clang attribute pop

#define DD_SELECT(name)                                                                                                \
    (dd_isa_current() >= DD_ISA_AVX512 ? name##_avx512 : dd_isa_current() >= DD_ISA_AVX2 ? name##_avx2 : name##_scalar)
#else
#define DD_SELECT(name) name##_scalar
#endif
