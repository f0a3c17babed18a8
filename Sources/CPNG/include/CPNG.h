// PNG files in memory to pixels and back, by libpng.
//
// libpng reports errors with longjmp, which must not cross Swift frames: every call here sets its own landing point and
// returns a status instead.
#ifndef DD_CPNG_H
#define DD_CPNG_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DD_PNG_MESSAGE_SIZE 256

/// What a PNG file says about how its samples are to be seen. Absent parts have their `has_` at 0.
typedef struct dd_png_metadata {
    int has_srgb;
    int srgb_intent; // 0 ... 3
    int has_gamma;
    int32_t gamma; // times 100000
    int has_chromaticities;
    int32_t chromaticities[8]; // white, red, green, blue; x and y; times 100000
    int has_density;
    uint32_t density_x, density_y; // pixels per unit
    int density_unit;              // 0 unknown, 1 metre
    const char *icc_name;          // NULL if there is no profile; owned by the reader, or borrowed by the writer for the call
    const uint8_t *icc_profile;
    uint32_t icc_size;
    const uint8_t *exif; // NULL if there is none; owned by the reader. The writer takes it as one of the chunks
    uint32_t exif_size;
    const uint8_t *chunks; // further whole chunks, one behind the other, which the writer puts in front of the image; never set by the reader
    size_t chunks_size;
} dd_png_metadata;

typedef struct dd_png_reader dd_png_reader;

/// Starts reading; `bytes` must stay valid and unchanged until dd_png_close. Reads up to the first image data.
/// On failure returns NULL with a message. Widths and heights above `max_dimension`, ancillary chunks of unreasonable size and
/// images that the file is too short to hold are refused before anything of their size is allocated.
dd_png_reader *dd_png_open(const uint8_t *bytes, size_t size, uint32_t max_dimension, uint64_t max_pixels, char message[DD_PNG_MESSAGE_SIZE]);
uint32_t dd_png_width(const dd_png_reader *reader);
uint32_t dd_png_height(const dd_png_reader *reader);
/// 1 (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGBA); a palette is RGB, and a transparent colour is alpha.
int dd_png_channels(const dd_png_reader *reader);
/// 8, or 16 where the file has 16 bits a sample.
int dd_png_bits(const dd_png_reader *reader);
/// Whether the file stores grey levels, or a palette of greys without a colour profile (which would be one for colours).
int dd_png_is_gray(const dd_png_reader *reader);

/// Reads all pixels into `samples` (height x width x channels of uint8_t or uint16_t), row by row, and what follows them to the end of the file.
/// Returns 0, or -1 with a message. Call once.
int dd_png_read_pixels(dd_png_reader *reader, void *samples, char message[DD_PNG_MESSAGE_SIZE]);

/// Valid until dd_png_close; complete after dd_png_read_pixels.
dd_png_metadata dd_png_get_metadata(dd_png_reader *reader);
void dd_png_close(dd_png_reader *reader);

/// Receives the next bytes of a file being written; returns 0, or anything else to stop.
typedef int (*dd_png_sink)(void *context, const uint8_t *bytes, size_t size);

/// Writes an image: `samples` are height x width x channels (1 to 4, as dd_png_channels has them) of uint8_t or, with 16 `bits`, of uint16_t.
/// Returns 0, or -1 with a message. The same arguments make the same bytes.
int dd_png_write(uint32_t width, uint32_t height, int channels, int bits, const void *samples, const dd_png_metadata *metadata, dd_png_sink sink, void *context,
                 char message[DD_PNG_MESSAGE_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
