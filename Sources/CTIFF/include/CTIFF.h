// The pixels of TIFF files in memory, and back, by libtiff.
//
// libtiff has variadic functions and global error handlers, which Swift cannot call or should not set. Its metadata are not touched here: they are a
// structure of offsets that is read and made in Swift.
#ifndef DD_CTIFF_H
#define DD_CTIFF_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DD_TIFF_MESSAGE_SIZE 256

typedef struct dd_tiff_reader dd_tiff_reader;

enum { DD_TIFF_GRAY = 1, DD_TIFF_RGB = 3, DD_TIFF_CMYK = 4 };
enum { DD_TIFF_OPAQUE, DD_TIFF_ALPHA, DD_TIFF_PREMULTIPLIED };

typedef struct dd_tiff_info {
    uint32_t width, height; // as stored, before the orientation
    int color;              // DD_TIFF_GRAY, ...: its value is the number of colour channels
    int alpha;              // DD_TIFF_OPAQUE, ...
    int bits;               // 8 or 16, of the samples that are put out
    int is_reduced;         // the first picture is a reduced copy of another, as in camera raw files
    int has_more;           // there are further pictures behind it
} dd_tiff_info;

/// Starts reading the first picture; `bytes` must stay valid and unchanged until dd_tiff_close. On failure returns NULL with a message. Pictures of more than
/// `max_pixels`, and strips and tiles that are out of proportion to the picture, are refused before anything of their size is allocated.
dd_tiff_reader *dd_tiff_open(const uint8_t *bytes, size_t size, uint64_t max_pixels, dd_tiff_info *info, char message[DD_TIFF_MESSAGE_SIZE]);

/// Bytes that reading takes beside the samples.
size_t dd_tiff_working_bytes(const dd_tiff_reader *reader);

/// Reads all pixels into `samples`: height x width x (colour channels, and 1 where there is alpha) of uint8_t or uint16_t. Returns 0, or -1 with a message. Call
/// once. CMYK is the amount of ink.
int dd_tiff_read_pixels(dd_tiff_reader *reader, void *samples, char message[DD_TIFF_MESSAGE_SIZE]);
void dd_tiff_close(dd_tiff_reader *reader);

/// Makes a little-endian TIFF file, compressed without loss: `samples` are height x width x channels (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA) of uint8_t or, with
/// 16 `bits`, of uint16_t. Returns its bytes, which dd_tiff_free takes, or NULL with a message. The same arguments make the same bytes.
uint8_t *dd_tiff_write(uint32_t width, uint32_t height, int channels, int bits, const void *samples, size_t *size, char message[DD_TIFF_MESSAGE_SIZE]);
void dd_tiff_free(uint8_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
