#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "tiff_memory.h"

static int write_picture(TIFF *tiff, uint32_t width, uint32_t height, int channels, int bits, const uint8_t *samples) {
    uint16_t alpha = EXTRASAMPLE_UNASSALPHA;
    size_t row_bytes = (size_t)width * (size_t)channels * (size_t)bits / 8;
    uint32_t rows = row_bytes >= 1 << 18 ? 1 : (uint32_t)((1 << 18) / row_bytes);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, channels);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, channels >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    if (channels % 2 == 0) TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &alpha);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, rows);
    // The predictor works in place, so that rows are handed over as copies.
    size_t strip_bytes = row_bytes * rows;
    uint8_t *strip = malloc(strip_bytes);
    if (!strip) return -1;
    int failed = 0;
    for (uint32_t y = 0, index = 0; !failed && y < height; y += rows, index++) {
        size_t count = (height - y < rows ? height - y : rows) * row_bytes;
        memcpy(strip, samples + y * row_bytes, count);
        failed = TIFFWriteEncodedStrip(tiff, index, strip, (tmsize_t)count) < 0;
    }
    free(strip);
    return failed || !TIFFWriteDirectory(tiff) ? -1 : 0;
}

uint8_t *dd_tiff_write(uint32_t width, uint32_t height, int channels, int bits, const void *samples, size_t *size, char message[DD_TIFF_MESSAGE_SIZE]) {
    tiff_memory memory = {0};
    TIFF *tiff = tiff_memory_open(&memory, "wl", 0);
    int failed = !tiff || write_picture(tiff, width, height, channels, bits, samples) != 0;
    if (tiff) TIFFClose(tiff);
    if (!failed) {
        *size = memory.size;
        return memory.bytes;
    }
    snprintf(message, DD_TIFF_MESSAGE_SIZE, "%s", memory.message[0] ? memory.message : "there is not enough memory");
    free(memory.bytes);
    return NULL;
}

void dd_tiff_free(uint8_t *bytes) { free(bytes); }
