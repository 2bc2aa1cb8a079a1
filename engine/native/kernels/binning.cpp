#include "binning.hpp"

namespace revisit::REVISIT_VARIANT {

// Counting is bound by its scalar increments of memory. So everything else is done beforehand for a block of events, in plain loops
// that the compiler turns into this variant's vectors: the cells of the counts, whether any event is off the sensor (then the block
// is counted one by one), and whether the time stamps ascend. That leaves one load and one increment an event.
static constexpr ptrdiff_t BLOCK = 64;
static constexpr ptrdiff_t AHEAD = 512;  // events between a prefetch and its use
static constexpr uint16_t FULL = 0xFFFF;

static void prefetch(const void* base, ptrdiff_t size, ptrdiff_t first) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(base) + static_cast<uintptr_t>(first * size);
    for (ptrdiff_t line = 0; line < BLOCK * size; line += 64) __builtin_prefetch(reinterpret_cast<const void*>(begin + static_cast<uintptr_t>(line)));
}

template <bool records, Polarity polarity, bool saturating, bool check>
static CountTally count_run(const CountRun& run, uint16_t* __restrict counts) {
    const int64_t* __restrict t = run.t;
    const int16_t* __restrict x = run.x;
    const int16_t* __restrict y = run.y;
    const int8_t* __restrict p = run.p;
    // A record is two words of 64 bits: the time; and x, y, polarity and padding from the lowest bits up. Vectors of words are loaded
    // and shifted a third faster than the fields are gathered.
    const uint64_t* __restrict words = reinterpret_cast<const uint64_t*>(run.t);
    const uint32_t width = run.sensor.width, height = run.sensor.height, plane = width * height;
    int64_t out_of_range = 0;
    // The sign of a difference says whether time went back; all signs meet in one bit, without a branch or a 64-bit comparison.
    uint64_t steps = 0;
    const auto step = [&](ptrdiff_t i) {
        return records ? words[2 * i] - words[2 * i - 2] : static_cast<uint64_t>(t[i]) - static_cast<uint64_t>(t[i - 1]);
    };
    const auto x_of = [&](ptrdiff_t i) -> uint32_t { return static_cast<uint16_t>(records ? words[2 * i + 1] : static_cast<uint64_t>(x[i])); };
    const auto y_of = [&](ptrdiff_t i) -> uint32_t { return static_cast<uint16_t>(records ? words[2 * i + 1] >> 16 : static_cast<uint64_t>(y[i])); };
    const auto on = [&](ptrdiff_t i) -> uint32_t { return (records ? static_cast<int8_t>(words[2 * i + 1] >> 32) : p[i]) > 0; };
    const auto increment = [&](uint32_t cell, uint16_t amount) {
        if (saturating) amount &= static_cast<uint16_t>(counts[cell] != FULL);
        counts[cell] = static_cast<uint16_t>(counts[cell] + amount);
    };
    const auto cell_of = [&](ptrdiff_t i, uint32_t px, uint32_t py) { return py * width + px + (polarity == Polarity::separate ? plane & (0u - on(i)) : 0u); };
    const auto amount_of = [&](ptrdiff_t i) {
        return static_cast<uint16_t>(polarity == Polarity::on ? on(i) : polarity == Polarity::off ? 1 - on(i) : 1u);
    };
    const auto one = [&](ptrdiff_t i) {
        const uint32_t px = x_of(i), py = y_of(i);
        if (px >= width || py >= height)
            ++out_of_range;
        else
            increment(cell_of(i, px, py), amount_of(i));
    };
    ptrdiff_t i = run.first;
    if (i == 0 && i < run.last) one(i++);  // the first of all has no predecessor
    for (; i + BLOCK <= run.last; i += BLOCK) {
        alignas(64) uint32_t cells[BLOCK];
        alignas(64) uint16_t amounts[BLOCK];
        uint32_t off = 0;
        if (records) {
            prefetch(words, 16, i + AHEAD / 4);
        } else {
            if (check) prefetch(t, 8, i + AHEAD);
            prefetch(x, 2, i + AHEAD);
            prefetch(y, 2, i + AHEAD);
        }
        if (check)
            for (ptrdiff_t j = 0; j < BLOCK; ++j) steps |= step(i + j);
        for (ptrdiff_t j = 0; j < BLOCK; ++j) {
            const uint32_t px = x_of(i + j), py = y_of(i + j);
            off |= static_cast<uint32_t>(px >= width) | static_cast<uint32_t>(py >= height);
            cells[j] = cell_of(i + j, px, py);
            if (polarity == Polarity::on || polarity == Polarity::off) amounts[j] = amount_of(i + j);
        }
        if (__builtin_expect(off != 0, 0)) {
            for (ptrdiff_t j = i; j < i + BLOCK; ++j) one(j);
        } else {
            for (ptrdiff_t j = 0; j < BLOCK; ++j) increment(cells[j], polarity == Polarity::on || polarity == Polarity::off ? amounts[j] : uint16_t{1});
        }
    }
    for (; i < run.last; ++i) {
        if (check) steps |= step(i);
        one(i);
    }
    return {out_of_range, steps >> 63 == 0};
}

