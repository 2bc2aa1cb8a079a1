// The part of the event camera that every pixel goes through in every step.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "variant.hpp"

namespace revisit {

// What a step has in common for all pixels; times in microseconds.
struct CameraStep {
    float duration;
    float dark;      // added to the luminance before the logarithm
    float low_pass;  // 2 pi cutoff duration in full light; 0 is no low pass
    float shot;      // probability of a noise event of either sign in the dark
    uint32_t key;    // of the counter-based noise
};

// State and fixed pattern of the pixels; `rise` and `flag` are scratch that the step leaves for the pixels that need more.
struct CameraPixels {
    float* level;           // low-passed log luminance at the end of the step
    float* difference;      // change since the last event, leak included
    const float* hold;      // what is left of the dead time at the start of the step
    const float* on;
    const float* off;
    const float* leak;      // log units a microsecond
    float* rise;            // change of the difference in the step
    uint8_t* flag;          // 1: an event may fall into the step, so `difference` is still that of its start
};

}  // namespace revisit

REVISIT_KERNEL(void advance_pixels(const float* luminance, const revisit::CameraStep& step, const revisit::CameraPixels& pixels,
                                   size_t first, size_t last))
