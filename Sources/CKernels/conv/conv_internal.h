// What the planner, the packer and the kernels of each instruction set agree on.
//
// Every kind is the same two steps on blocks of *units* (a unit is an output pixel, a tile of 6 x 6, 4 x 4 or 2 x 2 of them, or a
// source pixel): gather the block's inputs into `v`, then multiply by weight panels of 32 output channels. A product of
// the multiplication reads the words at v + unit_offset + product_offset. A word is one float or a pair of int16;
// all offsets and lengths along input channels count words, and a row of weights is 32 words in both precisions.
#ifndef DD_CONV_INTERNAL_H
#define DD_CONV_INTERNAL_H
#include "../math/int16_scales.h"
#include "dd_conv.h"

enum {
    DD_CONV_GROUP = 8,    // units multiplied together
    DD_CONV_PANEL = 32,   // output channels of a weight panel
    DD_CONV_PRODUCTS = 64, // most products a unit has outside the direct kind
};

typedef struct dd_conv_unit {
    int64_t offset;     // of its inputs in v, in words
    int64_t out_pixel;  // of its first output pixel in y
    int32_t image;      // within the block
    int32_t rows, cols; // output pixels inside the image
} dd_conv_unit;

typedef struct dd_conv_plan {
    dd_conv_args a;  // with all strides filled in
    dd_conv_kind kind;
    dd_conv_precision precision;
    const float *packed;
    int64_t cin, words;           // input channels, and words that hold them
    int64_t cout_padded, panels;  // multiple of 32, and how many
    int64_t out_height, out_width;
    int64_t products;             // weight rows of a panel are products * words
    int64_t tile;                 // output pixels along a side of a unit
    int streams;                  // y is written past the caches (where a vector is a cache line)

    int64_t units_high, units_wide;                 // of an image
    int64_t block_images, block_high, block_wide;   // block, in images and units
    int64_t blocks_images, blocks_high, blocks_wide, blocks;
    int64_t block_groups;                           // most groups of 8 units a block has
    int64_t panels_per_task, panel_tasks;
    int64_t panel_group;                            // panels that go over a product's inputs one after the other

    int64_t strip_rows, strip_cols;  // input pixels behind a block of an image
    int64_t chunk, chunk_ld;         // channels that are normalised at once (not in the direct kind); floats from pixel to pixel
    int64_t ldv;                     // words from slot to slot of v
    int64_t runs, run_words;         // direct: contiguous stretches of a unit's inputs
    int64_t ldm;                     // floats from product to product of m
    int64_t parts, part_words;    // int16: stretches of a slot's words that share a scale; otherwise one of all words
    int64_t scales_at;            // int16: words from the start of a slot to its parts' scales
    int64_t panel_rows, product_rows;  // of packed weights, 32 words each, from panel to panel and (unless plain) product to product
    int64_t words_at_once, ldw;      // weights transformed on the way: words of a panel at once, floats from product to product

    char *scratch;
    size_t worker_bytes;  // a slice: block index, then the parts at these offsets
    size_t units_at, combined_at, strip_at, tile_at, v_at, m_at, weights_at;
    size_t partials_at;   // behind the slices: [blocks][3][cout_padded], as dd_moments_add takes them
} dd_conv_plan;

/// One task: block task / panel_tasks, its panels from (task % panel_tasks) * panels_per_task.
typedef void (*dd_conv_task)(const dd_conv_plan *plan, int64_t task, int worker);

static inline int64_t dd_conv_ceil(int64_t n, int64_t d) { return (n + d - 1) / d; }
static inline int64_t dd_conv_round_up(int64_t n, int64_t to) { return dd_conv_ceil(n, to) * to; }
static inline int64_t dd_conv_min(int64_t a, int64_t b) { return a < b ? a : b; }

/// Whether weights stay as the direct way has them and are transformed while they are used.
static inline int dd_conv_is_plain(dd_conv_kind kind) { return kind == DD_CONV_WINOGRAD_F2_PLAIN || kind == DD_CONV_WINOGRAD_F4_PLAIN; }

/// Words that share a scale in int16. Parts are even, and begin where plain weights are transformed from (words_at_once).
static inline int64_t dd_conv_part_words(int64_t words) {
    const int64_t parts = dd_conv_ceil(words, DD_INT16_PART / 2);
    return dd_conv_min(dd_conv_round_up(dd_conv_ceil(words, parts), 64), dd_conv_round_up(words, 16));
}

/// Rows of 32 words that packed weights have for a panel.
int64_t dd_conv_panel_rows(dd_conv_kind kind, dd_conv_precision precision, int64_t cin, int64_t kh, int64_t kw);

/// Products of a kind (for the direct kind: kernel positions); 0 if it cannot do that kernel.
int64_t dd_conv_products(dd_conv_kind kind, int64_t kh, int64_t kw);
#endif
