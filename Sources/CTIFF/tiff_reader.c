#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "tiff_memory.h"

struct dd_tiff_reader {
    tiff_memory memory;
    TIFF *tiff;
    dd_tiff_info info;
    uint32_t block_width, block_height; // of a tile; of a strip, as wide as the picture
    uint16_t stored_bits, samples_per_pixel, photometric;
    int alpha_index; // among the samples of a pixel, or -1
    int is_tiled, is_planar;
    int converts; // libtiff makes 8-bit RGBA of it
    uint16_t *palette[3];
    int palette_is_narrow; // some programs write 8 bits into its 16
    size_t block_bytes;
};

static int refuse(char *message, const char *text) {
    snprintf(message, DD_TIFF_MESSAGE_SIZE, "%s", text);
    return -1;
}

static int is_supported_layout(dd_tiff_reader *r, char *message) {
    TIFF *tiff = r->tiff;
    uint16_t format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG, extra_count = 0, compression = COMPRESSION_NONE, *extra = NULL;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &r->stored_bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &r->samples_per_pixel);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &r->photometric)) r->photometric = r->samples_per_pixel >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    if (!TIFFIsCODECConfigured(compression) || compression == COMPRESSION_OJPEG) {
        snprintf(message, DD_TIFF_MESSAGE_SIZE, "its compression (number %d) is not supported", compression);
        return 0;
    }
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) return refuse(message, "its samples are not whole numbers from 0") + 1;
    r->is_planar = planar == PLANARCONFIG_SEPARATE && r->samples_per_pixel > 1;
    if (r->samples_per_pixel < 1 || r->samples_per_pixel > 8) return refuse(message, "it has a number of channels that is not supported") + 1;
    int bits = r->stored_bits;
    if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16) {
        snprintf(message, DD_TIFF_MESSAGE_SIZE, "%d bits a sample are not supported", bits);
        return 0;
    }
    r->info.bits = bits == 16 ? 16 : 8;

    int colors = 0;
    switch (r->photometric) {
        case PHOTOMETRIC_MINISWHITE:
        case PHOTOMETRIC_MINISBLACK: colors = 1, r->info.color = DD_TIFF_GRAY; break;
        case PHOTOMETRIC_PALETTE:
            if (bits > 8 || r->samples_per_pixel != 1 || !TIFFGetField(tiff, TIFFTAG_COLORMAP, &r->palette[0], &r->palette[1], &r->palette[2]))
                return refuse(message, "its palette is missing or not supported") + 1;
            colors = 1, r->info.color = DD_TIFF_RGB;
            r->palette_is_narrow = 1;
            for (int c = 0; c < 3; c++)
                for (int i = 0; i < 1 << bits; i++) r->palette_is_narrow &= r->palette[c][i] < 256;
            break;
        case PHOTOMETRIC_RGB: colors = 3, r->info.color = DD_TIFF_RGB; break;
        case PHOTOMETRIC_SEPARATED: {
            uint16_t inks = INKSET_CMYK;
            TIFFGetFieldDefaulted(tiff, TIFFTAG_INKSET, &inks);
            if (inks != INKSET_CMYK) return refuse(message, "its inks are not cyan, magenta, yellow and black") + 1;
            colors = 4, r->info.color = DD_TIFF_CMYK;
            break;
        }
        case PHOTOMETRIC_YCBCR:
            if (compression == COMPRESSION_JPEG && !r->is_planar) {
                TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
                colors = 3, r->info.color = DD_TIFF_RGB;
                break;
            }
            // fall through
        case PHOTOMETRIC_CIELAB:
        case PHOTOMETRIC_LOGL:
        case PHOTOMETRIC_LOGLUV: {
            char why[1024] = "";
            if (!TIFFRGBAImageOK(tiff, why)) return refuse(message, why) + 1;
            r->converts = 1;
            r->info.bits = 8;
            r->info.color = DD_TIFF_RGB;
            r->info.alpha = DD_TIFF_OPAQUE;
            return 1;
        }
        case 32803: return refuse(message, "it is a camera raw file") + 1;
        default: snprintf(message, DD_TIFF_MESSAGE_SIZE, "its kind of colours (number %d) is not supported", r->photometric); return 0;
    }
    if (bits < 8 && (colors != 1 || r->samples_per_pixel != 1)) return refuse(message, "so few bits a sample are not supported in colour") + 1;
    if (r->samples_per_pixel < colors) return refuse(message, "it has fewer channels than its colours need") + 1;
    r->alpha_index = -1;
    for (int i = 0; i < r->samples_per_pixel - colors; i++) {
        int kind = i < extra_count && extra ? extra[i] : EXTRASAMPLE_UNSPECIFIED;
        // Programs that forget to say what a single further channel is mean opacity.
        int is_alpha = kind != EXTRASAMPLE_UNSPECIFIED || (r->samples_per_pixel == colors + 1 && colors != 4);
        if (!is_alpha) continue;
        r->alpha_index = colors + i;
        r->info.alpha = kind == EXTRASAMPLE_ASSOCALPHA ? DD_TIFF_PREMULTIPLIED : DD_TIFF_ALPHA;
        break;
    }
    return 1;
}

