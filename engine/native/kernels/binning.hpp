// The last step of an event frame: clip, mask and crop the counts of a whole sensor. See src/binning.cpp for the counting itself.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../variant.hpp"

namespace revisit {

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

REVISIT_KERNEL(revisit::CropTally crop_counts_8(const revisit::Crop& crop, uint8_t* frame))
REVISIT_KERNEL(revisit::CropTally crop_counts_16(const revisit::Crop& crop, uint16_t* frame))
