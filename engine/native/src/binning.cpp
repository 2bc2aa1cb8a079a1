// Event frames: which events belong to which window, and the counts of each (kernels/binning.cpp).
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "../kernels/binning.hpp"
#include "../variant.hpp"
#include "events.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

constexpr std::int64_t WRAP = std::numeric_limits<std::uint16_t>::max();  // this many events cannot wrap a 16-bit count

struct Counted {
    std::int64_t out_of_range = 0;
    bool ordered = true;
};

// How events are to be counted.
struct How {
    Polarity polarity;
    bool check;  // whether the time stamps ascend
};

// `before` events were added to these counts already: only from the 65,536th on can one of them wrap.
void add(const EventView& view, std::ptrdiff_t first, std::ptrdiff_t last, std::int64_t before, Sensor sensor, How how, std::uint16_t* counts, Counted& total) {
    if (first >= last) return;
    const std::ptrdiff_t wrapping = first + static_cast<std::ptrdiff_t>(std::clamp<std::int64_t>(WRAP - before, 0, last - first));
    const auto run = [&](std::ptrdiff_t begin, std::ptrdiff_t end, bool saturating) {
        if (begin >= end) return;
        const CountTally tally = REVISIT_PICK(count_events)({view.t, view.x, view.y, view.p, begin, end, sensor, how.polarity, view.records, saturating, how.check}, counts);
        total.out_of_range += tally.out_of_range;
        total.ordered &= tally.ordered || !how.check;
    };
    run(first, wrapping, false);
    run(wrapping, last, true);
}

Polarity polarity_of(const std::string& name) {
    if (name == "both") return Polarity::both;
    if (name == "on") return Polarity::on;
    if (name == "off") return Polarity::off;
    if (name == "separate") return Polarity::separate;
    throw std::invalid_argument("polarity must be both, on, off or separate");
}

template <typename T>
T* checked(py::array& array, py::ssize_t dimensions, const char* name) {
    if (!py::isinstance<py::array_t<T>>(array) || array.ndim() != dimensions || !(array.flags() & py::array::c_style) || !array.writeable())
        throw std::invalid_argument(std::string(name) + " must be a contiguous, writable array of the declared type");
    return static_cast<T*>(array.mutable_data());
}

struct Counts {
    std::uint16_t* data;
    py::ssize_t planes;
    Sensor sensor;

    Counts(py::array& array, Polarity polarity) {
        data = checked<std::uint16_t>(array, 3, "counts");
        planes = array.shape(0);
        if (planes != (polarity == Polarity::separate ? 2 : 1) || array.shape(1) < 1 || array.shape(1) > 32767 || array.shape(2) < 1 || array.shape(2) > 32767)
            throw std::invalid_argument("counts must be planes x height x width of a sensor");
        sensor = {static_cast<std::uint32_t>(array.shape(2)), static_cast<std::uint32_t>(array.shape(1))};
    }
    std::size_t cells() const { return static_cast<std::size_t>(planes) * sensor.width * sensor.height; }
};

// What turns counts into a frame: region, mask, type of the frame.
struct Finish {
    std::ptrdiff_t x, y, width, height;
    const std::uint8_t* mask = nullptr;
    bool binary;

    Finish(const Counts& counts, const py::tuple& region, const py::object& mask_or_none, bool binary_) : binary(binary_) {
        if (region.size() != 4) throw std::invalid_argument("region must be x, y, width, height");
        x = region[0].cast<std::ptrdiff_t>(), y = region[1].cast<std::ptrdiff_t>();
        width = region[2].cast<std::ptrdiff_t>(), height = region[3].cast<std::ptrdiff_t>();
        const std::ptrdiff_t sensor_width = counts.sensor.width, sensor_height = counts.sensor.height;
        if (x < 0 || y < 0 || width < 1 || height < 1 || x > sensor_width || y > sensor_height || width > sensor_width - x || height > sensor_height - y)
            throw std::invalid_argument("region lies outside the sensor");
        if (mask_or_none.is_none()) return;
        if (!py::isinstance<py::array_t<bool>>(mask_or_none)) throw std::invalid_argument("mask must be an array of bool");
        const auto array = py::reinterpret_borrow<py::array>(mask_or_none);
        if (array.ndim() != 2 || array.shape(0) != sensor_height || array.shape(1) != sensor_width || !(array.flags() & py::array::c_style))
            throw std::invalid_argument("mask must be height x width of the sensor and contiguous");
        mask = static_cast<const std::uint8_t*>(array.data());
    }

