// Bindings of the recordings' decoders: dtype, layout and size are checked here, and the GIL is released.
#include "recordings.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <limits>
#include <stdexcept>
#include <string>

namespace py = pybind11;

namespace revisit {
namespace {

// Whether every event is on the sensor, in order and of polarity 0 or 1: what nearly all blocks are, without a count of what is not.
bool all_well(const Event* events, std::size_t count, int width, int height, std::int64_t newest) {
    bool ill = events[0].timestamp < newest;
    std::int64_t before = events[0].timestamp;
    for (std::size_t i = 0; i < count; ++i) {
        const Event& event = events[i];
        ill |= (static_cast<std::uint32_t>(event.x) >= static_cast<std::uint32_t>(width)) |
               (static_cast<std::uint32_t>(event.y) >= static_cast<std::uint32_t>(height)) |
               (static_cast<std::uint8_t>(event.polarity) > 1) | (event.timestamp < before);
        before = event.timestamp;
    }
    return !ill;
}

}  // namespace

Checked check_events(const Event* events, std::size_t count, int width, int height, std::int64_t newest) {
    Checked checked{0, 0, 0, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
    if (count && all_well(events, count, width, height, newest)) {
        checked.first = events[0].timestamp;
        checked.last = events[count - 1].timestamp;
        return checked;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const Event& event = events[i];
        // A negative coordinate is a large unsigned one: one comparison a side.
        checked.outside += (static_cast<std::uint32_t>(event.x) >= static_cast<std::uint32_t>(width)) |
                           (static_cast<std::uint32_t>(event.y) >= static_cast<std::uint32_t>(height));
        checked.odd += static_cast<std::uint8_t>(event.polarity) > 1;
        checked.backwards += event.timestamp < newest;
        newest = event.timestamp > newest ? event.timestamp : newest;
        checked.first = event.timestamp < checked.first ? event.timestamp : checked.first;
        checked.last = event.timestamp > checked.last ? event.timestamp : checked.last;
    }
    return checked;
}

namespace {

template <typename T>
const T* input(const py::array& array, const char* name, std::size_t& count) {
    if (array.ndim() != 1 || array.itemsize() != static_cast<py::ssize_t>(sizeof(T)) || !(array.flags() & py::array::c_style))
        throw std::invalid_argument(std::string(name) + " must be a contiguous 1-D array of " + std::to_string(sizeof(T)) + "-byte elements.");
    if (reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T)) throw std::invalid_argument(std::string(name) + " must be aligned.");
    count = static_cast<std::size_t>(array.shape(0));
    return static_cast<const T*>(array.data());
}

template <typename T>
T* output(py::array& array, const char* name, std::size_t& count) {
    const T* data = input<T>(array, name, count);
    if (!array.writeable()) throw std::invalid_argument(std::string(name) + " must be writeable.");
    return const_cast<T*>(data);
}

std::int64_t* evt_state(py::array& state) {
    std::size_t count = 0;
    std::int64_t* values = output<std::int64_t>(state, "state", count);
    if (count != kEvtStates) throw std::invalid_argument("state must have " + std::to_string(kEvtStates) + " elements.");
    if (values[kPolarity] < 0 || values[kPolarity] > 1 || values[kX] > 0x7000 || values[kY] > 0x7FF || values[kBase] > (std::int64_t{1} << 61) ||
        values[kTime] > (std::int64_t{1} << 61))
        throw std::invalid_argument("state must come from an earlier call.");
    return values;
}

template <typename Word>
py::tuple decode_evt(Decoded (*decode)(const Word*, std::size_t, std::int64_t*, Event*, std::size_t), const py::array& words,
                     py::array& state, py::array& out) {
    std::size_t count = 0, room = 0;
    const Word* data = input<Word>(words, "words", count);
    Event* events = output<Event>(out, "out", room);
    std::int64_t* values = evt_state(state);
    Decoded decoded{0, 0};
    {
        const py::gil_scoped_release release;
        decoded = decode(data, count, values, events, room);
    }
    return py::make_tuple(decoded.consumed, decoded.written);
}

}  // namespace

void bind_recordings(py::module_& module) {
    module.def(
        "decode_evt2",
        [](const py::array& words, py::array& state, py::array& out) { return decode_evt<std::uint32_t>(decode_evt2, words, state, out); },
        py::arg("words"), py::arg("state"), py::arg("out"), "EVT 2.0 words to events: (words taken, events written).");
    module.def(
        "decode_evt3",
        [](const py::array& words, py::array& state, py::array& out) { return decode_evt<std::uint16_t>(decode_evt3, words, state, out); },
        py::arg("words"), py::arg("state"), py::arg("out"), "EVT 3.0 words to events: (words taken, events written).");
    module.def(
        "parse_events",
        [](const py::bytes& text, const std::array<int, 4>& columns, int unit, py::array& out) {
            for (const int column : columns)
                if (column < 0 || column > 15) throw std::invalid_argument("columns must be between 0 and 15.");
            if (unit < 0 || unit > 3) throw std::invalid_argument("unit must be 0 (us), 1 (s), 2 (ns) or 3 (ms).");
            char* data = nullptr;
            py::ssize_t length = 0;
            if (PyBytes_AsStringAndSize(text.ptr(), &data, &length)) throw py::error_already_set();
            std::size_t room = 0;
            Event* events = output<Event>(out, "out", room);
            Parsed parsed{0, 0, 0};
            {
                const py::gil_scoped_release release;
                parsed = parse_text(data, static_cast<std::size_t>(length), {columns[0], columns[1], columns[2], columns[3], unit}, events, room);
            }
            return py::make_tuple(parsed.consumed, parsed.written, parsed.malformed);
        },
        py::arg("text"), py::arg("columns"), py::arg("unit"), py::arg("out"),
        "Whole lines of text to events: (bytes taken, events written, malformed lines).");
    module.def(
        "format_events",
        [](const py::array& events, bool seconds) {
            std::size_t count = 0;
            const Event* data = input<Event>(events, "events", count);
            std::string text(count * kTextEvent, '\0');
            {
                const py::gil_scoped_release release;
                text.resize(format_text(data, count, seconds, &text[0]));
            }
            return py::bytes(text);
        },
        py::arg("events"), py::arg("seconds"), "Events to lines `t x y p`.");
    module.def(
        "check_events",
        [](const py::array& events, int width, int height, std::int64_t newest) {
            std::size_t count = 0;
            const Event* data = input<Event>(events, "events", count);
            if (width < 0 || height < 0) throw std::invalid_argument("width and height must not be negative.");
            Checked checked{};
            {
                const py::gil_scoped_release release;
                checked = check_events(data, count, width, height, newest);
            }
            return py::make_tuple(checked.outside, checked.backwards, checked.odd, checked.first, checked.last);
        },
        py::arg("events"), py::arg("width"), py::arg("height"), py::arg("newest"),
        "(off the sensor, older than the newest before, odd polarity, oldest time stamp, newest time stamp).");
}

}  // namespace revisit
