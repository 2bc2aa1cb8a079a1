// Event filters: one pass each, from an array of 16-byte records into another (or the same) one. What a filter remembers lies in
// arrays that the caller owns, so that cutting a stream into chunks changes nothing.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "events.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

constexpr std::ptrdiff_t AHEAD = 12;  // events between asking for a pixel's memory and using it

Event* records_of(const py::array& array, const char* name) {
    if (array.ndim() != 1 || array.itemsize() != sizeof(Event) || array.dtype().kind() != 'V' || !(array.flags() & py::array::c_style) ||
        reinterpret_cast<std::uintptr_t>(array.data()) % alignof(Event) != 0)
        throw std::invalid_argument(std::string(name) + " must be a contiguous array of 16-byte event records");
    return static_cast<Event*>(const_cast<void*>(array.data()));
}

template <typename T>
T* memory_of(py::array& array, py::ssize_t dimensions, const char* name) {
    if (!py::isinstance<py::array_t<T>>(array) || array.ndim() != dimensions || !(array.flags() & py::array::c_style) || !array.writeable())
        throw std::invalid_argument(std::string(name) + " must be a contiguous, writable array of the declared type");
    return static_cast<T*>(array.mutable_data());
}

// Where events come from and go to, and the book kept over all chunks: the clock, events out of range, events out of order.
struct Pass {
    const Event* in;
    Event* out;
    std::int64_t* book;
    std::ptrdiff_t count;
    std::uint32_t width = 0, height = 0;

    Pass(const py::array& events, py::array& kept, py::array& counters) {
        in = records_of(events, "events");
        out = records_of(kept, "kept");
        count = events.shape(0);
        if (kept.shape(0) < count || !kept.writeable()) throw std::invalid_argument("kept must be writable and as long as events");
        book = memory_of<std::int64_t>(counters, 1, "book");
        if (counters.shape(0) != 3) throw std::invalid_argument("book must hold clock, out_of_range, out_of_order");
        book[0] = std::max(book[0], NEVER + 1);
    }

    void sensor(py::ssize_t wide, py::ssize_t high) {
        if (wide < 1 || wide > 32767 || high < 1 || high > 32767) throw std::invalid_argument("a sensor has 1 to 32767 pixels a side");
        width = static_cast<std::uint32_t>(wide), height = static_cast<std::uint32_t>(high);
    }

    std::size_t pixel(const Event& event) const { return std::size_t{static_cast<std::uint16_t>(event.y)} * width + static_cast<std::uint16_t>(event.x); }

    // Keeps the events for which keep(event, time) is true; keep may change the event. `time` never goes back: an event earlier
    // than one before it is taken to happen at the latest time so far.
    template <typename Keep>
    std::ptrdiff_t run(Keep&& keep) {
        return run(std::forward<Keep>(keep), [](const Event&) {});
    }

    template <typename Keep, typename Fetch>
    std::ptrdiff_t run(Keep&& keep, Fetch&& fetch) {
        py::gil_scoped_release release;
        std::int64_t clock = book[0], out_of_range = 0, out_of_order = 0;
        std::ptrdiff_t kept = 0;
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            if (i + AHEAD < count) fetch(in[i + AHEAD]);
            Event event = in[i];
            if (__builtin_expect(!inside(event), 0)) {
                ++out_of_range;
                continue;
            }
            out_of_order += event.timestamp < clock;
            clock = std::max(clock, event.timestamp);
            const bool stays = keep(event, clock);
            out[kept] = event;
            kept += stays;
        }
        book[0] = clock;
        book[1] += out_of_range;
        book[2] += out_of_order;
        return kept;
    }

    bool inside(const Event& event) const { return static_cast<std::uint16_t>(event.x) < width && static_cast<std::uint16_t>(event.y) < height; }
};

std::ptrdiff_t filter_mask(const py::array& events, py::array kept, py::array book, const py::array_t<bool, py::array::c_style>& mask) {
    Pass pass(events, kept, book);
    if (mask.ndim() != 2) throw std::invalid_argument("mask must be height x width");
    pass.sensor(mask.shape(1), mask.shape(0));
    const bool* masked = mask.data();
    return pass.run([&](const Event& event, std::int64_t) { return !masked[pass.pixel(event)]; });
}

std::ptrdiff_t filter_polarity(const py::array& events, py::array kept, py::array book, py::ssize_t width, py::ssize_t height, bool on) {
    Pass pass(events, kept, book);
    pass.sensor(width, height);
    return pass.run([on](const Event& event, std::int64_t) { return (event.polarity > 0) == on; });
}