    void check(const py::array& frames, py::ssize_t first_axis, const Counts& counts) const {
        const py::ssize_t axes = frames.ndim();
        if (axes != first_axis + 3 || frames.shape(first_axis) != counts.planes || frames.shape(first_axis + 1) != height || frames.shape(first_axis + 2) != width)
            throw std::invalid_argument("frames must be planes x height x width of the region");
    }

    // Writes one frame, adds to binned and saturated, and leaves the counts at zero.
    template <typename Pixel>
    void write(const Counts& counts, Pixel* frame, std::int64_t& binned, std::int64_t& saturated) const {
        const std::ptrdiff_t row = counts.sensor.width;
        const std::ptrdiff_t corner = y * row + x;
        for (py::ssize_t plane = 0; plane < counts.planes; ++plane) {
            const Crop crop{counts.data + plane * row * static_cast<std::ptrdiff_t>(counts.sensor.height) + corner, row,
                            mask == nullptr ? nullptr : mask + corner, width, height, binary};
            CropTally tally;
            if constexpr (sizeof(Pixel) == 1)
                tally = REVISIT_PICK(crop_counts_8)(crop, frame + plane * width * height);
            else
                tally = REVISIT_PICK(crop_counts_16)(crop, frame + plane * width * height);
            binned += static_cast<std::int64_t>(tally.binned);
            saturated += static_cast<std::int64_t>(tally.saturated);
        }
        std::memset(counts.data, 0, counts.cells() * sizeof(std::uint16_t));
    }
};

py::tuple accumulate_counts(const py::array& t, const py::array& x, const py::array& y, const py::array& p, std::int64_t before,
                            const std::string& polarity_name, py::array counts_array, bool check) {
    const Polarity polarity = polarity_of(polarity_name);
    const EventView view(t, x, y, p);
    const Counts counts(counts_array, polarity);
    if (before < 0) throw std::invalid_argument("before must not be negative");
    Counted total;
    {
        py::gil_scoped_release release;
        add(view, 0, view.count, before, counts.sensor, {polarity, check}, counts.data, total);
    }
    return py::make_tuple(total.out_of_range, total.ordered);
}

template <typename Pixel>
py::tuple finish_as(const Counts& counts, const Finish& finish, py::array& frame) {
    Pixel* out = checked<Pixel>(frame, 3, "frame");
    std::int64_t binned = 0, saturated = 0;
    {
        py::gil_scoped_release release;
        finish.write(counts, out, binned, saturated);
    }
    return py::make_tuple(binned, saturated);
}

py::tuple finish_counts(py::array counts_array, const py::tuple& region, const py::object& mask, bool binary, py::array frame) {
    if (counts_array.ndim() != 3) throw std::invalid_argument("counts must be planes x height x width of a sensor");
    const Counts counts(counts_array, counts_array.shape(0) == 2 ? Polarity::separate : Polarity::both);
    const Finish finish(counts, region, mask, binary);
    finish.check(frame, 0, counts);
    return frame.itemsize() == 1 ? finish_as<std::uint8_t>(counts, finish, frame) : finish_as<std::uint16_t>(counts, finish, frame);
}

