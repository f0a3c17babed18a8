#ifndef DD_INTEGERS_H
#define DD_INTEGERS_H
#include <stdint.h>

static inline int64_t dd_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t dd_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t dd_ceil_div(int64_t n, int64_t d) { return (n + d - 1) / d; }
static inline int64_t dd_round_up(int64_t n, int64_t to) { return dd_ceil_div(n, to) * to; }
#endif
