#include "dd_parallel.h"

#include <stdatomic.h>

dd_isa dd_isa_supported(void) {
#if defined(__x86_64__)
    // The compiler's builtins check the operating system's support for the wide registers too.
    __builtin_cpu_init();
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return DD_ISA_SCALAR;
    if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
          __builtin_cpu_supports("avx512vl")))
        return DD_ISA_AVX2;
    if (!__builtin_cpu_supports("avx512vnni")) return DD_ISA_AVX512;
    return __builtin_cpu_supports("avx512bf16") ? DD_ISA_AVX512_BF16 : DD_ISA_AVX512_VNNI;
#else
    return DD_ISA_SCALAR;
#endif
}

static _Atomic int current = -1;
static _Thread_local int here = -1;

dd_isa dd_isa_current(void) {
    if (here >= 0) return (dd_isa)here;
    int isa = atomic_load_explicit(&current, memory_order_relaxed);
    if (isa < 0) {
        isa = (int)dd_isa_supported();
        atomic_store_explicit(&current, isa, memory_order_relaxed);
    }
    return (dd_isa)isa;
}

static int at_most_supported(int isa) {
    const int supported = (int)dd_isa_supported();
    return isa < supported ? isa : supported;
}

dd_isa dd_isa_force(dd_isa isa) {
    atomic_store(&current, at_most_supported((int)isa));
    return dd_isa_current();
}

int dd_isa_forced_here(void) { return here; }

dd_isa dd_isa_force_here(int isa) {
    here = at_most_supported(isa);
    return dd_isa_current();
}

const char *dd_isa_name(dd_isa isa) {
    switch (isa) {
        case DD_ISA_SCALAR: return "scalar";
        case DD_ISA_AVX2: return "avx2";
        case DD_ISA_AVX512: return "avx512";
        case DD_ISA_AVX512_VNNI: return "avx512-vnni";
        case DD_ISA_AVX512_BF16: return "avx512-bf16";
    }
    return "unknown";
}