bool count_slices(const py::array& t, const py::array& x, const py::array& y, const py::array& p, const py::array& first_array,
                  const py::array& last_array, const std::string& polarity_name, py::array counts_array, const py::tuple& region,
                  const py::object& mask, bool binary, py::array frames, py::array tally_array, bool check) {
    const Polarity polarity = polarity_of(polarity_name);
    const EventView view(t, x, y, p);
    const Counts counts(counts_array, polarity);
    const Finish finish(counts, region, mask, binary);
    finish.check(frames, 1, counts);
    const py::ssize_t slices = frames.shape(0);
    py::ssize_t stride;
    const auto* first = column<std::int64_t>(first_array, "first", slices, stride);
    if (slices > 1 && stride != 8) throw std::invalid_argument("first must be contiguous");
    const auto* last = column<std::int64_t>(last_array, "last", slices, stride);
    if (slices > 1 && stride != 8) throw std::invalid_argument("last must be contiguous");
    auto* tally = checked<std::int64_t>(tally_array, 2, "tally");
    if (tally_array.shape(0) != slices || tally_array.shape(1) != 3) throw std::invalid_argument("tally must be slices x 3");
    for (py::ssize_t k = 0; k < slices; ++k)
        if (first[k] < 0 || last[k] > view.count) throw std::invalid_argument("a slice lies outside the events");
    const bool small = frames.itemsize() == 1;
    void* out = small ? static_cast<void*>(checked<std::uint8_t>(frames, 4, "frames")) : checked<std::uint16_t>(frames, 4, "frames");
    const std::ptrdiff_t pixels = counts.planes * finish.width * finish.height;
    bool ordered = true;
    {
        py::gil_scoped_release release;
        for (py::ssize_t k = 0; k < slices; ++k) {
            Counted total;
            add(view, first[k], last[k], 0, counts.sensor, {polarity, check}, counts.data, total);
            std::int64_t binned = 0, saturated = 0;
            if (small)
                finish.write(counts, static_cast<std::uint8_t*>(out) + k * pixels, binned, saturated);
            else
                finish.write(counts, static_cast<std::uint16_t*>(out) + k * pixels, binned, saturated);
            tally[3 * k] = binned, tally[3 * k + 1] = total.out_of_range, tally[3 * k + 2] = saturated;
            ordered &= total.ordered;
        }
    }
    return ordered;
}

// For each of the ascending `times` the first index whose time is not earlier: steps that double, then halve, from the last find.
py::array_t<std::int64_t> lower_bounds(const py::array& t_array, const py::array& times_array) {
    py::ssize_t stride, times_stride;
    if (t_array.ndim() != 1 || times_array.ndim() != 1) throw std::invalid_argument("t and times must be columns");
    const std::ptrdiff_t count = t_array.shape(0), wanted = times_array.shape(0);
    const auto* t = column<std::int64_t>(t_array, "t", count, stride);
    const auto* times = column<std::int64_t>(times_array, "times", wanted, times_stride);
    if (stride % 8 != 0 || stride < 0 || (wanted > 1 && times_stride != 8)) throw std::invalid_argument("t or times has a stride that is not taken");
    const std::ptrdiff_t step = stride / 8;
    py::array_t<std::int64_t> result(wanted);
    std::int64_t* out = result.mutable_data();
    {
        py::gil_scoped_release release;
        std::ptrdiff_t low = 0;  // everything before `low` is earlier than the time looked for
        for (std::ptrdiff_t k = 0; k < wanted; ++k) {
            std::ptrdiff_t jump = 1;
            while (low + jump <= count && t[(low + jump - 1) * step] < times[k]) {
                low += jump;
                jump *= 2;
            }
            std::ptrdiff_t high = std::min(low + jump, count);
            while (low < high) {
                const std::ptrdiff_t middle = low + (high - low) / 2;
                if (t[middle * step] < times[k])
                    low = middle + 1;
                else
                    high = middle;
            }
            out[k] = low;
        }
    }
    return result;
}

// Whether no time is earlier than the one before it: the sign of a difference says so, without a branch or a 64-bit comparison.
bool ascends(const std::int64_t* t, std::ptrdiff_t count, std::ptrdiff_t step) {
    constexpr std::int64_t HALF = std::numeric_limits<std::int64_t>::max() / 2;
    if (t[0] < -HALF || t[(count - 1) * step] > HALF) return false;  // differences could overflow: let the caller compare
    std::uint64_t signs = 0;
    if (step == 1)
        for (std::ptrdiff_t i = 1; i < count; ++i) signs |= static_cast<std::uint64_t>(t[i]) - static_cast<std::uint64_t>(t[i - 1]);
    else
        for (std::ptrdiff_t i = 1; i < count; ++i) signs |= static_cast<std::uint64_t>(t[i * step]) - static_cast<std::uint64_t>(t[(i - 1) * step]);
    return signs >> 63 == 0;
}