std::ptrdiff_t filter_region(const py::array& events, py::array kept, py::array book, py::ssize_t width, py::ssize_t height, std::int16_t x,
                             std::int16_t y, std::int16_t region_width, std::int16_t region_height) {
    Pass pass(events, kept, book);
    pass.sensor(width, height);
    const auto wide = static_cast<std::uint16_t>(region_width), high = static_cast<std::uint16_t>(region_height);
    return pass.run([=](Event& event, std::int64_t) {
        event.x = static_cast<std::int16_t>(event.x - x);
        event.y = static_cast<std::int16_t>(event.y - y);
        return static_cast<std::uint16_t>(event.x) < wide && static_cast<std::uint16_t>(event.y) < high;
    });
}

std::ptrdiff_t filter_refractory(const py::array& events, py::array kept, py::array book, py::array last_passed, std::int64_t period) {
    Pass pass(events, kept, book);
    auto* last = memory_of<std::int64_t>(last_passed, 2, "last_passed");
    pass.sensor(last_passed.shape(1), last_passed.shape(0));
    if (period < 1) throw std::invalid_argument("period must be at least 1");
    return pass.run(
        [&](const Event& event, std::int64_t time) {
            std::int64_t& passed = last[pass.pixel(event)];
            const std::int64_t latest = time < NEVER + period ? NEVER : time - period;
            const bool stays = passed <= latest;
            passed = stays ? time : passed;
            return stays;
        },
        [&](const Event& event) {
            if (pass.inside(event)) __builtin_prefetch(last + pass.pixel(event), 1);
        });
}

// last_seen has a border of one pixel that no event reaches, so that every pixel has eight neighbours.
std::ptrdiff_t filter_background(const py::array& events, py::array kept, py::array book, py::array last_seen, std::int64_t window, int supporters) {
    Pass pass(events, kept, book);
    auto* last = memory_of<std::int64_t>(last_seen, 2, "last_seen");
    pass.sensor(last_seen.shape(1) - 2, last_seen.shape(0) - 2);
    if (window < 0) throw std::invalid_argument("window must not be negative");
    const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(pass.width) + 2;
    return pass.run(
        [&](const Event& event, std::int64_t time) {
            std::int64_t* here = last + (event.y + 1) * row + event.x + 1;
            const std::int64_t oldest = time < NEVER + 1 + window ? NEVER + 1 : time - window;
            const std::int64_t *above = here - row, *below = here + row;
            const int support = (above[-1] >= oldest) + (above[0] >= oldest) + (above[1] >= oldest) + (here[-1] >= oldest) +
                                (here[1] >= oldest) + (below[-1] >= oldest) + (below[0] >= oldest) + (below[1] >= oldest);
            *here = time;
            return support >= supporters;
        },
        [&](const Event& event) {
            if (!pass.inside(event)) return;
            const std::int64_t* here = last + (event.y + 1) * row + event.x + 1;
            __builtin_prefetch(here - row);
            __builtin_prefetch(here, 1);
            __builtin_prefetch(here + row);
        });
}

// A pixel's memory of the flicker filter; engine/events/filters/flicker.py says what it means.
constexpr int TONES = 4;
struct Phasor {
    std::int64_t last;
    std::int32_t weight, flickers;
    std::int16_t sums[2 * TONES];
};
static_assert(sizeof(Phasor) == 32);

