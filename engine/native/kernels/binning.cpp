#include "binning.hpp"

namespace revisit::REVISIT_VARIANT {

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
