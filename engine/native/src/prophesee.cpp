// Prophesee's EVT 2.0 and EVT 3.0 words, as docs.prophesee.ai describes them ("Data Encoding Formats").
#include "recordings.hpp"

namespace revisit {
namespace {

// The time base of a high-part word: the counter starts again at `range`; a step back of more than half of it is such a start.
inline std::int64_t next_base(std::int64_t base, std::int64_t high, std::int64_t range) {
    if (base < 0) return high;
    std::int64_t next = base - base % range + high;
    if (base - next > range / 2 && base < (std::int64_t{1} << 60)) next += range;  // bounded, whatever a broken file does
    return next;
}

}  // namespace

Decoded decode_evt2(const std::uint32_t* words, std::size_t count, std::int64_t* state, Event* out, std::size_t room) {
    const std::size_t taken = count < room ? count : room;  // a word is at most one event
    std::int64_t base = state[kBase];
    std::int64_t malformed = 0;
    std::size_t written = 0;
    for (std::size_t i = 0; i < taken; ++i) {
        const std::uint32_t word = words[i];
        const std::uint32_t type = word >> 28;
        if (type <= 1) {
            // Written in any case and kept only if the time is known: no branch that the events' order decides.
            put(out + written, base + ((word >> 22) & 0x3F), (word >> 11) & 0x7FF, word & 0x7FF, type);
            const std::size_t known = base >= 0;
            written += known;
            malformed += 1 - static_cast<std::int64_t>(known);
        } else if (type == 0x8) {
            base = next_base(base, static_cast<std::int64_t>(word & 0x0FFFFFFF) << 6, std::int64_t{1} << 34);
        } else if (type == 0xA) {
            ++state[kTriggers];
        } else if (type != 0xE && type != 0xF) {
            ++malformed;
        }
    }
    state[kBase] = base;
    state[kMalformed] += malformed;
    return {taken, written};
}

Decoded decode_evt3(const std::uint16_t* words, std::size_t count, std::int64_t* state, Event* out, std::size_t room) {
    std::int64_t base = state[kBase], time = state[kTime], y = state[kY], x = state[kX];
    std::uint32_t polarity = static_cast<std::uint32_t>(state[kPolarity]);
    std::int64_t malformed = 0, triggers = 0;
    std::size_t i = 0, written = 0;
    for (; i < count && room - written >= 12; ++i) {
        const std::uint32_t word = words[i];
        switch (word >> 12) {
            case 0x0:  // EVT_ADDR_Y (bit 11 names the camera of a pair)
                y = word & 0x7FF;
                break;
            case 0x2: {  // EVT_ADDR_X: one event
                const std::size_t known = base >= 0 && y >= 0;
                put(out + written, time, word & 0x7FF, static_cast<std::uint32_t>(y), (word >> 11) & 1);
                written += known;
                malformed += 1 - static_cast<std::int64_t>(known);
                break;
            }
            case 0x3:  // VECT_BASE_X
                x = word & 0x7FF;
                polarity = (word >> 11) & 1;
                break;
            case 0x4:    // VECT_12
            case 0x5: {  // VECT_8
                const bool twelve = (word >> 12) == 0x4;
                std::uint32_t mask = word & (twelve ? 0xFFFu : 0xFFu);
                if (base < 0 || y < 0 || x < 0) {
                    ++malformed;
                    break;
                }
                for (; mask; mask &= mask - 1)
                    put(out + written++, time, static_cast<std::uint32_t>(x) + static_cast<std::uint32_t>(__builtin_ctz(mask)),
                        static_cast<std::uint32_t>(y), polarity);
                x += twelve ? 12 : 8;
                if (x > 0x7000) x = 0x7000;  // far off any sensor, and still an int16: counted as such by the reader
                break;
            }
            case 0x6:  // EVT_TIME_LOW
                if (base >= 0) time = base + (word & 0xFFF);
                break;
            case 0x8:  // EVT_TIME_HIGH; the low part follows and starts at 0 until then
                base = next_base(base, static_cast<std::int64_t>(word & 0xFFF) << 12, std::int64_t{1} << 24);
                time = base;
                break;
            case 0xA:  // EXT_TRIGGER
                ++triggers;
                break;
            case 0x7:  // CONTINUED_4
            case 0xE:  // OTHERS
            case 0xF:  // CONTINUED_12
                break;
            default:
                ++malformed;
        }
    }
    state[kBase] = base, state[kTime] = time, state[kY] = y, state[kX] = x, state[kPolarity] = polarity;
    state[kMalformed] += malformed;
    state[kTriggers] += triggers;
    return {i, written};
}

}  // namespace revisit