static int find_blocks(dd_tiff_reader *r, uint64_t max_pixels, char *message) {
    uint64_t pixels = (uint64_t)r->info.width * r->info.height;
    r->is_tiled = TIFFIsTiled(r->tiff);
    if (r->is_tiled) {
        if (!TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &r->block_width) || !TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &r->block_height)) r->block_width = 0;
        uint64_t area = (uint64_t)r->block_width * r->block_height;
        if (area == 0 || area > max_pixels || (area > 1 << 24 && area / 4 > pixels)) return refuse(message, "its tiles have an impossible size");
    } else {
        r->block_width = r->info.width;
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &r->block_height);
        if (r->block_height == 0) return refuse(message, "its strips have an impossible size");
        if (r->block_height > r->info.height) r->block_height = r->info.height;
    }
    tmsize_t size = r->is_tiled ? TIFFTileSize(r->tiff) : TIFFStripSize(r->tiff);
    if (size <= 0) return refuse(message, "its strips or tiles have an impossible size");
    // What they must hold at least, so that no row leads out of them.
    uint64_t row_bits = (uint64_t)r->block_width * (r->is_planar ? 1 : r->samples_per_pixel) * r->stored_bits;
    if (!r->converts && (row_bits + 7) / 8 * r->block_height > (uint64_t)size) return refuse(message, "its strips or tiles have an impossible size");
    r->block_bytes = (size_t)size;
    return 0;
}

dd_tiff_reader *dd_tiff_open(const uint8_t *bytes, size_t size, uint64_t max_pixels, dd_tiff_info *info, char message[DD_TIFF_MESSAGE_SIZE]) {
    message[0] = 0;
    dd_tiff_reader *r = calloc(1, sizeof *r);
    if (!r) {
        refuse(message, "out of memory");
        return NULL;
    }
    r->memory = (tiff_memory){.bytes = (uint8_t *)bytes, .size = size, .is_fixed = 1};
    r->alpha_index = -1;
    uint64_t largest = max_pixels * 8 + (64 << 20);
    r->tiff = tiff_memory_open(&r->memory, "r", largest);
    int failed = !r->tiff;
    if (!failed) {
        uint32_t subfile = 0;
        if (!TIFFGetField(r->tiff, TIFFTAG_IMAGEWIDTH, &r->info.width) || !TIFFGetField(r->tiff, TIFFTAG_IMAGELENGTH, &r->info.height) || r->info.width == 0 ||
            r->info.height == 0)
            failed = refuse(message, "it does not say how large it is");
        else if ((uint64_t)r->info.width * r->info.height > max_pixels)
            failed = refuse(message, "the image has too many pixels");
        else if (!is_supported_layout(r, message) || find_blocks(r, max_pixels, message) != 0)
            failed = 1;
        else {
            TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SUBFILETYPE, &subfile);
            r->info.is_reduced = (subfile & FILETYPE_REDUCEDIMAGE) != 0;
            r->info.has_more = !TIFFLastDirectory(r->tiff);
        }
    }
    if (failed) {
        if (!message[0]) refuse(message, r->memory.message[0] ? r->memory.message : "it cannot be understood");
        dd_tiff_close(r);
        return NULL;
    }
    *info = r->info;
    return r;
}

size_t dd_tiff_working_bytes(const dd_tiff_reader *r) {
    return r->converts ? (size_t)r->info.width * r->info.height * 4 + 2 * r->block_bytes : 2 * r->block_bytes;
}

static int read_converted(dd_tiff_reader *r, uint8_t *rgb) {
    uint16_t orientation = ORIENTATION_TOPLEFT;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ORIENTATION, &orientation);
    size_t count = (size_t)r->info.width * r->info.height;
    uint32_t *raster = malloc(count * 4);
    if (!raster) return refuse(r->memory.message, "there is not enough memory");
    // Asked for as it is stored: turning is done for all formats in one place.
    int ok = TIFFReadRGBAImageOriented(r->tiff, r->info.width, r->info.height, raster, orientation, 1);
    for (size_t i = 0; ok && i < count; i++) {
        rgb[3 * i] = (uint8_t)TIFFGetR(raster[i]);
        rgb[3 * i + 1] = (uint8_t)TIFFGetG(raster[i]);
        rgb[3 * i + 2] = (uint8_t)TIFFGetB(raster[i]);
    }
    free(raster);
    return ok ? 0 : -1;
}

