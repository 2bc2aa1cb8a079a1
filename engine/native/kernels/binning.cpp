#include "binning.hpp"

namespace revisit::REVISIT_VARIANT {

// Plain loops: the compiler turns each of them into this variant's vectors.
template <typename Pixel, bool masked, bool binary>
static CropTally crop_rows(const Crop& crop, Pixel* frame) {
    constexpr uint16_t limit = static_cast<Pixel>(~Pixel{0});
    CropTally tally{0, 0};
    for (ptrdiff_t y = 0; y < crop.height; ++y) {
        const uint16_t* counts = crop.counts + y * crop.counts_row;
        const uint8_t* mask = masked ? crop.mask + y * crop.counts_row : nullptr;
        Pixel* out = frame + y * crop.width;
        uint32_t sum = 0, saturated = 0;  // a row has at most 32767 pixels of 65535: no wrap
        for (ptrdiff_t x = 0; x < crop.width; ++x) {
            const uint16_t count = masked && mask[x] != 0 ? uint16_t{0} : counts[x];
            sum += count;
            saturated += count >= limit;
            if (binary)
                out[x] = static_cast<Pixel>(count != 0 ? limit : 0);
            else
                out[x] = static_cast<Pixel>(count < limit ? count : limit);
        }
        tally.binned += sum;
        tally.saturated += saturated;
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
