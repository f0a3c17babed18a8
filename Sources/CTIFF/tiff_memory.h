// A TIFF file in memory, for libtiff to read or to write.
#ifndef DD_TIFF_MEMORY_H
#define DD_TIFF_MEMORY_H
#include <stdint.h>
#include <tiffio.h>

#include "CTIFF.h"

typedef struct tiff_memory {
    uint8_t *bytes;
    size_t size, capacity, position;
    int is_fixed; // read only
    char message[DD_TIFF_MESSAGE_SIZE];
} tiff_memory;

/// Opens it with libtiff, whose first error goes to `message`. No single allocation may be larger than `largest_allocation`.
TIFF *tiff_memory_open(tiff_memory *memory, const char *mode, uint64_t largest_allocation);

#endif