template <bool records, Polarity polarity, bool saturating>
static CountTally count_checked(const CountRun& run, uint16_t* counts) {
    // In records the time stamps come along with the coordinates: checking them costs nothing.
    if (records || run.check) return count_run<records, polarity, saturating, true>(run, counts);
    return count_run<records, polarity, saturating, false>(run, counts);
}

template <Polarity polarity>
static CountTally count_polarity(const CountRun& run, uint16_t* counts) {
    if (run.records) return run.saturating ? count_checked<true, polarity, true>(run, counts) : count_checked<true, polarity, false>(run, counts);
    return run.saturating ? count_checked<false, polarity, true>(run, counts) : count_checked<false, polarity, false>(run, counts);
}

CountTally count_events(const CountRun& run, uint16_t* counts) {
    switch (run.polarity) {
        case Polarity::on: return count_polarity<Polarity::on>(run, counts);
        case Polarity::off: return count_polarity<Polarity::off>(run, counts);
        case Polarity::separate: return count_polarity<Polarity::separate>(run, counts);
        default: return count_polarity<Polarity::both>(run, counts);
    }
}

// Plain loops: the compiler turns each of them into this variant's vectors. Sizes and pointers are local and restrict, because a
// byte that is written might otherwise be one of them, and nothing would be turned into anything.
template <typename Pixel, bool masked, bool binary>
static CropTally crop_rows(const Crop& crop, Pixel* __restrict frame) {
    constexpr uint16_t limit = static_cast<Pixel>(~Pixel{0});
    const ptrdiff_t width = crop.width, height = crop.height, step = crop.counts_row;
    const uint16_t* __restrict counts = crop.counts;
    const uint8_t* __restrict mask = crop.mask;
    CropTally tally{0, 0};
    for (ptrdiff_t y = 0; y < height; ++y) {
        uint32_t sum = 0, saturated = 0;  // a row has at most 32767 pixels of 65535: no wrap
        for (ptrdiff_t x = 0; x < width; ++x) {
            uint16_t count = counts[x];
            if (masked) count = static_cast<uint16_t>(count & (mask[x] - 1));  // the mask is 0 or 1
            sum += count;
            saturated += count >= limit;
            if (binary)
                frame[x] = static_cast<Pixel>(count != 0 ? limit : 0);
            else
                frame[x] = static_cast<Pixel>(count < limit ? count : limit);
        }
        tally.binned += sum;
        tally.saturated += saturated;
        counts += step;
        frame += width;
        if (masked) mask += step;
    }
    return tally;
}

template <typename Pixel>
static CropTally crop_any(const Crop& crop, Pixel* frame) {
    if (crop.mask != nullptr) return crop.binary ? crop_rows<Pixel, true, true>(crop, frame) : crop_rows<Pixel, true, false>(crop, frame);
    return crop.binary ? crop_rows<Pixel, false, true>(crop, frame) : crop_rows<Pixel, false, false>(crop, frame);
}

CropTally crop_counts_8(const Crop& crop, uint8_t* frame) { return crop_any(crop, frame); }
CropTally crop_counts_16(const Crop& crop, uint16_t* frame) { return crop_any(crop, frame); }

}  // namespace revisit::REVISIT_VARIANT
