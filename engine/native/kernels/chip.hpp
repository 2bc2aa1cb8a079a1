// The neurons of a core of the virtual chip that one arriving spike, or one step, concerns. See src/chip.cpp.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../variant.hpp"

namespace revisit {

struct Membranes {
    int32_t threshold;
    int32_t lowest;  // what a membrane is kept from falling under
};

}  // namespace revisit

// One spike arrives at `count` neurons (a multiple of 64) with these weights: each whose weight is not 0 adds it, stays within 16
// bits, gives one spike if it holds a threshold, and stays above `lowest`. Writes the indices of those that fired (room for
// `count`), adds to `ended` how many reached the end of 16 bits; returns how many fired. `marks` is scratch of `count` bytes.
REVISIT_KERNEL(size_t chip_arrive(int16_t* states, const int8_t* weights, size_t count, revisit::Membranes membranes, uint8_t* marks,
                                  uint32_t* fired, uint64_t* ended))
// `times` spikes arrive at once, in a step: the weights are added that many times, in 32 bits.
REVISIT_KERNEL(void chip_add(int32_t* states, const int8_t* weights, size_t count, int32_t times))
// The end of a step: marks (1) the neurons that hold a threshold, keeps the others above `lowest`; adds to `ended` how many are
// beyond 16 bits. Returns whether any is marked.
REVISIT_KERNEL(bool chip_settle(int32_t* states, size_t count, revisit::Membranes membranes, uint8_t* marks, uint64_t* ended))
// The sum of `count` bytes, fewer than 2^24.
REVISIT_KERNEL(uint32_t chip_total(const uint8_t* bytes, size_t count))
