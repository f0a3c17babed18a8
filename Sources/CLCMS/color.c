#include <lcms2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CLCMS.h"

struct dd_color_transform {
    cmsContext context;
    cmsHTRANSFORM to_srgb, from_srgb;
    int channels;
    char message[DD_COLOR_MESSAGE_SIZE]; // errors may come as long as the context lives
};

static void on_error(cmsContext context, cmsUInt32Number code, const char *text) {
    (void)code;
    char *message = cmsGetContextUserData(context);
    if (message && !message[0]) snprintf(message, DD_COLOR_MESSAGE_SIZE, "%s", text);
}

static cmsContext make_context(char *message) {
    cmsContext context = cmsCreateContext(NULL, message);
    if (context) cmsSetLogErrorHandlerTHR(context, on_error);
    return context;
}

static cmsUInt32Number format(int channels) {
    int space = channels == 1 ? PT_GRAY : channels == 3 ? PT_RGB : PT_CMYK;
    return FLOAT_SH(1) | COLORSPACE_SH(space) | CHANNELS_SH(channels) | BYTES_SH(4);
}

static cmsHTRANSFORM make_transform(cmsContext context, cmsHPROFILE from, int from_channels, cmsHPROFILE to, int to_channels) {
    // Optimising makes tables of the whole way, which are off by more than a level of 8 bits in the dark.
    return cmsCreateTransformTHR(context, from, format(from_channels), to, format(to_channels), INTENT_RELATIVE_COLORIMETRIC,
                                 cmsFLAGS_NOCACHE | cmsFLAGS_NOOPTIMIZE | cmsFLAGS_BLACKPOINTCOMPENSATION);
}

/// Makes the transforms, where the profile is one of a device for colours of the kind.
static void connect(dd_color_transform *self, cmsHPROFILE profile, cmsHPROFILE srgb) {
    int kind = self->channels;
    cmsColorSpaceSignature wanted = kind == DD_COLOR_GRAY ? cmsSigGrayData : kind == DD_COLOR_RGB ? cmsSigRgbData : cmsSigCmykData;
    cmsProfileClassSignature class = cmsGetDeviceClass(profile);
    if (cmsGetColorSpace(profile) != wanted) {
        snprintf(self->message, sizeof self->message, "it is for colours of another kind");
    } else if (class != cmsSigInputClass && class != cmsSigDisplayClass && class != cmsSigOutputClass && class != cmsSigColorSpaceClass) {
        snprintf(self->message, sizeof self->message, "it is not the profile of a device or of a colour space");
    } else {
        self->to_srgb = make_transform(self->context, profile, kind, srgb, 3);
        if (self->to_srgb && kind != DD_COLOR_CMYK) self->from_srgb = make_transform(self->context, srgb, 3, profile, kind);
    }
}

dd_color_transform *dd_color_open(const uint8_t *bytes, size_t size, int kind, char message[DD_COLOR_MESSAGE_SIZE]) {
    snprintf(message, DD_COLOR_MESSAGE_SIZE, "there is not enough memory");
    dd_color_transform *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->channels = kind;
    self->context = make_context(self->message);
    cmsHPROFILE srgb = self->context ? cmsCreate_sRGBProfileTHR(self->context) : NULL;
    cmsHPROFILE profile = srgb && size <= UINT32_MAX ? cmsOpenProfileFromMemTHR(self->context, bytes, (cmsUInt32Number)size) : NULL;
    if (profile) connect(self, profile, srgb);
    if (profile) cmsCloseProfile(profile);
    if (srgb) cmsCloseProfile(srgb);
    if (self->to_srgb) return self;
    snprintf(message, DD_COLOR_MESSAGE_SIZE, "%s", self->message[0] ? self->message : "it cannot be understood");
    dd_color_close(self);
    return NULL;
}

int dd_color_has_inverse(const dd_color_transform *self) { return self->from_srgb != NULL; }

void dd_color_to_srgb(const dd_color_transform *self, const float *from, float *to, size_t count) {
    if (self->channels != DD_COLOR_CMYK) {
        cmsDoTransform(self->to_srgb, from, to, (cmsUInt32Number)count);
        return;
    }
    // Little CMS has floating-point ink in percent.
    float inks[4 * 256];
    for (size_t start = 0; start < count; start += 256) {
        size_t part = count - start < 256 ? count - start : 256;
        for (size_t i = 0; i < 4 * part; i++) inks[i] = from[4 * start + i] * 100;
        cmsDoTransform(self->to_srgb, inks, to + 3 * start, (cmsUInt32Number)part);
    }
}

void dd_color_from_srgb(const dd_color_transform *self, const float *from, float *to, size_t count) {
    cmsDoTransform(self->from_srgb, from, to, (cmsUInt32Number)count);
}

void dd_color_close(dd_color_transform *self) {
    if (!self) return;
    if (self->to_srgb) cmsDeleteTransform(self->to_srgb);
    if (self->from_srgb) cmsDeleteTransform(self->from_srgb);
    if (self->context) cmsDeleteContext(self->context);
    free(self);
}

void dd_color_describe(const uint8_t *bytes, size_t size, char text[DD_COLOR_MESSAGE_SIZE]) {
    text[0] = 0;
    cmsContext context = make_context(NULL);
    cmsHPROFILE profile = context && size <= UINT32_MAX ? cmsOpenProfileFromMemTHR(context, bytes, (cmsUInt32Number)size) : NULL;
    if (profile) {
        cmsGetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", text, DD_COLOR_MESSAGE_SIZE);
        text[DD_COLOR_MESSAGE_SIZE - 1] = 0;
        cmsCloseProfile(profile);
    }
    if (context) cmsDeleteContext(context);
}

size_t dd_color_make_profile(const double primaries[6], double gamma, const char *name, uint8_t *bytes, size_t capacity) {
    cmsContext context = make_context(NULL);
    if (!context) return 0;
    cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsCIExyYTRIPLE colors = {{primaries[0], primaries[1], 1}, {primaries[2], primaries[3], 1}, {primaries[4], primaries[5], 1}};
    const double srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    cmsToneCurve *curve = gamma > 0 ? cmsBuildGamma(context, gamma) : cmsBuildParametricToneCurve(context, 4, srgb);
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = curve ? cmsCreateRGBProfileTHR(context, &white, &colors, curves) : NULL;
    cmsUInt32Number size = 0;
    if (profile) {
        cmsMLU *text = cmsMLUalloc(context, 1);
        if (text && cmsMLUsetASCII(text, "en", "US", name)) cmsWriteTag(profile, cmsSigProfileDescriptionTag, text);
        cmsMLUfree(text);
        if (!cmsSaveProfileToMem(profile, NULL, &size) || size > capacity || !cmsSaveProfileToMem(profile, bytes, &size)) size = 0;
        if (size >= 128) memset(bytes + 24, 0, 12); // the time at which it was made
        cmsCloseProfile(profile);
    }
    if (curve) cmsFreeToneCurve(curve);
    cmsDeleteContext(context);
    return size;
}
