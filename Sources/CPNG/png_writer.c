#include "CPNG.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    dd_png_sink sink;
    void *context;
    char *message;
} writer;

static void on_error(png_structp png, png_const_charp text) {
    writer *self = png_get_error_ptr(png);
    strncpy(self->message, text, DD_PNG_MESSAGE_SIZE - 1);
    self->message[DD_PNG_MESSAGE_SIZE - 1] = 0;
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    writer *self = png_get_io_ptr(png);
    if (self->sink(self->context, bytes, count) != 0) png_error(png, "the file cannot be written");
}

static void flush_bytes(png_structp png) { (void)png; }

static void write_metadata(png_structp png, png_infop info, const dd_png_metadata *metadata) {
    if (metadata->icc_profile)
        png_set_iCCP(png, info, metadata->icc_name, PNG_COMPRESSION_TYPE_BASE, metadata->icc_profile, metadata->icc_size);
    else if (metadata->has_srgb)
        png_set_sRGB(png, info, metadata->srgb_intent);
    if (metadata->has_gamma) png_set_gAMA_fixed(png, info, metadata->gamma);
    const int32_t *c = metadata->chromaticities;
    if (metadata->has_chromaticities) png_set_cHRM_fixed(png, info, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]);
    if (metadata->has_density) png_set_pHYs(png, info, metadata->density_x, metadata->density_y, metadata->density_unit);
}

int dd_png_write(uint32_t width, uint32_t height, int channels, int bits, const void *samples, const dd_png_metadata *metadata, dd_png_sink sink, void *context,
                 char message[DD_PNG_MESSAGE_SIZE]) {
    writer self = {sink, context, message};
    message[0] = 0;
    int type = (channels >= 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY) | (channels % 2 == 0 ? PNG_COLOR_MASK_ALPHA : 0);
    size_t row_bytes = (size_t)width * (size_t)channels * (size_t)bits / 8;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &self, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        strcpy(message, "out of memory");
        png_destroy_write_struct(&png, &info);
        return -1;
    }
    // Nothing that is read after the jump changes after this point.
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return -1;
    }
    png_set_write_fn(png, &self, write_bytes, flush_bytes);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_benign_errors(png, 1);
    png_set_compression_buffer_size(png, 1 << 16);
    png_set_IHDR(png, info, width, height, bits, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    write_metadata(png, info, metadata);
    png_write_info(png, info);
    if (metadata->chunks_size) write_bytes(png, (png_bytep)metadata->chunks, metadata->chunks_size);
    if (bits == 16) png_set_swap(png);
    for (uint32_t y = 0; y < height; y++) png_write_row(png, (const uint8_t *)samples + y * row_bytes);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return 0;
}