// How many events are earlier than the latest before them (`clock` at the start), and the latest of all.
py::tuple count_backwards(const py::array& t_array, std::int64_t clock) {
    py::ssize_t stride;
    if (t_array.ndim() != 1) throw std::invalid_argument("t must be one column");
    const std::ptrdiff_t count = t_array.shape(0);
    const auto* t = column<std::int64_t>(t_array, "t", count, stride);
    if (stride % 8 != 0) throw std::invalid_argument("t has a stride that is not taken");
    const std::ptrdiff_t step = stride / 8;
    std::int64_t backwards = 0;
    {
        py::gil_scoped_release release;
        if (count > 0 && t[0] >= clock && ascends(t, count, step)) {
            clock = t[(count - 1) * step];
        } else {
            for (std::ptrdiff_t i = 0; i < count; ++i) {
                const std::int64_t now = t[i * step];
                backwards += now < clock;
                clock = std::max(clock, now);
            }
        }
    }
    return py::make_tuple(backwards, clock);
}

// Keeps each pixel's latest time (t is ascending). surface: planes x height x width.
std::int64_t update_surface(const py::array& t, const py::array& x, const py::array& y, const py::array& p, const std::string& polarity_name, py::array surface_array) {
    const Polarity polarity = polarity_of(polarity_name);
    const EventView view(t, x, y, p);
    auto* surface = checked<std::int64_t>(surface_array, 3, "surface");
    if (surface_array.shape(0) != (polarity == Polarity::separate ? 2 : 1)) throw std::invalid_argument("surface has the wrong number of planes");
    const std::size_t height = surface_array.shape(1), width = surface_array.shape(2);
    std::int64_t out_of_range = 0;
    const std::ptrdiff_t wide = view.records ? 2 : 1, narrow = view.records ? 8 : 1, byte = view.records ? 16 : 1;
    {
        py::gil_scoped_release release;
        for (std::ptrdiff_t i = 0; i < view.count; ++i) {
            const std::size_t px = static_cast<std::uint16_t>(view.x[i * narrow]), py_ = static_cast<std::uint16_t>(view.y[i * narrow]);
            if (px >= width || py_ >= height) {
                ++out_of_range;
                continue;
            }
            const bool on = view.p[i * byte] > 0;
            if ((polarity == Polarity::on && !on) || (polarity == Polarity::off && on)) continue;
            surface[(polarity == Polarity::separate && on ? width * height : 0) + py_ * width + px] = view.t[i * wide];
        }
    }
    return out_of_range;
}

}  // namespace

void bind_binning(py::module_& module) {
    module.def("count_slices", &count_slices, py::arg("t"), py::arg("x"), py::arg("y"), py::arg("p"), py::arg("first"), py::arg("last"),
               py::arg("polarity"), py::arg("counts"), py::arg("region"), py::arg("mask"), py::arg("binary"), py::arg("frames"), py::arg("tally"), py::arg("check"));
    module.def("accumulate_counts", &accumulate_counts, py::arg("t"), py::arg("x"), py::arg("y"), py::arg("p"), py::arg("before"), py::arg("polarity"), py::arg("counts"), py::arg("check"));
    module.def("finish_counts", &finish_counts, py::arg("counts"), py::arg("region"), py::arg("mask"), py::arg("binary"), py::arg("frame"));
    module.def("lower_bounds", &lower_bounds, py::arg("t"), py::arg("times"));
    module.def("count_backwards", &count_backwards, py::arg("t"), py::arg("clock"));
    module.def("update_surface", &update_surface, py::arg("t"), py::arg("x"), py::arg("y"), py::arg("p"), py::arg("polarity"), py::arg("surface"));
}

}  // namespace revisit
