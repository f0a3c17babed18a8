// What the planner, the packer, the algorithms and the kernels of each instruction set agree on.
//
// Every algorithm is the same two steps on blocks of *units* (a unit is an output pixel, a tile of 6 x 6, 4 x 4 or 2 x 2 of them, or a source
// pixel): gather the block's inputs into `v`, then multiply by weight panels of 32 output channels. A product of the multiplication reads the
// words at v + unit_offset + product_offset. A word is one float or a pair of numbers of 16 bits; all offsets and lengths along input channels count words,
// and a row of weights is 32 words in all precisions.
#ifndef DD_CONV_PLAN_H
#define DD_CONV_PLAN_H
#include "../gemm/gemm_kernels.h"
#include "dd_conv.h"

enum {
    DD_CONV_GROUP = 8,     // units multiplied together
    DD_CONV_PANEL = 32,    // output channels of a weight panel
    DD_CONV_PRODUCTS = 64, // most products a unit has, but for the direct algorithm
};

typedef struct dd_conv_unit {
    int64_t offset;     // of its inputs in v, in words
    int64_t out_pixel;  // of its first output pixel in y
    int32_t image;      // within the block
    int32_t rows, cols; // output pixels inside the image
} dd_conv_unit;

typedef struct dd_conv_plan {
    dd_conv_args a;
    const dd_conv_algorithm *algorithm;
    dd_precision precision;
    const float *packed;
    int64_t cin, words;          // input channels, and words that hold them
    int64_t cout_padded, panels; // multiple of 32, and how many
    int64_t out_height, out_width;
    int64_t products;     // of a unit
    int64_t window, step; // input pixels along a side of what a unit reads, and from unit to unit
    int streams;          // y is written past the caches

    int64_t units_high, units_wide;               // of an image
    int64_t unit_begin, unit_end;                 // rows of units to compute
    int64_t block_images, block_high, block_wide; // block, in images and units
    int64_t blocks_images, blocks_high, blocks_wide, blocks;
    int64_t block_groups; // most groups of 8 units a block has
    int64_t panels_per_task, panel_tasks;
    int64_t panel_group; // panels that go over a product's inputs one after the other

    int64_t strip_rows, strip_cols;   // input pixels behind a block of an image
    int64_t chunk, chunk_ld;          // channels that are normalised at once; floats from pixel to pixel of the strip
    int64_t slots, ldv;               // of v, and words from slot to slot
    int64_t runs, run_words;          // direct, float32: contiguous stretches of a unit's inputs
    int64_t ldm;                      // floats from product to product of m
    int64_t parts, part_words;        // int16: stretches of a slot's words that share a scale; otherwise one of all words
    int64_t scales_at;                // int16: words from the start of a slot to its parts' scales
    int64_t panel_rows, product_rows; // of packed weights, 32 words each, from panel to panel and (unless plain) product to product
    int64_t words_at_once, ldw;       // weights transformed on the way: words of a panel at once, floats from product to product

    char *scratch;
    size_t worker_bytes; // a slice: block index, then the parts at these offsets
    size_t units_at, combined_at, strip_at, tile_at, v_at, m_at, weights_at;
    size_t partials_at; // behind the slices: [blocks][3][cout_padded], as dd_moments_add takes them
} dd_conv_plan;

/// A block at hand, with a worker's memory.
typedef struct dd_conv_block {
    const dd_conv_plan *plan;
    int64_t index;
    int64_t first_image, images, y, x, high, wide; // in images and units
    int64_t count;                                 // of units
    dd_conv_unit *units;
    float *combined; // what is added to all pixels' results: [images][cout_padded]
    float *strip, *tile, *v, *m, *weights;
} dd_conv_block;

/// How an instruction set runs an algorithm at one precision.
typedef struct dd_conv_kernel {
    /// Inputs of the block into v, and where each unit's are.
    void (*gather)(const dd_conv_block *block);
    /// Multiplies by panels first ..< end and writes their results.
    void (*panels)(const dd_conv_block *block, int64_t first, int64_t end);
} dd_conv_kernel;

/// What an algorithm is wherever it runs. dd_conv_kernel is the rest.
struct dd_conv_algorithm {
    const char *name;
    int (*can)(const dd_conv_args *args); // of arguments that make sense
    double error[DD_PRECISION_COUNT];     // largest difference from exact results over the largest of them; 0: it has no such products

    int64_t side;                        // a unit's products are side x side; 0: one for each tap
    int64_t tile;                        // and its output pixels tile x tile
    const double (*rows)[3];             // of the weights' transform, from three taps to `side` products; NULL: there is none
    int plain;                           // weights are packed as the direct algorithm's are, and transformed while they are used
    int64_t words_at_once;               // of a panel, if they are: what fits the second-level cache
    void (*lay_out)(dd_conv_plan *plan); // the slots of v

    /// Units a block aims at: with at most 256 input channels, with more, and where weights exceed the last-level cache. Small blocks keep
    /// their inputs in the second-level cache; larger ones reuse weights more, which pays when each block reads them from memory.
    int64_t units[3];
    int64_t panels_together; // over inputs that no cache near the processor holds

    int64_t least_channels;                    // input channels, of which fewer are not worth the transforms
    int64_t float32_below_channels;            // input channels, of which fewer are multiplied in float32 always
    int64_t from_pixels[DD_PRECISION_COUNT];   // output pixels that make it the choice by shape
    int64_t most_channels[DD_PRECISION_COUNT]; // input channels, of which more are not worth the weights' memory; 0 for any
};

enum { DD_CONV_NEVER = INT32_MAX };

/// Its place in the list.
int dd_conv_algorithm_index(const dd_conv_algorithm *algorithm);

/// Plans for `threads` workers; returns the bytes of scratch memory, for which no pointer matters.
size_t dd_conv_make_plan(dd_conv_plan *plan, const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args, int threads);

/// Input pixels from a unit to the next.
static inline int64_t dd_conv_unit_step(const dd_conv_algorithm *algorithm, const dd_conv_args *a) {
    return a->upsamples ? algorithm->tile / 2 : algorithm->tile * a->stride;
}
/// Input pixels along a side of what a unit reads.
static inline int64_t dd_conv_unit_window(const dd_conv_algorithm *algorithm, const dd_conv_args *a) { return algorithm->side ? algorithm->side : a->kh; }

/// Words that share a scale in int16. Parts are even, and begin where plain weights are transformed from (words_at_once).
static inline int64_t dd_conv_part_words(int64_t words) {
    const int64_t parts = dd_ceil_div(words, DD_INT16_PART / 2);
    return dd_min(dd_round_up(dd_ceil_div(words, parts), 64), dd_round_up(words, 16));
}

static inline int64_t dd_conv_words(dd_precision precision, int64_t cin) { return precision == DD_PRECISION_FLOAT32 ? cin : (cin + 1) / 2; }

/// Products of a unit, and those that weights are packed for.
static inline int64_t dd_conv_products(const dd_conv_algorithm *algorithm, const dd_conv_args *a) {
    return algorithm->side ? algorithm->side * algorithm->side : a->kh * a->kw;
}
static inline int64_t dd_conv_packed_products(const dd_conv_algorithm *algorithm, const dd_conv_args *a) {
    return algorithm->plain ? a->kh * a->kw : dd_conv_products(algorithm, a);
}

/// Rows of 32 words that packed weights have for a panel.
int64_t dd_conv_panel_rows(const dd_conv_algorithm *algorithm, dd_precision precision, const dd_conv_args *args);
#endif
