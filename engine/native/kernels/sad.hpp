// Sums of absolute differences between rows. Driven by src/sad.cpp.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "variant.hpp"

// out[r * out_stride + q] = sum over `bytes` of |references[r] - queries[q]|; rows are `pitch` bytes apart, and both bytes and
// pitch are multiples of 64.
REVISIT_KERNEL(void sad_bytes(const uint8_t* references, size_t reference_count, const uint8_t* queries, size_t query_count, size_t pitch,
                              uint32_t* out, size_t out_stride))
// The same for rows of `length` float32, a multiple of 16: 16 partial sums by position modulo 16, then halves added to halves.
REVISIT_KERNEL(void sad_floats(const float* references, size_t reference_count, const float* queries, size_t query_count, size_t length,
                               float* out, size_t out_stride))
// The limit that the benchmark prints: `rounds` times 16 differences of full vectors, added up, all in registers. Returns the
// bytes compared; `sink` keeps the work from being dropped.
REVISIT_KERNEL(uint64_t sad_probe(uint64_t rounds, uint64_t* sink))