std::ptrdiff_t filter_flicker(const py::array& events, py::array kept, py::array book, py::array memory, std::int64_t dead_time,
                              const py::array_t<std::uint64_t, py::array::c_style>& steps, const py::array_t<std::int16_t, py::array::c_style>& wave,
                              const py::array_t<std::int32_t, py::array::c_style>& fine, const py::array_t<std::int32_t, py::array::c_style>& coarse,
                              std::int32_t unit, std::int32_t least_weight, std::int32_t coherence) {
    Pass pass(events, kept, book);
    if (memory.ndim() != 2 || memory.itemsize() != sizeof(Phasor) || memory.dtype().kind() != 'V' || !(memory.flags() & py::array::c_style) || !memory.writeable())
        throw std::invalid_argument("memory must be height x width records of 32 bytes");
    auto* phasors = static_cast<Phasor*>(memory.mutable_data());
    pass.sensor(memory.shape(1), memory.shape(0));
    if (steps.ndim() != 1 || steps.size() != TONES) throw std::invalid_argument("steps must hold 4 frequencies");
    if (wave.ndim() != 3 || wave.shape(0) != 2 || wave.shape(1) != 256 || wave.shape(2) != 2 || fine.size() != 64 || coarse.size() < 1 || dead_time < 1)
        throw std::invalid_argument("a table of the flicker filter has the wrong size");
    const std::uint64_t step[TONES] = {steps.at(0), steps.at(1), steps.at(2), steps.at(3)};
    const std::int32_t *small = fine.data(), *large = coarse.data();
    const std::int16_t* table = wave.data();
    const std::uint64_t range = static_cast<std::uint64_t>(coarse.size()) * 64;
    return pass.run(
        [&, phasors, small, large, table, range](const Event& event, std::int64_t time) {
            Phasor& phasor = phasors[pass.pixel(event)];
            const std::uint64_t elapsed = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(phasor.last);
            if (phasor.last != NEVER && elapsed < static_cast<std::uint64_t>(dead_time)) return phasor.flickers == 0;
            const std::uint64_t ticks = elapsed >> 6;
            const bool forgotten = phasor.last == NEVER || ticks >= range;
            const std::int32_t decay = forgotten ? 0 : (large[ticks >> 6] * small[ticks & 63]) >> 15;
            const std::int16_t* turned = table + (event.polarity > 0 ? 512 : 0);  // OFF counts the other way round
            std::int16_t added[2 * TONES];
            for (int tone = 0; tone < TONES; ++tone) {
                const std::uint64_t phase = (static_cast<std::uint64_t>(time) * step[tone]) >> 56;
                added[2 * tone] = turned[2 * phase];
                added[2 * tone + 1] = turned[2 * phase + 1];
            }
            std::int32_t largest = 0;
            std::int16_t sums[2 * TONES];
            for (int k = 0; k < 2 * TONES; ++k) sums[k] = static_cast<std::int16_t>(((phasor.sums[k] * decay + (1 << 14)) >> 15) + added[k]);
            for (int tone = 0; tone < TONES; ++tone) {
                const std::int32_t power = sums[2 * tone] * sums[2 * tone] + sums[2 * tone + 1] * sums[2 * tone + 1];
                largest = std::max(largest, power);
            }
            std::copy(sums, sums + 2 * TONES, phasor.sums);
            phasor.last = time;
            phasor.weight = ((phasor.weight * decay + (1 << 14)) >> 15) + unit;
            const std::int32_t needed = (phasor.weight * coherence) >> 12;
            phasor.flickers = phasor.weight >= least_weight && largest >= needed * needed;
            return phasor.flickers == 0;
        },
        [&, phasors](const Event& event) {
            if (pass.inside(event)) __builtin_prefetch(phasors + pass.pixel(event), 1);
        });
}

// last_passed: 2 x cells down x cells across, by polarity.
std::ptrdiff_t filter_downsample(const py::array& events, py::array kept, py::array book, py::ssize_t width, py::ssize_t height, std::uint32_t factor,
                                 std::int64_t interval, py::array last_passed) {
    Pass pass(events, kept, book);
    pass.sensor(width, height);
    auto* last = memory_of<std::int64_t>(last_passed, 3, "last_passed");
    if (factor < 1 || factor > 32767 || interval < 0) throw std::invalid_argument("factor or interval is out of bounds");
    const std::uint32_t cells_x = (pass.width + factor - 1) / factor, cells_y = (pass.height + factor - 1) / factor;
    if (last_passed.shape(0) != 2 || last_passed.shape(1) != cells_y || last_passed.shape(2) != cells_x)
        throw std::invalid_argument("last_passed must be 2 x cells down x cells across");
    const std::uint64_t inverse = (std::uint64_t{1} << 32) / factor + 1;  // exact for the 15 bits of a coordinate
    return pass.run([&](Event& event, std::int64_t time) {
        const auto x = static_cast<std::uint32_t>((static_cast<std::uint64_t>(event.x) * inverse) >> 32);
        const auto y = static_cast<std::uint32_t>((static_cast<std::uint64_t>(event.y) * inverse) >> 32);
        event.x = static_cast<std::int16_t>(x);
        event.y = static_cast<std::int16_t>(y);
        if (interval == 0) return true;
        std::int64_t& passed = last[(std::size_t{event.polarity > 0} * cells_y + y) * cells_x + x];
        const bool stays = passed <= (time < NEVER + interval ? NEVER : time - interval);
        passed = stays ? time : passed;
        return stays;
    });
}

}  // namespace

void bind_filters(py::module_& module) {
    module.def("filter_mask", &filter_mask);
    module.def("filter_polarity", &filter_polarity);
    module.def("filter_region", &filter_region);
    module.def("filter_refractory", &filter_refractory);
    module.def("filter_background", &filter_background);
    module.def("filter_flicker", &filter_flicker);
    module.def("filter_downsample", &filter_downsample);
}

}  // namespace revisit
