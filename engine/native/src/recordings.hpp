// The decoders of recordings: plain loops over untrusted bytes, each with its NumPy twin in twins/recordings.py.
// Every function stays inside [input, input + count) and [out, out + room) whatever the bytes say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "event.hpp"

namespace revisit {

inline void put(Event* out, std::int64_t timestamp, std::uint32_t x, std::uint32_t y, std::uint32_t polarity) {
    out->timestamp = timestamp;
    out->x = static_cast<std::int16_t>(x);
    out->y = static_cast<std::int16_t>(y);
    out->polarity = static_cast<std::int8_t>(polarity);
    std::memset(out->padding, 0, sizeof out->padding);
}

struct Decoded {
    std::size_t consumed;  // input elements taken
    std::size_t written;   // events put out
};

// What evt2 and evt3 carry from one block to the next: an int64 array that Python owns.
enum EvtState : std::size_t { kBase, kTime, kY, kX, kPolarity, kMalformed, kTriggers, kEvtStates };

Decoded decode_evt2(const std::uint32_t* words, std::size_t count, std::int64_t* state, Event* out, std::size_t room);
Decoded decode_evt3(const std::uint16_t* words, std::size_t count, std::int64_t* state, Event* out, std::size_t room);

// How the four values of a line are laid out, and what its time counts.
struct TextLayout {
    int t, x, y, p;  // columns, from 0, below 16
    int unit;        // 0: us, 1: seconds, 2: ns, 3: ms
};

struct Parsed {
    std::size_t consumed;  // bytes of whole lines taken
    std::size_t written;   // events put out
    std::size_t malformed; // lines that do not hold an event
};

Parsed parse_text(const char* text, std::size_t count, const TextLayout& layout, Event* out, std::size_t room);

// Bytes that format_text may need for one event.
constexpr std::size_t kTextEvent = 48;
std::size_t format_text(const Event* events, std::size_t count, bool seconds, char* out);

struct Checked {
    std::size_t outside;    // x or y off the sensor
    std::size_t backwards;  // older than the newest event before it
    std::size_t odd;        // polarity neither 0 nor 1
    std::int64_t first, last;  // the oldest and the newest time stamp
};

Checked check_events(const Event* events, std::size_t count, int width, int height, std::int64_t newest);

}  // namespace revisit
