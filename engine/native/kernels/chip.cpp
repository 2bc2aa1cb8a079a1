#include "chip.hpp"

namespace revisit::REVISIT_VARIANT {

// Plain loops over restrict pointers: the compiler turns each into this variant's vectors.
size_t chip_arrive(int16_t* states, const int8_t* weights, size_t count, Membranes membranes, uint8_t* marks, uint32_t* fired,
                   uint64_t* ended) {
    int16_t* __restrict v = states;
    const int8_t* __restrict w = weights;
    uint8_t* __restrict mark = marks;
    const int32_t threshold = membranes.threshold, lowest = membranes.lowest;
    uint32_t over = 0;
    uint8_t any = 0;
    for (size_t i = 0; i < count; ++i) {
        const int32_t sum = v[i] + w[i];
        int32_t held = sum > 32767 ? 32767 : sum;
        held = held < -32768 ? -32768 : held;
        over += held != sum;
        const uint8_t fires = static_cast<uint8_t>((held >= threshold) & (w[i] != 0));
        held -= fires ? threshold : 0;
        v[i] = static_cast<int16_t>(held < lowest ? lowest : held);
        mark[i] = fires;
        any |= fires;
    }
    *ended += over;
    if (any == 0) return 0;
    size_t found = 0;
    for (size_t start = 0; start < count; start += 8) {
        uint64_t eight;
        __builtin_memcpy(&eight, marks + start, 8);
        if (eight == 0) continue;
        for (size_t i = start; i < start + 8; ++i) {
            fired[found] = static_cast<uint32_t>(i);
            found += marks[i];
        }
    }
    return found;
}

void chip_add(int32_t* states, const int8_t* weights, size_t count, int32_t times) {
    int32_t* __restrict v = states;
    const int8_t* __restrict w = weights;
    for (size_t i = 0; i < count; ++i) v[i] += times * w[i];
}

bool chip_settle(int32_t* states, size_t count, Membranes membranes, uint8_t* marks, uint64_t* ended) {
    int32_t* __restrict v = states;
    uint8_t* __restrict mark = marks;
    const int32_t threshold = membranes.threshold, lowest = membranes.lowest;
    uint32_t over = 0;
    uint8_t any = 0;
    for (size_t i = 0; i < count; ++i) {
        const int32_t held = v[i];
        over += (held > 32767) | (held < -32768);
        const uint8_t fires = held >= threshold;
        v[i] = held < lowest ? lowest : held;
        mark[i] = fires;
        any |= fires;
    }
    *ended += over;
    return any != 0;
}

uint32_t chip_total(const uint8_t* bytes, size_t count) {
    uint32_t total = 0;
    for (size_t i = 0; i < count; ++i) total += bytes[i];
    return total;
}

}  // namespace revisit::REVISIT_VARIANT
