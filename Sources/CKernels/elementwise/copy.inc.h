// Transposes of one tile: N rows of N elements in registers. Interleaving the first half of the rows with the second,
// log2(N) times, is a transpose.
#define LO_4 0, 4, 1, 5
#define HI_4 2, 6, 3, 7
#define LO_8 0, 8, 1, 9, 2, 10, 3, 11
#define HI_8 4, 12, 5, 13, 6, 14, 7, 15
#define LO_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HI_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

// y[i * ldy + j] = x[j * ldx + i] for i in 0 ..< rows, j in 0 ..< columns. The inner loop runs along the operand whose
// rows lie farther apart, so that it is touched in longer pieces.
#define TRANSPOSE(name, element, N, STAGES)                                                                                 \
    DD_INLINE void name##_tile(element *y, int64_t ldy, const element *x, int64_t ldx) {                                    \
        typedef element vector __attribute__((vector_size(sizeof(element) * N)));                                           \
        vector r[N], t[N];                                                                                                  \
        for (int k = 0; k < N; k++) memcpy(&r[k], x + k * ldx, sizeof(vector));                                             \
        for (int stage = 0; stage < STAGES; stage++) {                                                                      \
            for (int k = 0; k < N / 2; k++) {                                                                               \
                t[2 * k] = __builtin_shufflevector(r[k], r[k + N / 2], LO_##N);                                             \
                t[2 * k + 1] = __builtin_shufflevector(r[k], r[k + N / 2], HI_##N);                                         \
            }                                                                                                               \
            for (int k = 0; k < N; k++) r[k] = t[k];                                                                        \
        }                                                                                                                   \
        for (int k = 0; k < N; k++) memcpy(y + k * ldy, &r[k], sizeof(vector));                                             \
    }                                                                                                                       \
    static void name(void *y, int64_t ldy, const void *x, int64_t ldx, int64_t rows, int64_t columns) {                     \
        element *to = y;                                                                                                    \
        const element *from = x;                                                                                            \
        const int64_t whole_rows = rows / N * N, whole_columns = columns / N * N;                                           \
        if (ldx > ldy) {                                                                                                    \
            for (int64_t j = 0; j < whole_columns; j += N)                                                                  \
                for (int64_t i = 0; i < whole_rows; i += N) name##_tile(to + i * ldy + j, ldy, from + j * ldx + i, ldx);    \
        } else {                                                                                                            \
            for (int64_t i = 0; i < whole_rows; i += N)                                                                     \
                for (int64_t j = 0; j < whole_columns; j += N) name##_tile(to + i * ldy + j, ldy, from + j * ldx + i, ldx); \
        }                                                                                                                   \
        for (int64_t i = 0; i < whole_rows; i++)                                                                            \
            for (int64_t j = whole_columns; j < columns; j++) to[i * ldy + j] = from[j * ldx + i];                          \
        for (int64_t i = whole_rows; i < rows; i++)                                                                         \
            for (int64_t j = 0; j < columns; j++) to[i * ldy + j] = from[j * ldx + i];                                      \
    }

TRANSPOSE(transpose_1, uint8_t, 16, 4)
TRANSPOSE(transpose_2, uint16_t, 8, 3)
#if DD_VW == 16
TRANSPOSE(transpose_4, uint32_t, 16, 4)
TRANSPOSE(transpose_8, uint64_t, 8, 3)
#elif DD_VW == 8
TRANSPOSE(transpose_4, uint32_t, 8, 3)
TRANSPOSE(transpose_8, uint64_t, 4, 2)
#else
TRANSPOSE(transpose_4, uint32_t, 4, 2)
TRANSPOSE(transpose_8, uint64_t, 4, 2)
#endif
#undef TRANSPOSE
