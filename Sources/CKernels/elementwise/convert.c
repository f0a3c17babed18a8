#include "dd_elementwise.h"

#include <string.h>

#include "../math/integers.h"
#include "one_pass.h"

enum {
    BLOCK = 16384,
    CHUNK = 256, // elements that pass through a buffer on the way between types without a path of their own
};

typedef struct convert_context {
    dd_convert_function *run; // NULL for the general way
    char *y;
    const char *x;
    dd_element y_type, x_type;
    int64_t n;
} convert_context;

static int is_float(dd_element type) { return type == DD_F32 || type == DD_F16 || type == DD_BF16 || type == DD_F64; }

#define READ(type)                                                   \
    for (int64_t i = 0; i < n; i++) {                                \
        type value;                                                  \
        memcpy(&value, x + i * (int64_t)sizeof(type), sizeof(type)); \
        out[i] = value;                                              \
    }                                                                \
    break;
#define WRITE(type, expression)                                      \
    for (int64_t i = 0; i < n; i++) {                                \
        type value = (type)(expression);                             \
        memcpy(y + i * (int64_t)sizeof(type), &value, sizeof(type)); \
    }                                                                \
    break;

static void read_floats(double *out, const char *x, dd_element type, int64_t n) {
    float buffer[CHUNK];
    if (type == DD_F16) dd_one_pass_current()->f16_to_f32(buffer, x, n), x = (const char *)buffer;
    if (type == DD_BF16) dd_one_pass_current()->bf16_to_f32(buffer, x, n), x = (const char *)buffer;
    switch (type) {
        case DD_F64: READ(double)
        default: READ(float)
    }
}

static void read_integers(int64_t *out, const char *x, dd_element type, int64_t n) {
    switch (type) {
        case DD_I64: READ(int64_t)
        case DD_I32: READ(int32_t)
        case DD_I16: READ(int16_t)
        case DD_I8: READ(int8_t)
        case DD_U8: READ(uint8_t)
        case DD_U16: READ(uint16_t)
        case DD_U32: READ(uint32_t)
        case DD_U64:
            for (int64_t i = 0; i < n; i++) {
                uint64_t value;
                memcpy(&value, x + i * 8, 8);
                out[i] = value > INT64_MAX ? INT64_MAX : (int64_t)value;
            }
            break;
        default: // DD_BOOL
            for (int64_t i = 0; i < n; i++) out[i] = x[i] != 0;
    }
}

static void write_floats(char *y, dd_element type, const double *in, int64_t n) {
    if (type == DD_F64) {
        memcpy(y, in, (size_t)n * sizeof(double));
        return;
    }
    float buffer[CHUNK];
    for (int64_t i = 0; i < n; i++) buffer[i] = (float)in[i];
    if (type == DD_F16)
        dd_one_pass_current()->f32_to_f16(y, buffer, n);
    else if (type == DD_BF16)
        dd_one_pass_current()->f32_to_bf16(y, buffer, n);
    else
        memcpy(y, buffer, (size_t)n * sizeof(float));
}

static int64_t saturate(int64_t v, int64_t low, int64_t high) { return v < low ? low : v > high ? high : v; }

static void write_integers(char *y, dd_element type, const int64_t *in, int64_t n) {
    switch (type) {
        case DD_I64: WRITE(int64_t, in[i])
        case DD_I32: WRITE(int32_t, saturate(in[i], INT32_MIN, INT32_MAX))
        case DD_I16: WRITE(int16_t, saturate(in[i], INT16_MIN, INT16_MAX))
        case DD_I8: WRITE(int8_t, saturate(in[i], INT8_MIN, INT8_MAX))
        case DD_U8: WRITE(uint8_t, saturate(in[i], 0, UINT8_MAX))
        case DD_U16: WRITE(uint16_t, saturate(in[i], 0, UINT16_MAX))
        case DD_U32: WRITE(uint32_t, saturate(in[i], 0, UINT32_MAX))
        case DD_U64: WRITE(uint64_t, saturate(in[i], 0, INT64_MAX))
        default: WRITE(uint8_t, in[i] != 0) // DD_BOOL
    }
}

static void truncate_floats(int64_t *out, const double *in, int64_t n, int to_bool) {
    for (int64_t i = 0; i < n; i++) {
        double v = in[i];
        if (to_bool)
            out[i] = v != 0;
        else if (v != v)
            out[i] = 0;
        else if (v >= 9223372036854775808.0)
            out[i] = INT64_MAX;
        else if (v < -9223372036854775808.0)
            out[i] = INT64_MIN;
        else
            out[i] = (int64_t)v;
    }
}

static void convert_chunk(char *y, dd_element y_type, const char *x, dd_element x_type, int64_t n) {
    double floats[CHUNK];
    int64_t integers[CHUNK];
    if (is_float(x_type)) {
        read_floats(floats, x, x_type, n);
        if (is_float(y_type)) {
            write_floats(y, y_type, floats, n);
            return;
        }
        truncate_floats(integers, floats, n, y_type == DD_BOOL);
    } else {
        read_integers(integers, x, x_type, n);
        if (is_float(y_type)) {
            for (int64_t i = 0; i < n; i++) floats[i] = (double)integers[i];
            write_floats(y, y_type, floats, n);
            return;
        }
    }
    write_integers(y, y_type, integers, n);
}

static void convert_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const convert_context *c = raw;
    int64_t first = index * BLOCK, n = dd_min(BLOCK, c->n - first);
    int64_t y_bytes = dd_element_bytes(c->y_type), x_bytes = dd_element_bytes(c->x_type);
    char *y = c->y + first * y_bytes;
    const char *x = c->x + first * x_bytes;
    if (c->run) {
        c->run(y, x, n);
    } else if (c->y_type == c->x_type) {
        memmove(y, x, (size_t)(n * y_bytes));
    } else {
        for (int64_t i = 0; i < n; i += CHUNK) convert_chunk(y + i * y_bytes, c->y_type, x + i * x_bytes, c->x_type, dd_min(CHUNK, n - i));
    }
}

void dd_convert(dd_pool *pool, void *y, dd_element y_type, const void *x, dd_element x_type, int64_t n) {
    convert_context context = {NULL, y, x, y_type, x_type, n};
    if (x_type == DD_F32 && y_type == DD_F16) context.run = dd_one_pass_current()->f32_to_f16;
    if (x_type == DD_F16 && y_type == DD_F32) context.run = dd_one_pass_current()->f16_to_f32;
    if (x_type == DD_F32 && y_type == DD_BF16) context.run = dd_one_pass_current()->f32_to_bf16;
    if (x_type == DD_BF16 && y_type == DD_F32) context.run = dd_one_pass_current()->bf16_to_f32;
    dd_parallel_for(pool, dd_ceil_div(n, BLOCK), convert_task, &context);
}
