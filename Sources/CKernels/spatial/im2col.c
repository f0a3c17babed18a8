// Unfolding for convolutions.
#include "dd_spatial.h"

#include <string.h>

#include "../elementwise/one_pass.h"
#include "../math/integers.h"

enum { SHORT = 12 }; // a row that is not worth three calls

// y[j] = row[start + j * stride] for j in 0 ..< n, zero where that is outside 0 ..< w. A NULL row is all zeros.
static void take_row(void (*halve)(float *, const float *, int64_t), float *y, const float *row, int64_t w, int64_t start, int64_t stride, int64_t n) {
    if (n <= SHORT && row) {
        for (int64_t j = 0; j < n; j++, start += stride) y[j] = start >= 0 && start < w ? row[start] : 0.0f;
        return;
    }
    int64_t first = start < 0 ? dd_min(n, dd_ceil_div(-start, stride)) : 0;
    int64_t last = start >= w ? first : dd_max(first, dd_min(n, (w - 1 - start) / stride + 1));
    if (!row) first = last = n;
    if (first > 0) memset(y, 0, (size_t)first * sizeof(float));
    if (last > first) {
        const float *from = row + start + first * stride;
        if (stride == 1)
            memcpy(y + first, from, (size_t)(last - first) * sizeof(float));
        else if (stride == 2)
            halve(y + first, from, last - first);
        else
            for (int64_t j = 0; j < last - first; j++) y[first + j] = from[j * stride];
    }
    if (n > last) memset(y + last, 0, (size_t)(n - last) * sizeof(float));
}

void dd_im2col_nchw_f32(float *columns, const float *x, int64_t cin, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t stride_h, int64_t stride_w,
                        int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t out_w, int64_t first_pixel, int64_t pixel_count,
                        int64_t ld) {
    void (*halve)(float *, const float *, int64_t) = dd_one_pass_current()->halve_run;
    float *y = columns;
    for (int64_t ci = 0; ci < cin; ci++) {
        const float *plane = x + ci * h * w;
        for (int64_t ky = 0; ky < kh; ky++) {
            for (int64_t kx = 0; kx < kw; kx++, y += ld) {
                int64_t oy = first_pixel / out_w, ox = first_pixel % out_w;
                for (int64_t done = 0; done < pixel_count; oy++, ox = 0) {
                    int64_t n = dd_min(out_w - ox, pixel_count - done);
                    int64_t iy = oy * stride_h - pad_top + ky * dilation_h;
                    const float *row = iy >= 0 && iy < h ? plane + iy * w : NULL;
                    take_row(halve, y + done, row, w, ox * stride_w - pad_left + kx * dilation_w, stride_w, n);
                    done += n;
                }
            }
        }
    }
}

typedef struct unfold_context {
    float *y;
    const float *x;
    int64_t h, w, kh, kw, pad_h, pad_w;
} unfold_context;

static void unfold_task(void *raw, int64_t index, int worker) {
    (void)worker;
    const unfold_context *c = raw;
    int64_t pixels = c->h * c->w, taps = c->kh * c->kw, tap = index % taps;
    const float *x = c->x + index / taps * pixels;
    float *y = c->y + index * pixels;
    for (int64_t i = 0; i < c->h; i++) {
        int64_t from = i + tap / c->kw - c->pad_h;
        const float *row = from >= 0 && from < c->h ? x + from * c->w : NULL;
        take_row(NULL, y + i * c->w, row, c->w, tap % c->kw - c->pad_w, 1, c->w);
    }
}

void dd_unfold_nchw_f32(dd_pool *pool, float *y, const float *x, int64_t n, int64_t c, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t pad_h,
                        int64_t pad_w) {
    if (h <= 0 || w <= 0) return;
    unfold_context context = {y, x, h, w, kh, kw, pad_h, pad_w};
    dd_parallel_for(pool, n * c * kh * kw, unfold_task, &context);
}
