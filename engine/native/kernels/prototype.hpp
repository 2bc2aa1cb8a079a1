// One layer of integer IAF neurons. Driven by src/prototype.cpp; the definition of every bit is in twins/prototype.py.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "variant.hpp"

namespace revisit {

constexpr size_t prototype_lanes = 64;  // neurons of a panel

}  // namespace revisit

// Runs the 64 neurons of a panel, weights (inputs, 64), from rest. The positive spikes of step t are sources[offsets[2 t]] to
// [offsets[2 t + 1]), the negative ones follow to [offsets[2 t + 2]). Out: spikes, membranes at the end, and all that arrived.
// `next` is the panel to fetch meanwhile, of next_rows rows (0: none).
REVISIT_KERNEL(void integrate_prototypes(const int8_t* panel, const uint32_t* offsets, const uint32_t* sources, size_t steps,
                                         const int32_t* bias, int32_t threshold, const int8_t* next, size_t next_rows,
                                         int32_t* counts, int32_t* membranes, int32_t* drives))
