// Event frames: count events per pixel of the whole sensor; then clip, mask and crop the counts. See src/binning.cpp for the windows.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../variant.hpp"

namespace revisit {

enum class Polarity { both, on, off, separate };

struct Sensor {
    uint32_t width, height;
};

// Events to count: those of [first, last) in columns, or in 16-byte records (src/event.hpp) that begin at `t`.
struct CountRun {
    const int64_t* t;
    const int16_t *x, *y;
    const int8_t* p;
    ptrdiff_t first, last;
    Sensor sensor;
    Polarity polarity;
    bool records;
    bool saturating;  // whether a count can reach the largest value: it stays there then
    bool check;       // whether to compare each time with the one before it, also across `first`
};

struct CountTally {
    int64_t out_of_range;  // events off the sensor; they are left out
    bool ordered;          // whether no time that was compared was earlier than the one before it
};

struct Crop {
    const uint16_t* counts;  // top left pixel of the region within the sensor's counts
    ptrdiff_t counts_row;    // pixels from one row of counts to the next
    const uint8_t* mask;     // the same pixel of the mask, 1 where a pixel is to be 0; null for none
    ptrdiff_t width, height;
    bool binary;  // the largest value wherever anything was counted, instead of the count
};

struct CropTally {
    uint64_t binned;     // events in the region and not masked, before clipping
    uint64_t saturated;  // pixels at or above the largest value of the frame
};

}  // namespace revisit

REVISIT_KERNEL(revisit::CountTally count_events(const revisit::CountRun& run, uint16_t* counts))
REVISIT_KERNEL(revisit::CropTally crop_counts_8(const revisit::Crop& crop, uint8_t* frame))
REVISIT_KERNEL(revisit::CropTally crop_counts_16(const revisit::Crop& crop, uint16_t* frame))
