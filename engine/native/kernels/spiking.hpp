// Spike encoding and IAF layers. Driven by src/spiking.cpp; the definition of every bit is in twins/spiking.py.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "variant.hpp"

namespace revisit {

// Where the random draws of an encoding come from: a shared field, or Philox keyed by seed and frame.
struct DrawSource {
    const uint32_t* field;  // (inputs, field_stride) draws, or null for Philox
    size_t field_stride;
    uint64_t seed;
    uint64_t frame;
};

// Spikes of one window in order of step, then of source: those of step t are [offsets[t], offsets[t + 1]).
struct SpikeList {
    uint32_t* offsets;  // (steps + 1)
    uint32_t* sources;
    float* counts;  // spikes of that source in that step; null: always one
};

// Spikes of one block in order of step, then of neuron: 256 times the count (under 2^24), plus the neuron's place in its block.
struct FiredList {
    uint32_t* offsets;  // (steps + 1)
    uint32_t* entries;
};

// One block of neurons of a layer, over one window of steps.
struct NeuronBlock {
    const float* columns;  // (sources, stride): the weights of every source, at this block's first neuron
    size_t stride;
    const float* bias;   // of this block, or null
    float* membranes;    // of this block, kept from window to window
    int32_t* totals;     // of this block: spikes of every neuron so far; null for a layer whose spikes are listed
    size_t vectors;      // the block's width in vectors of this variant
};

}  // namespace revisit

// bits[input * words + w]: bit b says whether the input fires in step 64 (first_word + w) + b. `thresholds` are 0 to 2^32
// (or to 2^24, with a field of 24-bit draws): an input fires where its draw is less.
REVISIT_KERNEL(void draw_spikes(const uint64_t* thresholds, size_t inputs, const DrawSource& source, size_t first_word,
                                size_t words, size_t steps, uint64_t* bits))
// Lists the set bits by step; `cursors` is scratch of 64 * words entries. The sources need inputs * steps entries at most.
REVISIT_KERNEL(void list_spikes(const uint64_t* bits, size_t inputs, size_t words, size_t steps, uint32_t* cursors, SpikeList list))
// Neurons that one block holds at most: what the registers take, 256 or fewer.
REVISIT_KERNEL(size_t block_neurons())
// Vector width in neurons.
REVISIT_KERNEL(size_t lane_count())
// Runs a block over the window; spikes go to `fired` (capacity: neurons of the block * steps + 16), or to block.totals.
REVISIT_KERNEL(void integrate(const NeuronBlock& block, const SpikeList& arriving, size_t steps, const FiredList* fired))
// Joins the lists of the blocks of a layer, in order; first[b] is the index of block b's first neuron.
REVISIT_KERNEL(void join_fired(const FiredList* blocks, const uint32_t* first, size_t count, size_t steps, SpikeList joined))
