// One layer of integer IAF neurons. Driven by src/prototype.cpp; the definition of every bit is in twins/prototype.py.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "variant.hpp"

namespace revisit {

constexpr size_t prototype_lanes = 64;   // neurons of a panel
constexpr size_t prototype_rows = 256;   // inputs of a block: its weights stay in the first cache, and 256 of 127 fit a 16-bit sum
constexpr size_t prototype_steps = 32;   // of a chunk, whose drives are held at once

// A query's spikes by chunk of steps, block of inputs, step and polarity: those of slot s are sources[offsets[s]] to
// sources[offsets[s + 1]), s = 2 ((chunk * blocks + block) * prototype_steps + step) + polarity, polarity 1 taking weights off.
// A source is its input's number in the block.
struct PrototypeSpikes {
    const uint32_t* offsets;
    const uint8_t* sources;
    size_t steps;
};

struct PrototypePanel {
    const int8_t* weights;  // (inputs, 64)
    const int32_t* bias;    // (64,)
    const int8_t* next;     // the weights to fetch while the last block is worked on, of next_rows rows (0: none)
    size_t next_rows;
};

}  // namespace revisit

// Runs the 64 neurons of a panel from rest. Out: spikes, membranes at the end, and all that arrived.
REVISIT_KERNEL(void integrate_prototypes(const PrototypePanel& panel, size_t inputs, int32_t threshold, const PrototypeSpikes& spikes,
                                         int32_t* counts, int32_t* membranes, int32_t* drives))
