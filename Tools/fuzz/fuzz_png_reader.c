// Reads whatever bytes there are as a PNG file, through the C face, and writes what was read.
//
//   clang -g -O1 -fsanitize=fuzzer,address,undefined -ISources/CPNG/include Tools/fuzz/fuzz_png_reader.c Sources/CPNG/png_*.c -lpng -o fuzz_png_reader
//   ./fuzz_png_reader -max_total_time=600 -max_len=65536 NEW_FINDINGS FOLDER_OF_PNG_FILES
#include "CPNG.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long tried, accepted;

static void report(void) { fprintf(stderr, "%lu tried, %lu refused, %lu read\n", tried, tried - accepted, accepted); }

static int count_bytes(void *context, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) *(uint8_t *)context ^= bytes[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (tried++ == 0) atexit(report);
    char message[DD_PNG_MESSAGE_SIZE];
    dd_png_reader *reader = dd_png_open(bytes, size, 32768, 1 << 20, message);
    if (!reader) return 0;
    size_t count = (size_t)dd_png_width(reader) * dd_png_height(reader);
    uint8_t *rgb = malloc(count * 3), *alpha = dd_png_channels(reader) == 4 ? malloc(count) : NULL, sum = 0;
    if (dd_png_read_pixels(reader, rgb, alpha, message) == 0) {
        accepted++;
        dd_png_metadata metadata = dd_png_get_metadata(reader);
        dd_png_write(dd_png_width(reader), dd_png_height(reader), rgb, alpha, &metadata, count_bytes, &sum, message);
    }
    free(rgb);
    free(alpha);
    dd_png_close(reader);
    return 0;
}
