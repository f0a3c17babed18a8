// AVX-512 with AMX: products of bfloat16, 16 x 16 results at once.
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels.h"

#define DD_VW 16
#define DD_HAS_VNNI 1
#define DD_HAS_BF16 1
#define DD_HAS_AMX 1
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,amx-tile,amx-bf16"))), \
                             apply_to = function)
#include "../gemm/amx_tiles.h"

#include "../attention/attention_template.h"
#pragma clang attribute pop

/// The processor has it, and the kernel lets this process use the tile registers, which it must be asked for once.
static int ask(void) {
    unsigned a, b, c, d;
    const unsigned wanted = 1u << 22 | 1u << 24; // bfloat16, tiles
    if (!dd_kernels_avx512_bf16.supported() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & wanted) != wanted) return 0;
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

static int supported(void) {
    static _Atomic int answer = -1;
    if (atomic_load(&answer) < 0) atomic_store(&answer, ask());
    return atomic_load(&answer);
}

const dd_kernels dd_kernels_amx = {
    .name = "amx",
    .supported = supported,
    .base = &dd_kernels_avx512_bf16,
    .gemm = &gemm_kernels,
    .attention = &attention_kernels,
    .limits = {[DD_PRECISION_BFLOAT16] = {limit_bfloat16, LIMIT_FLOPS}},
};
#endif
