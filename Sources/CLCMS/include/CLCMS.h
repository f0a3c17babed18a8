// Colours from one profile to sRGB and back, by Little CMS.
//
// Its formats are macros that Swift cannot read, and its errors go to a function; here they are numbers and messages. All samples are float32 in 0...1, and are
// not limited to that where profiles are made of matrices and curves: what sRGB lacks lies outside.
#ifndef DD_CLCMS_H
#define DD_CLCMS_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DD_COLOR_MESSAGE_SIZE 256

/// The kind of colours that a profile is for: its value is their number of channels.
enum { DD_COLOR_GRAY = 1, DD_COLOR_RGB = 3, DD_COLOR_CMYK = 4 };

typedef struct dd_color_transform dd_color_transform;

/// Opens an ICC profile for both ways: to sRGB, and from it. On failure returns NULL with a message: the profile is damaged, or is for colours of another kind
/// than `kind`. Ink of CMYK is in 0...1.
dd_color_transform *dd_color_open(const uint8_t *profile, size_t size, int kind, char message[DD_COLOR_MESSAGE_SIZE]);

/// Whether there is a way back: profiles of scanners and CMYK may have none.
int dd_color_has_inverse(const dd_color_transform *transform);

/// `count` pixels of the profile's channels to three of sRGB.
void dd_color_to_srgb(const dd_color_transform *transform, const float *from, float *to, size_t count);

/// `count` pixels of sRGB to the profile's channels. Only where there is a way back.
void dd_color_from_srgb(const dd_color_transform *transform, const float *from, float *to, size_t count);

void dd_color_close(dd_color_transform *transform);

/// The profile's name in English, cut to the size of `text`.
void dd_color_describe(const uint8_t *profile, size_t size, char text[DD_COLOR_MESSAGE_SIZE]);

/// Makes a profile of the white point D65 from the primaries' x and y (red, green, blue), with sRGB's curve (`gamma` 0) or a plain one. Writes at most `capacity` bytes and
/// returns their number, 0 on failure. The same numbers make the same bytes.
size_t dd_color_make_profile(const double primaries[6], double gamma, const char *name, uint8_t *profile, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
