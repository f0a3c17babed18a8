// The reference: the equation of dd_conv.h as plain loops in float64.
#include <math.h>

#include "dd_conv.h"

static double silu(double x) { return x / (1 + exp(-x)); }

/// Channel c of the normalised source at pixel `pixel` of all images.
static double source(const dd_conv_args *a, int64_t image, int64_t pixel, int64_t c) {
    const int64_t cin = a->cin0 + a->cin1;
    double v;
    if (c < a->cin0) {
        v = a->x0[pixel * a->cin0 + c];
        if (a->x0_add) v += a->x0_add[pixel * a->cin0 + c];
    } else {
        v = a->x1[pixel * a->cin1 + c - a->cin0];
        if (a->x1_add) v += a->x1_add[pixel * a->cin1 + c - a->cin0];
    }
    if (a->scale) v = v * a->scale[image * cin + c] + a->shift[image * cin + c];
    return a->silu ? silu(v) : v;
}

static double convolve(const dd_conv_args *a, const float *w, int64_t image, int64_t oy, int64_t ox, int64_t co) {
    const int64_t cin = a->cin0 + a->cin1;
    const int64_t up = a->upsamples ? 2 : 1, height = up * a->height, width = up * a->width;
    double sum = 0;
    for (int64_t ky = 0; ky < a->kh; ky++) {
        const int64_t iy = oy * a->stride + ky - a->pad_top;
        if (iy < 0 || iy >= height) continue;
        for (int64_t kx = 0; kx < a->kw; kx++) {
            const int64_t ix = ox * a->stride + kx - a->pad_left;
            if (ix < 0 || ix >= width) continue;
            const int64_t pixel = (image * a->height + iy / up) * a->width + ix / up;
            for (int64_t c = 0; c < cin; c++) sum += source(a, image, pixel, c) * w[((co * cin + c) * a->kh + ky) * a->kw + kx];
        }
    }
    return sum;
}

void dd_conv_reference(const dd_conv_args *a, const float *w) {
    const int64_t oh = dd_conv_out_height(a), ow = dd_conv_out_width(a);
    for (int64_t image = 0; image < a->batch; image++) {
        for (int64_t co = 0; co < a->cout; co++) {
            double mean = 0, squares = 0; // so far
            for (int64_t o = 0; o < oh * ow; o++) {
                const int64_t pixel = image * oh * ow + o;
                double v = convolve(a, w, image, o / ow, o % ow, co);
                if (a->bias) v += a->bias[co];
                if (a->channel_add) v += a->channel_add[(a->channel_add_per_image ? image : 0) * a->cout + co];
                if (a->activation == DD_ACTIVATION_SILU) v = silu(v);
                if (a->residual) v += a->residual[pixel * a->cout + co];
                a->y[pixel * a->cout + co] = (float)v;
                const double delta = v - mean;
                mean += delta / (double)(o + 1);
                squares += delta * (v - mean);
            }
            if (a->takes_moments) {
                a->moments[(image * a->cout + co) * 2] = (float)mean;
                a->moments[(image * a->cout + co) * 2 + 1] = (float)(squares / (double)(oh * ow));
            }
        }
    }
}
