// Lines of four numbers to events and back.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "recordings.hpp"

namespace revisit {
namespace {

constexpr std::int64_t kLimit = std::int64_t{1} << 62;

// A decimal number as whole + fraction / 1e9 (both of the number's sign), which loses nothing of a time in seconds.
struct Number {
    std::int64_t whole = 0;
    std::int64_t fraction = 0;
};

inline bool is_space(char c) { return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '\r'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// An exponent, or anything else that the short way does not read.
bool read_float(const char* first, const char* last, Number& number) {
    char copy[64];
    const std::size_t length = static_cast<std::size_t>(last - first);
    if (length == 0 || length >= sizeof copy) return false;
    for (std::size_t i = 0; i < length; ++i) {
        const char c = first[i];
        if (!is_digit(c) && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E') return false;  // no "nan", "inf", "0x"
        copy[i] = c;
    }
    copy[length] = '\0';
    char* end = nullptr;
    const double value = std::strtod(copy, &end);
    if (end != copy + length || !(std::fabs(value) <= static_cast<double>(kLimit))) return false;
    const double whole = std::trunc(value);
    number.whole = static_cast<std::int64_t>(whole);
    number.fraction = std::llround((value - whole) * 1e9);
    return true;
}

bool read_number(const char* first, const char* last, Number& number) {
    const char* at = first;
    const bool negative = at < last && *at == '-';
    if (at < last && (*at == '-' || *at == '+')) ++at;
    const char* digits = at;
    std::int64_t whole = 0;
    for (; at < last && is_digit(*at); ++at) {
        const int digit = *at - '0';
        if (whole > (kLimit - digit) / 10) return false;
        whole = whole * 10 + digit;
    }
    bool any = at > digits;
    std::int64_t fraction = 0;
    if (at < last && *at == '.') {
        ++at;
        std::int64_t scale = 100000000;
        for (; at < last && is_digit(*at); ++at, scale /= 10) {
            any = true;
            fraction += scale * (*at - '0');
        }
    }
    if (at != last) return read_float(first, last, number);
    if (!any || (whole == kLimit && fraction)) return false;
    number.whole = negative ? -whole : whole;
    number.fraction = negative ? -fraction : fraction;
    return true;
}

inline std::int64_t round_to(std::int64_t value, std::int64_t step) {
    return (value >= 0 ? value + step / 2 : value - step / 2) / step;
}

bool to_us(const Number& number, int unit, std::int64_t& us) {
    const std::int64_t scale = unit == 1 ? 1000000 : unit == 3 ? 1000 : 1;
    if (number.whole > kLimit / scale || number.whole < -kLimit / scale) return false;
    us = unit == 2 ? round_to(number.whole, 1000) : number.whole * scale + round_to(number.fraction, 1000000000 / scale);
    return us <= kLimit && us >= -kLimit;
}

// A pixel coordinate; one that no int16 holds becomes -1, which is off every sensor.
inline std::int16_t to_pixel(const Number& number) {
    const bool fits = number.whole >= 0 && number.whole <= 32767 && number.fraction >= 0;
    return fits ? static_cast<std::int16_t>(number.whole) : std::int16_t{-1};
}

}  // namespace

Parsed parse_text(const char* text, std::size_t count, const TextLayout& layout, Event* out, std::size_t room) {
    const int columns = 1 + std::max(std::max(layout.t, layout.x), std::max(layout.y, layout.p));
    const char* at = text;
    const char* const end = text + count;
    Parsed parsed{0, 0, 0};
    while (at < end && parsed.written < room) {
        const char* line_end = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
        if (!line_end) break;
        const char* line = at;
        at = line_end + 1;
        parsed.consumed = static_cast<std::size_t>(at - text);
        Number numbers[16];
        int found = 0;
        bool good = true, blank = true;
        const char* token = line;
        while (good && found < columns) {
            while (token < line_end && is_space(*token)) ++token;
            if (token == line_end) break;
            if (blank && (*token == '#' || *token == '%')) break;
            blank = false;
            const char* token_end = token;
            while (token_end < line_end && !is_space(*token_end)) ++token_end;
            good = read_number(token, token_end, numbers[found]);
            ++found;
            token = token_end;
        }
        if (blank) continue;
        std::int64_t timestamp = 0;
        if (!good || found < columns || !to_us(numbers[layout.t], layout.unit, timestamp)) {
            ++parsed.malformed;
            continue;
        }
        const Number& p = numbers[layout.p];
        Event* event = out + parsed.written++;
        put(event, timestamp, 0, 0, p.whole > 0 || (p.whole == 0 && p.fraction > 0));
        event->x = to_pixel(numbers[layout.x]);
        event->y = to_pixel(numbers[layout.y]);
    }
    return parsed;
}

namespace {

inline char* write_digits(char* out, std::uint64_t value, int width) {
    char digits[20];
    int length = 0;
    do {
        digits[length++] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value);
    while (length < width) digits[length++] = '0';
    while (length) *out++ = digits[--length];
    return out;
}

inline char* write_signed(char* out, std::int64_t value) {
    if (value < 0) *out++ = '-';
    return write_digits(out, value < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value), 1);
}

}  // namespace

std::size_t format_text(const Event* events, std::size_t count, bool seconds, char* out) {
    char* at = out;
    for (std::size_t i = 0; i < count; ++i) {
        const Event& event = events[i];
        const std::int64_t t = event.timestamp;
        if (seconds) {
            const std::uint64_t size = t < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(t) : static_cast<std::uint64_t>(t);
            if (t < 0) *at++ = '-';
            at = write_digits(at, size / 1000000, 1);
            *at++ = '.';
            at = write_digits(at, size % 1000000, 6);
        } else {
            at = write_signed(at, t);
        }
        *at++ = ' ';
        at = write_signed(at, event.x);
        *at++ = ' ';
        at = write_signed(at, event.y);
        *at++ = ' ';
        *at++ = event.polarity > 0 ? '1' : '0';
        *at++ = '\n';
    }
    return static_cast<std::size_t>(at - out);
}

}  // namespace revisit
