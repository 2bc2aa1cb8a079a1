// Views of event arrays that Python passes: 16-byte records or separate columns, checked before a loop sees them.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "event.hpp"

namespace revisit {

constexpr std::int64_t NEVER = std::numeric_limits<std::int64_t>::min();  // no event yet; clocks start one later

template <typename T>
const T* column(const pybind11::array& array, const char* name, pybind11::ssize_t count, pybind11::ssize_t& stride) {
    const bool typed = array.dtype().kind() == 'i' && array.itemsize() == static_cast<pybind11::ssize_t>(sizeof(T));
    if (!typed || array.ndim() != 1 || array.shape(0) != count)
        throw std::invalid_argument(std::string(name) + " must be a column of int" + std::to_string(8 * sizeof(T)) +
                                    " as long as the others");
    stride = count > 1 ? array.strides(0) : 0;
    const auto* data = static_cast<const T*>(array.data());
    if (reinterpret_cast<std::uintptr_t>(data) % alignof(T) != 0) throw std::invalid_argument(std::string(name) + " is not aligned");
    return data;
}

// The four columns of `count` events; `records` when they are the fields of Event records, else each is contiguous.
struct EventView {
    const std::int64_t* t;
    const std::int16_t *x, *y;
    const std::int8_t* p;
    std::ptrdiff_t count;
    bool records;

    EventView(const pybind11::array& at, const pybind11::array& ax, const pybind11::array& ay, const pybind11::array& ap) {
        pybind11::ssize_t strides[4];
        if (at.ndim() != 1) throw std::invalid_argument("t must be one column");
        count = at.shape(0);
        t = column<std::int64_t>(at, "t", count, strides[0]);
        x = column<std::int16_t>(ax, "x", count, strides[1]);
        y = column<std::int16_t>(ay, "y", count, strides[2]);
        p = column<std::int8_t>(ap, "p", count, strides[3]);
        const auto* event = reinterpret_cast<const Event*>(t);
        records = count > 1 && strides[0] == 16 && strides[1] == 16 && strides[2] == 16 && strides[3] == 16 && x == &event->x &&
                  y == &event->y && p == &event->polarity;
        const bool columns = strides[0] == 8 && strides[1] == 2 && strides[2] == 2 && strides[3] == 1;
        if (count > 1 && !records && !columns)
            throw std::invalid_argument("t, x, y, p must be contiguous columns, or the fields of contiguous EVENT_DTYPE records");
    }
};

}  // namespace revisit
