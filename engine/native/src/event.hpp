// The one event record, as Python's arrays hold it.
#pragma once

#include <cstdint>

namespace revisit {

// engine.events.array.EVENT_DTYPE: 16 bytes, little-endian, the last three are padding (zero in all we write).
struct Event {
    std::int64_t timestamp;
    std::int16_t x, y;
    std::int8_t polarity;
    std::uint8_t padding[3];
};
static_assert(sizeof(Event) == 16, "EVENT_DTYPE has 16 bytes");

}  // namespace revisit