/// Takes apart one row of a strip or tile: `count` pixels from `from` to `to`, of which channel `plane` alone where planes are stored one by one.
static void unpack_row(const dd_tiff_reader *r, const uint8_t *from, void *to, uint32_t count, int plane) {
    int channels = r->info.color + (r->info.alpha != DD_TIFF_OPAQUE), stored = r->is_planar ? 1 : r->samples_per_pixel;
    int is_palette = r->photometric == PHOTOMETRIC_PALETTE, is_inverted = r->photometric == PHOTOMETRIC_MINISWHITE;
    int bits = r->stored_bits;
    for (uint32_t x = 0; x < count; x++) {
        if (bits < 8 || is_palette) {
            unsigned value = bits == 8 ? from[x] : from[(size_t)x * bits / 8] >> (8 - bits - x * bits % 8) & ((1u << bits) - 1);
            uint8_t *pixel = (uint8_t *)to + (size_t)x * channels;
            if (is_palette)
                for (int c = 0; c < 3; c++) pixel[c] = (uint8_t)(r->palette_is_narrow ? r->palette[c][value] : (r->palette[c][value] * 255u + 32895u) >> 16);
            else
                pixel[0] = (uint8_t)((is_inverted ? ((1u << bits) - 1) - value : value) * (255 / ((1u << bits) - 1)));
            continue;
        }
        for (int c = 0; c < channels; c++) {
            int index = c < r->info.color ? c : r->alpha_index;
            if (r->is_planar && index != plane) continue;
            size_t at = (size_t)x * stored + (r->is_planar ? 0 : index), target = (size_t)x * channels + c;
            if (bits == 16) {
                uint16_t value = ((const uint16_t *)from)[at];
                ((uint16_t *)to)[target] = is_inverted && c == 0 ? 65535 - value : value;
            } else {
                ((uint8_t *)to)[target] = is_inverted && c == 0 ? 255 - from[at] : from[at];
            }
        }
    }
}

int dd_tiff_read_pixels(dd_tiff_reader *r, void *samples, char message[DD_TIFF_MESSAGE_SIZE]) {
    int failed = 0;
    if (r->converts) {
        failed = read_converted(r, samples);
    } else {
        uint8_t *block = malloc(r->block_bytes);
        if (!block) return refuse(message, "there is not enough memory");
        int planes = r->is_planar ? r->samples_per_pixel : 1, channels = r->info.color + (r->info.alpha != DD_TIFF_OPAQUE);
        uint32_t width = r->info.width, height = r->info.height;
        size_t pixel_bytes = (size_t)channels * r->info.bits / 8;
        size_t stored_row = ((size_t)r->block_width * (r->is_planar ? 1 : r->samples_per_pixel) * r->stored_bits + 7) / 8;
        for (int plane = 0; !failed && plane < planes; plane++)
            for (uint64_t y = 0; !failed && y < height; y += r->block_height)
                for (uint64_t x = 0; !failed && x < width; x += r->block_width) {
                    uint32_t rows = height - y < r->block_height ? (uint32_t)(height - y) : r->block_height;
                    uint32_t columns = width - x < r->block_width ? (uint32_t)(width - x) : r->block_width;
                    tmsize_t needed = (tmsize_t)(stored_row * rows);
                    tmsize_t got =
                        r->is_tiled ? TIFFReadEncodedTile(r->tiff, TIFFComputeTile(r->tiff, (uint32_t)x, (uint32_t)y, 0, (uint16_t)plane), block,
                                                          (tmsize_t)r->block_bytes)
                                    : TIFFReadEncodedStrip(r->tiff, TIFFComputeStrip(r->tiff, (uint32_t)y, (uint16_t)plane), block, (tmsize_t)r->block_bytes);
                    if (got < needed) {
                        failed = -1;
                        break;
                    }
                    for (uint32_t row = 0; row < rows; row++)
                        unpack_row(r, block + row * stored_row, (uint8_t *)samples + ((y + row) * width + x) * pixel_bytes, columns, plane);
                }
        free(block);
    }
    if (failed) refuse(message, r->memory.message[0] ? r->memory.message : "the pixels cannot be read");
    return failed ? -1 : 0;
}

void dd_tiff_close(dd_tiff_reader *r) {
    if (!r) return;
    if (r->tiff) TIFFClose(r->tiff);
    free(r);
}
