#include "kernels/prototype.hpp"

#if defined(__AVX512BW__)
#define VECTOR_SHORTS 32
#elif defined(__AVX2__)
#define VECTOR_SHORTS 16
#else
#define VECTOR_SHORTS 8
#endif

namespace revisit::REVISIT_VARIANT {

namespace {

constexpr size_t lanes = prototype_lanes, width = VECTOR_SHORTS, vectors = lanes / width;
constexpr size_t most_at_once = 256;  // weights of 127 that fit a 16-bit sum

typedef int8_t Bytes __attribute__((vector_size(VECTOR_SHORTS), aligned(1)));
typedef int16_t Shorts __attribute__((vector_size(VECTOR_SHORTS * 2)));

// Adds the weights of some spikes, or takes them off.
template <int sign>
inline void arrive(const int8_t* panel, const uint32_t* sources, size_t count, int32_t* drive) {
    while (count > 0) {
        const size_t part = count < most_at_once ? count : most_at_once;
        Shorts sums[vectors];
        for (size_t k = 0; k < vectors; ++k) sums[k] = Shorts{};
        for (size_t s = 0; s < part; ++s) {
            const int8_t* row = panel + static_cast<size_t>(sources[s]) * lanes;
            for (size_t k = 0; k < vectors; ++k) sums[k] += __builtin_convertvector(*reinterpret_cast<const Bytes*>(row + k * width), Shorts);
        }
        const int16_t* flat = reinterpret_cast<const int16_t*>(sums);
        for (size_t lane = 0; lane < lanes; ++lane) drive[lane] += sign * flat[lane];
        sources += part;
        count -= part;
    }
}

}  // namespace

void integrate_prototypes(const int8_t* panel, const uint32_t* offsets, const uint32_t* sources, size_t steps, const int32_t* bias,
                          int32_t threshold, const int8_t* next, size_t next_rows, int32_t* counts, int32_t* membranes, int32_t* drives) {
    alignas(64) int32_t v[lanes] = {}, fired[lanes] = {}, total[lanes] = {}, drive[lanes];
    const float over = static_cast<float>(threshold);
    size_t fetched = 0;
    for (size_t t = 0; t < steps; ++t) {
        // Spikes read the rows in no order that the processor could foresee: the next panel is fetched while this one is worked on.
        for (const size_t until = next_rows * (t + 1) / steps; fetched < until; ++fetched) __builtin_prefetch(next + fetched * lanes, 0, 2);
        for (size_t lane = 0; lane < lanes; ++lane) drive[lane] = bias[lane];
        const uint32_t first = offsets[2 * t], middle = offsets[2 * t + 1], last = offsets[2 * t + 2];
        arrive<1>(panel, sources + first, middle - first, drive);
        arrive<-1>(panel, sources + middle, last - middle, drive);
        for (size_t lane = 0; lane < lanes; ++lane) {
            const int32_t now = v[lane] + drive[lane];
            // Both are under 2^24, so the quotient rounds to a whole number only where it is one.
            const int32_t spikes = static_cast<int32_t>(static_cast<float>(now > 0 ? now : 0) / over);
            const int32_t left = now - spikes * threshold;
            v[lane] = left < -threshold ? -threshold : left;
            fired[lane] += spikes;
            total[lane] += drive[lane];
        }
    }
    for (size_t lane = 0; lane < lanes; ++lane) {
        counts[lane] = fired[lane];
        membranes[lane] = v[lane];
        drives[lane] = total[lane];
    }
}

}  // namespace revisit::REVISIT_VARIANT
