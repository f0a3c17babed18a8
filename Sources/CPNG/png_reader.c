#include "CPNG.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct dd_png_reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t size, position;
    uint32_t width, height;
    int channels, bits, is_gray;
    char message[DD_PNG_MESSAGE_SIZE];
};

static void copy_message(char *to, const char *from) {
    strncpy(to, from, DD_PNG_MESSAGE_SIZE - 1);
    to[DD_PNG_MESSAGE_SIZE - 1] = 0;
}

static void on_error(png_structp png, png_const_charp text) {
    dd_png_reader *reader = png_get_error_ptr(png);
    copy_message(reader->message, text);
    longjmp(png_jmpbuf(png), 1);
}

// Warnings are about ancillary chunks that libpng leaves out, or slips that it can see through.
static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
    dd_png_reader *reader = png_get_io_ptr(png);
    if (count > reader->size - reader->position) png_error(png, "the file ends too early: it is truncated");
    memcpy(to, reader->bytes + reader->position, count);
    reader->position += count;
}

// Texts are carried over as they are, by whoever calls, so there is no need to inflate them.
static const png_byte skipped_chunks[] = "tEXt\0zTXt\0iTXt\0sPLT\0hIST";

// Deflate cannot shrink by more than 1032 to 1, so that a small file which declares a huge image must be broken.
static int can_hold_image(const dd_png_reader *reader) {
    uint64_t row_bytes = png_get_rowbytes(reader->png, reader->info);
    uint64_t needed = (row_bytes * reader->height) / 1040;
    return needed <= reader->size;
}

// A profile in a file with a palette is one for colours.
static int has_palette_of_grays(png_structp png, png_infop info) {
    png_colorp colors = NULL;
    int count = 0;
    if (!png_get_PLTE(png, info, &colors, &count) || png_get_valid(png, info, PNG_INFO_iCCP)) return 0;
    for (int i = 0; i < count; i++)
        if (colors[i].red != colors[i].green || colors[i].red != colors[i].blue) return 0;
    return 1;
}

dd_png_reader *dd_png_open(const uint8_t *bytes, size_t size, uint32_t max_dimension, uint64_t max_pixels, char message[DD_PNG_MESSAGE_SIZE]) {
    dd_png_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        copy_message(message, "out of memory");
        return NULL;
    }
    reader->bytes = bytes;
    reader->size = size;
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
    if (reader->png) reader->info = png_create_info_struct(reader->png);
    if (!reader->info) {
        copy_message(message, "libpng cannot be started");
        dd_png_close(reader);
        return NULL;
    }
    png_structp png = reader->png;
    png_infop info = reader->info;
    if (setjmp(png_jmpbuf(png))) {
        copy_message(message, reader->message);
        dd_png_close(reader);
        return NULL;
    }
    png_set_user_limits(png, max_dimension, max_dimension);
    png_set_chunk_malloc_max(png, 8 << 20);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, skipped_chunks, 5);
    png_set_read_fn(png, reader, read_bytes);
    png_read_info(png, info);
    reader->width = png_get_image_width(png, info);
    reader->height = png_get_image_height(png, info);
    if ((uint64_t)reader->width * reader->height > max_pixels) png_error(png, "the image has too many pixels");
    if (!can_hold_image(reader)) png_error(png, "the file is too short for the image size that it declares");

    int color = png_get_color_type(png, info);
    reader->is_gray = !(color & PNG_COLOR_MASK_COLOR) || (color == PNG_COLOR_TYPE_PALETTE && has_palette_of_grays(png, info));
    reader->bits = png_get_bit_depth(png, info) == 16 ? 16 : 8;
    png_set_expand(png); // palettes, few bits and transparent colours to 8 bits and alpha
    if (reader->bits == 16) png_set_swap(png);
    int has_alpha = (color & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
    reader->channels = (color & PNG_COLOR_MASK_COLOR ? 3 : 1) + has_alpha;
    return reader;
}

uint32_t dd_png_width(const dd_png_reader *reader) { return reader->width; }
uint32_t dd_png_height(const dd_png_reader *reader) { return reader->height; }
int dd_png_channels(const dd_png_reader *reader) { return reader->channels; }
int dd_png_bits(const dd_png_reader *reader) { return reader->bits; }
int dd_png_is_gray(const dd_png_reader *reader) { return reader->is_gray; }

int dd_png_read_pixels(dd_png_reader *reader, void *samples, char message[DD_PNG_MESSAGE_SIZE]) {
    png_structp png = reader->png;
    if (setjmp(png_jmpbuf(png))) {
        copy_message(message, reader->message);
        return -1;
    }
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
    size_t row_bytes = (size_t)reader->width * (size_t)reader->channels * (size_t)reader->bits / 8;
    if (png_get_rowbytes(png, reader->info) != row_bytes) png_error(png, "unexpected row size");
    // Each pass of an interlaced image needs the rows as the last one left them.
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < reader->height; y++) png_read_row(png, (uint8_t *)samples + y * row_bytes, NULL);
    png_read_end(png, reader->info);
    return 0;
}

dd_png_metadata dd_png_get_metadata(dd_png_reader *reader) {
    dd_png_metadata result;
    memset(&result, 0, sizeof result);
    png_structp png = reader->png;
    png_infop info = reader->info;
    if (setjmp(png_jmpbuf(png))) return result;
    png_int_32 gamma = 0;
    result.has_srgb = png_get_sRGB(png, info, &result.srgb_intent) != 0;
    if (png_get_gAMA_fixed(png, info, &gamma)) {
        result.has_gamma = 1;
        result.gamma = gamma;
    }
    int32_t *c = result.chromaticities;
    result.has_chromaticities = png_get_cHRM_fixed(png, info, c, c + 1, c + 2, c + 3, c + 4, c + 5, c + 6, c + 7) != 0;
    png_uint_32 x = 0, y = 0;
    result.has_density = png_get_pHYs(png, info, &x, &y, &result.density_unit) != 0;
    result.density_x = x;
    result.density_y = y;
    png_charp name = NULL;
    png_bytep profile = NULL;
    png_uint_32 size = 0;
    int compression = 0;
    if (png_get_iCCP(png, info, &name, &compression, &profile, &size)) {
        result.icc_name = name;
        result.icc_profile = profile;
        result.icc_size = size;
    }
    png_bytep exif = NULL;
    if (png_get_eXIf_1(png, info, &size, &exif)) {
        result.exif = exif;
        result.exif_size = size;
    }
    return result;
}

void dd_png_close(dd_png_reader *reader) {
    if (!reader) return;
    if (reader->png) png_destroy_read_struct(&reader->png, &reader->info, NULL);
    free(reader);
}
