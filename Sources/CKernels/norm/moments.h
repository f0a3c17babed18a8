// Means and variances of columns that were summed block by block.
//
// A block's column is three numbers: a pivot (near its values), what the block's mean is off it, and the sum of the squared distances to
// that mean. Nothing cancels then, neither where the values lie far from zero nor where some lie far from the others, so that the
// three can be float32.
#ifndef DD_MOMENTS_H
#define DD_MOMENTS_H
#include <stdint.h>

/// Adds a block of `count` values a column to mean[c] and squares[c] (distances to the mean, squared and summed) of the `before`
/// values so far.
static inline void dd_moments_add(double *mean, double *squares, double before, const float *pivot, const float *offset, const float *square, double count,
                                  int64_t columns) {
    const double share = count / (before + count);
    for (int64_t c = 0; c < columns; c++) {
        const double delta = (double)pivot[c] + (double)offset[c] - mean[c];
        mean[c] += delta * share;
        squares[c] += (double)square[c] + delta * delta * before * share;
    }
}

/// out[c]: the mean and the variance of each column of `count` values.
static inline void dd_moments_store(float *out, const double *mean, const double *squares, double count, int64_t columns) {
    for (int64_t c = 0; c < columns; c++) {
        out[2 * c] = (float)mean[c];
        out[2 * c + 1] = squares[c] < 0 ? 0 : (float)(squares[c] / count);
    }
}
#endif
