// The instruction sets that kernels are written for.
//
// They are numbered by preference, 0 being portable C. None need include another.
#ifndef DD_ISA_H
#define DD_ISA_H

#ifdef __cplusplus
extern "C" {
#endif

int dd_isa_count(void);
/// "avx512-vnni"
const char *dd_isa_name(int isa);
/// Whether this machine, processor and operating system, has it.
int dd_isa_is_supported(int isa);

/// The one in use: the best that the machine has, unless another was forced.
int dd_isa_current(void);
/// Uses this one, or where the machine lacks it the next best below. Returns the one now in use.
int dd_isa_force(int isa);
/// The same for the calling thread and the tasks it starts alone; -1 ends it.
int dd_isa_force_here(int isa);
/// What was forced so, or -1.
int dd_isa_forced_here(void);

#ifdef __cplusplus
}
#endif
#endif
