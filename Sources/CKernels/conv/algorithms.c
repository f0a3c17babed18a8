// The algorithms, and what can be said of one from its table.
#include <stddef.h>

#include "plan.h"

static int is_3x3(const dd_conv_args *a, int64_t stride) { return a->kh == 3 && a->kw == 3 && a->stride == stride; }
static int can_3x3(const dd_conv_args *a) { return is_3x3(a, 1) && !a->upsamples; }

/// In groups of units, [group][products][8].
static void lay_out_tiles(dd_conv_plan *p) { p->slots = p->block_groups * DD_CONV_GROUP * p->products; }

#include "algorithms/list.h"

#define POINTER(name) &name,
static const dd_conv_algorithm *const list[] = {DD_CONV_ALGORITHMS(POINTER)};

enum { COUNT = sizeof list / sizeof list[0] };

int dd_conv_algorithm_count(void) { return COUNT; }
const dd_conv_algorithm *dd_conv_algorithm_at(int index) { return list[index]; }
const char *dd_conv_algorithm_name(const dd_conv_algorithm *algorithm) { return algorithm->name; }
double dd_conv_error(const dd_conv_algorithm *algorithm, dd_precision precision) { return algorithm->error[precision]; }

int dd_conv_algorithm_index(const dd_conv_algorithm *algorithm) {
    int index = 0;
    while (list[index] != algorithm) index++;
    return index;
}

static int64_t out_extent(int64_t extent, int64_t before, int64_t after, int64_t kernel, int64_t stride) {
    const int64_t room = extent + before + after - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

static int64_t upsampled(const dd_conv_args *a, int64_t extent) { return a->upsamples ? 2 * extent : extent; }

int64_t dd_conv_out_height(const dd_conv_args *a) { return out_extent(upsampled(a, a->height), a->pad_top, a->pad_bottom, a->kh, a->stride); }

int64_t dd_conv_out_width(const dd_conv_args *a) { return out_extent(upsampled(a, a->width), a->pad_left, a->pad_right, a->kw, a->stride); }

int dd_conv_check(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *a) {
    if (a->batch < 1 || a->height < 1 || a->width < 1 || a->cin0 < 1 || a->cin1 < 0 || a->cout < 1 || a->kh < 1 || a->kw < 1 || a->stride < 1 ||
        a->pad_top < 0 || a->pad_left < 0 || a->pad_bottom < 0 || a->pad_right < 0)
        return DD_CONV_UNSUPPORTED;
    if (algorithm->error[precision] == 0 || !algorithm->can(a)) return DD_CONV_UNSUPPORTED;
    if (dd_conv_out_height(a) < 1 || dd_conv_out_width(a) < 1) return DD_CONV_UNSUPPORTED;
    if (a->row_end == 0) return a->row_begin == 0 ? DD_CONV_OK : DD_CONV_UNSUPPORTED;
    if (a->batch > 1 || a->row_begin < 0 || a->row_begin >= a->row_end || a->row_end > dd_conv_out_height(a)) return DD_CONV_UNSUPPORTED;
    return a->row_begin % algorithm->tile == 0 && (a->row_end % algorithm->tile == 0 || a->row_end == dd_conv_out_height(a)) ? DD_CONV_OK : DD_CONV_UNSUPPORTED;
}

dd_precision dd_conv_precision(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *a) {
    if (a->cin0 + a->cin1 < algorithm->float32_below_channels) return DD_PRECISION_FLOAT32;
    // What is not worth bfloat16 is computed in the more exact of the two.
    return precision == DD_PRECISION_BFLOAT16 && algorithm->error[precision] == 0 ? DD_PRECISION_INT16 : precision;
}

int dd_conv_suits(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *a) {
    return a->cin0 + a->cin1 >= algorithm->least_channels && dd_conv_check(algorithm, dd_conv_precision(algorithm, precision, a), a) == DD_CONV_OK;
}

const dd_conv_algorithm *dd_conv_choose(dd_precision precision, const dd_conv_args *a, int lean) {
    const int64_t pixels = a->batch * dd_conv_out_height(a) * dd_conv_out_width(a);
    for (int i = 0; i < COUNT; i++) {
        const int64_t most = list[i]->most_channels[dd_conv_precision(list[i], precision, a)];
        if (dd_conv_suits(list[i], precision, a) && pixels >= list[i]->from_pixels[precision] && (most == 0 || a->cin0 + a->cin1 <= most) &&
            !(lean && dd_conv_packed_products(list[i], a) > a->kh * a->kw))
            return list[i];
    }
    return NULL;
}
