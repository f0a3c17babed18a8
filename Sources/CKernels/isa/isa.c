#include <stdatomic.h>

#include "kernels.h"

/// By preference.
static const dd_kernels *const list[] = {
    &dd_kernels_scalar,
#if defined(__x86_64__)
    &dd_kernels_avx2,   &dd_kernels_avx512, &dd_kernels_avx512_vnni, &dd_kernels_avx512_bf16, &dd_kernels_amx,
#endif
};

enum { COUNT = sizeof list / sizeof list[0] };

int dd_isa_count(void) { return COUNT; }
const char *dd_isa_name(int isa) { return list[isa]->name; }
int dd_isa_is_supported(int isa) { return list[isa]->supported(); }

static int at_most(int isa) {
    if (isa < 0) return -1;
    if (isa >= COUNT) isa = COUNT - 1;
    while (!dd_isa_is_supported(isa)) isa--;
    return isa;
}

static _Atomic int current = -1;
static _Thread_local int here = -1;

int dd_isa_current(void) {
    if (here >= 0) return here;
    const int isa = atomic_load_explicit(&current, memory_order_relaxed);
    return isa >= 0 ? isa : dd_isa_force(COUNT - 1);
}

int dd_isa_force(int isa) {
    atomic_store_explicit(&current, at_most(isa < 0 ? 0 : isa), memory_order_relaxed);
    return dd_isa_current();
}

int dd_isa_forced_here(void) { return here; }

int dd_isa_force_here(int isa) {
    here = at_most(isa);
    return dd_isa_current();
}

const dd_kernels *dd_kernels_current(void) { return list[dd_isa_current()]; }
const dd_kernels *dd_kernels_of(int isa) { return list[at_most(isa)]; }

const dd_one_pass *dd_one_pass_current(void) {
    const dd_kernels *kernels = dd_kernels_current();
    while (!kernels->one_pass) kernels = kernels->base;
    return kernels->one_pass;
}
