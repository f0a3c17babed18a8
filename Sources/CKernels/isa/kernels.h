// All that an instruction set computes with. A file of this folder makes one such table, and isa.c lists it.
#ifndef DD_KERNELS_H
#define DD_KERNELS_H
#include "../attention/attention_kernels.h"
#include "../conv/plan.h"
#include "../elementwise/one_pass.h"
#include "../gemm/gemm_kernels.h"
#include "dd_isa.h"

/// `steps` rounds of multiplications and additions on registers alone, to measure what a processor can do at most.
typedef struct dd_limit_loop {
    void (*run)(int64_t steps, float *result);
    double flops; // a step; 0 where there is no such loop
} dd_limit_loop;

/// Where a table is NULL, or a table's format has no name, that of `base` serves.
typedef struct dd_kernels {
    const char *name;
    int (*supported)(void);
    const struct dd_kernels *base; // NULL for the portable one, which has all
    const dd_gemm_kernels *gemm;
    const dd_attention_kernels *attention;
    const dd_conv_kernel *const *conv; // of each algorithm, by precision
    const dd_one_pass *one_pass;
    dd_limit_loop limits[DD_PRECISION_COUNT];
} dd_kernels;

extern const dd_kernels dd_kernels_scalar;
#if defined(__x86_64__)
extern const dd_kernels dd_kernels_avx2;
extern const dd_kernels dd_kernels_avx512;
extern const dd_kernels dd_kernels_avx512_vnni;
extern const dd_kernels dd_kernels_avx512_bf16;
extern const dd_kernels dd_kernels_amx;
#endif

/// Those in use.
const dd_kernels *dd_kernels_current(void);
/// Those of an instruction set, or of the next best that the machine has.
const dd_kernels *dd_kernels_of(int isa);

#endif
