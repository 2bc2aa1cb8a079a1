// The LENS learning rule for one block of rows, many steps at a time (facts: rows never interact, given the inputs).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "variant.hpp"

namespace revisit {

// Rows a block holds in every variant: 16 floats are one cache line and one AVX-512 register.
constexpr size_t training_lanes = 16;

// A block of 16 rows of one layer, transposed: the 16 weights of one input lie side by side. Pointers are 64-byte aligned.
// Feature layers keep s W (s the weight's fixed sign), output layers W; entries of sign 0 are 0 in both.
struct TrainingBlock {
    float* weights;           // (inputs, 16)
    const float* signs;       // (inputs, 16): 1, -1 or 0
    const uint16_t* nonzero;  // (inputs): bit i for row i
    const uint16_t* negative;
    float* thresholds;     // (16)
    const float* targets;  // (16)
    float* output_sum;     // (16): outputs summed over the steps run so far
    int64_t first_row;
};

// What all blocks of a layer share. Row p of `samples` is an input (of place p, unless row_of says otherwise); row p of `drive` is what an updated weight
// moves by: 1 where the input is positive (feature layer), input over its target rate (output layer).
struct TrainingSteps {
    const float* samples;
    const float* drive;
    size_t inputs;
    const int64_t* row_of;         // (samples): the output row that a sample forces, where places have several; else null
    const int64_t* order;          // (steps): the sample shown at each step
    const float* rates;            // (steps): eta
    const float* threshold_rates;  // (steps): eta_ip
    size_t steps;
    bool output_layer;
    bool own_output;  // corrected thresholds: a row's own output counts, not 0
};

}  // namespace revisit

// Runs all steps on the rows [8 first_half, 8 last_half) of consecutive blocks; halves that share a block run as one.
REVISIT_KERNEL(void train_blocks(TrainingBlock* blocks, size_t first_half, size_t last_half, const TrainingSteps& run))
// For benchmarks: the feature sweep's six operations on `count` registers' worth of weights, with no memory in between.
REVISIT_KERNEL(size_t training_probe(size_t count, float* result))
// y = clip(W x - theta, 0, 1) of one block for `count` samples, written to outputs[p * stride + lane].
REVISIT_KERNEL(void block_outputs(const TrainingBlock& block, const TrainingSteps& run, size_t count, float* outputs))
