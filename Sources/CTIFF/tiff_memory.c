#include "tiff_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t count) {
    tiff_memory *memory = handle;
    size_t left = memory->position < memory->size ? memory->size - memory->position : 0;
    if (count < 0) return 0;
    if ((size_t)count > left) count = (tmsize_t)left;
    if (count > 0) memcpy(to, memory->bytes + memory->position, (size_t)count);
    memory->position += (size_t)count;
    return count;
}

static tmsize_t write_bytes(thandle_t handle, void *from, tmsize_t count) {
    tiff_memory *memory = handle;
    if (memory->is_fixed || count < 0) return -1;
    size_t end = memory->position + (size_t)count;
    if (end > memory->capacity) {
        size_t capacity = end + end / 2 + 65536;
        uint8_t *bytes = realloc(memory->bytes, capacity);
        if (!bytes) return -1;
        memory->bytes = bytes;
        memory->capacity = capacity;
    }
    if (memory->position > memory->size) memset(memory->bytes + memory->size, 0, memory->position - memory->size);
    memcpy(memory->bytes + memory->position, from, (size_t)count);
    memory->position = end;
    if (end > memory->size) memory->size = end;
    return count;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    tiff_memory *memory = handle;
    toff_t start = whence == SEEK_CUR ? memory->position : whence == SEEK_END ? memory->size : 0;
    toff_t place = start + offset;
    if (place > (toff_t)1 << 48) return (toff_t)-1;
    memory->position = (size_t)place;
    return place;
}

static int close_file(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t file_size(thandle_t handle) { return ((tiff_memory *)handle)->size; }

// The file is in memory already, so that libtiff reads strips where they lie.
static int map_file(thandle_t handle, void **base, toff_t *size) {
    tiff_memory *memory = handle;
    if (!memory->is_fixed) return 0;
    *base = memory->bytes;
    *size = memory->size;
    return 1;
}

static void unmap_file(thandle_t handle, void *base, toff_t size) {
    (void)handle;
    (void)base;
    (void)size;
}

static int on_error(TIFF *tiff, void *context, const char *module, const char *format, va_list arguments) {
    (void)tiff;
    (void)module;
    tiff_memory *memory = context;
    if (!memory->message[0]) vsnprintf(memory->message, sizeof memory->message, format, arguments);
    return 1;
}

static int on_warning(TIFF *tiff, void *context, const char *module, const char *format, va_list arguments) {
    (void)tiff;
    (void)context;
    (void)module;
    (void)format;
    (void)arguments;
    return 1;
}

TIFF *tiff_memory_open(tiff_memory *memory, const char *mode, uint64_t largest_allocation) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)largest_allocation);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, memory);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, memory);
    TIFF *tiff = TIFFClientOpenExt("memory", mode, memory, read_bytes, write_bytes, seek, close_file, file_size, map_file, unmap_file, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}
