// VirtualChip: a chain of Speck's cores, simulated in the chip's integers, event by event or step by step.
//
// Every core is a convolution with integrate-and-fire neurons. The order of things is fixed: a spike meets the positions of the
// output map row by row and there the features in order, and what fires goes to the next core at once, which as every core takes
// its spikes in the order in which they come is the same as a queue between the cores.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "aligned.hpp"
#include "event.hpp"
#include "events.hpp"
#include "kernels/chip.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

template <typename T>
using Array = py::array_t<T, py::array::c_style>;
using Weights = Array<std::int8_t>;
using Three = std::array<std::int64_t, 3>;
using Two = std::array<std::int64_t, 2>;
// weights (channels, kernel, kernel, features); inputs (channels, rows, columns); stride; padding; pool; threshold; lowest
using Given = std::tuple<Weights, Three, Two, Two, std::int64_t, std::int64_t, std::int64_t>;

constexpr std::int64_t most_spikes = 32767;            // of one neuron in one step
constexpr std::int64_t most_arriving = (1 << 30) / 128;  // spikes at one core in one step: their sum fits 32 bits

void require(bool held, const char* what) {
    if (!held) throw std::invalid_argument(what);
}

struct Tap {
    std::uint32_t output, kernel;  // a row (column) of the output map, and the kernel's over the input there
};

// For every row (column) of the input, the output rows whose kernel covers it, in order.
std::vector<std::vector<Tap>> taps(std::int64_t size, std::int64_t outputs, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    std::vector<std::vector<Tap>> result(static_cast<std::size_t>(size));
    for (std::int64_t output = 0; output < outputs; ++output)
        for (std::int64_t k = 0; k < kernel; ++k) {
            const std::int64_t input = output * stride - padding + k;
            if (input >= 0 && input < size)
                result[static_cast<std::size_t>(input)].push_back({static_cast<std::uint32_t>(output), static_cast<std::uint32_t>(k)});
        }
    return result;
}

struct Core {
    std::size_t channels, rows, columns, kernel, features, lanes, out_rows, out_columns;
    std::uint32_t pool;
    Membranes membranes;
    std::vector<std::vector<Tap>> row_taps, column_taps;
    Aligned<std::int8_t> weights;       // (channels, kernel, kernel, lanes)
    std::vector<std::int64_t> fan_out;  // nonzero weights of every (channel, kernel, kernel)
    Aligned<std::int16_t> states;       // (out_rows, out_columns, lanes), event by event
    Aligned<std::int32_t> sums;         // the same, step by step
    std::vector<std::uint32_t> fired;
    Aligned<std::uint8_t> marks;
    std::int64_t arrived = 0, spikes = 0, synops = 0;
    std::uint64_t ended = 0;

    explicit Core(const Given& given) {
        const auto& [array, inputs, stride, padding, pooled, threshold, lowest] = given;
        require(array.ndim() == 4 && array.size() > 0 && array.shape(1) == array.shape(2), "weights must be channels x kernel x kernel x features");
        require(array.shape(0) == inputs[0], "weights need a kernel for each channel of the input");
        for (const std::int64_t size : inputs) require(size >= 1 && size <= 4096, "an input map has 1 to 4096 channels, rows, columns");
        for (int axis = 0; axis < 2; ++axis)
            require(stride[axis] >= 1 && stride[axis] <= 4096 && padding[axis] >= 0 && padding[axis] <= 4096, "stride or padding out of range");
        require(pooled >= 1 && pooled <= 4096, "pool must be positive");
        require(threshold >= 1 && threshold <= 32767, "a threshold must be from 1 to 32767");
        require(lowest <= 0 && lowest >= -32768, "the lowest membrane must be from -32768 to 0");
        channels = static_cast<std::size_t>(inputs[0]), rows = static_cast<std::size_t>(inputs[1]), columns = static_cast<std::size_t>(inputs[2]);
        kernel = static_cast<std::size_t>(array.shape(1)), features = static_cast<std::size_t>(array.shape(3));
        require(features <= 65536 && kernel <= 4096, "too many features, or too large a kernel");
        std::int64_t outputs[2];
        for (int axis = 0; axis < 2; ++axis) {
            const std::int64_t room = inputs[1 + axis] + 2 * padding[axis] - array.shape(1);
            require(room >= 0, "the kernel is larger than the padded input");
            outputs[axis] = room / stride[axis] + 1;
        }
        out_rows = static_cast<std::size_t>(outputs[0]), out_columns = static_cast<std::size_t>(outputs[1]);
        pool = static_cast<std::uint32_t>(pooled);
        membranes = {static_cast<std::int32_t>(threshold), static_cast<std::int32_t>(lowest)};
        row_taps = taps(inputs[1], outputs[0], array.shape(1), stride[0], padding[0]);
        column_taps = taps(inputs[2], outputs[1], array.shape(1), stride[1], padding[1]);
        lanes = features == 1 ? 1 : (features + 63) / 64 * 64;
        const std::size_t kernels = channels * kernel * kernel;
        weights = zeros<std::int8_t>(kernels * lanes);
        fan_out.assign(kernels, 0);
        const std::int8_t* from = array.data();
        for (std::size_t tap = 0; tap < kernels; ++tap)
            for (std::size_t f = 0; f < features; ++f) {
                weights[tap * lanes + f] = from[tap * features + f];
                fan_out[tap] += from[tap * features + f] != 0;
            }
        states = zeros<std::int16_t>(neurons());
        sums = zeros<std::int32_t>(neurons());
        marks = zeros<std::uint8_t>(lanes);
        fired.resize(lanes);
    }

    std::size_t positions() const { return out_rows * out_columns; }
    std::size_t neurons() const { return positions() * lanes; }
    std::size_t tap(std::size_t channel, std::size_t row, std::size_t column) const { return (channel * kernel + row) * kernel + column; }
    // As an array (features, rows, columns) counts them.
    std::int32_t index(std::size_t feature, std::size_t row, std::size_t column) const {
        return static_cast<std::int32_t>((feature * out_rows + row) * out_columns + column);
    }
};

struct Arriving {
    std::uint32_t channel, row, column;
    std::int32_t times;
};

class VirtualChip {
public:
    VirtualChip(const std::vector<Given>& layers, std::int64_t pool) : pool_(static_cast<std::uint32_t>(pool)) {
        require(!layers.empty(), "a chip needs a layer");
        require(pool >= 1 && pool <= 4096, "pool must be positive");
        for (const Given& given : layers) cores_.emplace_back(given);
        for (std::size_t i = 0; i + 1 < cores_.size(); ++i) {
            const Core &core = cores_[i], &next = cores_[i + 1];
            require(next.channels == core.features && next.rows == core.out_rows / core.pool && next.columns == core.out_columns / core.pool,
                    "a layer's input must be the map of the layer before");
        }
    }

    void reset() {
        const std::lock_guard<std::mutex> alone(running_);
        for (Core& core : cores_) {
            std::fill_n(core.states.get(), core.neurons(), std::int16_t{0});
            std::fill_n(core.sums.get(), core.neurons(), 0);
            core.arrived = core.spikes = core.synops = 0;
            core.ended = 0;
        }
        off_ = 0;
        clock_ = NEVER;
    }

    py::tuple run_events(const py::array& events, std::int64_t first) {
        require(events.ndim() == 1 && events.itemsize() == sizeof(Event) && events.dtype().kind() == 'V' && (events.flags() & py::array::c_style) &&
                    reinterpret_cast<std::uintptr_t>(events.data()) % alignof(Event) == 0,
                "events must be a contiguous array of 16-byte event records");
        require(first >= 0 && static_cast<std::size_t>(first) < cores_.size(), "there is no such layer to feed");
        const Event* given = static_cast<const Event*>(events.data());
        const std::size_t count = static_cast<std::size_t>(events.shape(0));
        std::vector<std::int64_t> times;
        std::vector<std::int32_t> neurons;
        {
            const py::gil_scoped_release released;
            const std::lock_guard<std::mutex> alone(running_);
            times_ = &times, neurons_ = &neurons;
            const Core& entry = cores_[static_cast<std::size_t>(first)];
            const std::uint32_t pool = first == 0 ? pool_ : 1;
            for (std::size_t i = 0; i < count; ++i) {
                clock_ = std::max(clock_, given[i].timestamp);
                const std::uint32_t x = static_cast<std::uint16_t>(given[i].x) / pool, y = static_cast<std::uint16_t>(given[i].y) / pool;
                if (given[i].x < 0 || given[i].y < 0 || x >= entry.columns || y >= entry.rows)
                    ++off_;
                else
                    arrive(static_cast<std::size_t>(first), 0, y, x);
            }
            times_ = nullptr, neurons_ = nullptr;
        }
        return py::make_tuple(Array<std::int64_t>(static_cast<py::ssize_t>(times.size()), times.data()),
                              Array<std::int32_t>(static_cast<py::ssize_t>(neurons.size()), neurons.data()));
    }

    Array<std::int32_t> run_steps(const Array<std::uint8_t>& counts) {
        const Core &entry = cores_.front(), &exit = cores_.back();
        require(counts.ndim() == 4 && static_cast<std::size_t>(counts.shape(1)) == entry.channels && static_cast<std::size_t>(counts.shape(2)) == entry.rows &&
                    static_cast<std::size_t>(counts.shape(3)) == entry.columns,
                "counts must be steps x channels x rows x columns of the first layer's input");
        const std::size_t steps = static_cast<std::size_t>(counts.shape(0)), inputs = entry.channels * entry.rows * entry.columns;
        const std::size_t outputs = exit.features * exit.positions();
        Array<std::int32_t> result({static_cast<py::ssize_t>(steps), static_cast<py::ssize_t>(outputs)});
        const std::uint8_t* from = counts.data();
        std::int32_t* to = result.mutable_data();
        const py::gil_scoped_release released;
        const std::lock_guard<std::mutex> alone(running_);
        std::fill_n(to, steps * outputs, 0);
        for (std::size_t step = 0; step < steps; ++step, from += inputs, to += outputs) {
            list_inputs(from, inputs);
            for (std::size_t i = 0; i < cores_.size(); ++i) {
                gather(cores_[i]);
                settle(cores_[i], i + 1 == cores_.size() ? to : nullptr);
            }
        }
        return result;
    }

    Array<std::int64_t> totals() {
        const std::lock_guard<std::mutex> alone(running_);
        Array<std::int64_t> result({static_cast<py::ssize_t>(cores_.size()), py::ssize_t{4}});
        std::int64_t* to = result.mutable_data();
        for (const Core& core : cores_) {
            *to++ = core.arrived;
            *to++ = core.spikes;
            *to++ = core.synops;
            *to++ = static_cast<std::int64_t>(core.ended);
        }
        return result;
    }

    std::int64_t off() const { return off_; }

    Array<std::int32_t> membranes(std::int64_t layer, bool stepped) {
        require(layer >= 0 && static_cast<std::size_t>(layer) < cores_.size(), "there is no such layer");
        const std::lock_guard<std::mutex> alone(running_);
        const Core& core = cores_[static_cast<std::size_t>(layer)];
        Array<std::int32_t> result({static_cast<py::ssize_t>(core.features), static_cast<py::ssize_t>(core.out_rows), static_cast<py::ssize_t>(core.out_columns)});
        std::int32_t* to = result.mutable_data();
        for (std::size_t position = 0; position < core.positions(); ++position)
            for (std::size_t f = 0; f < core.features; ++f) {
                const std::size_t at = position * core.lanes + f;
                to[f * core.positions() + position] = stepped ? core.sums[at] : core.states[at];
            }
        return result;
    }

private:
    // One spike at a core, and all that follows from it.
    void arrive(std::size_t number, std::size_t channel, std::size_t row, std::size_t column) {
        Core& core = cores_[number];
        ++core.arrived;
        for (const Tap& high : core.row_taps[row])
            for (const Tap& wide : core.column_taps[column]) {
                const std::size_t tap = core.tap(channel, high.kernel, wide.kernel);
                const std::int64_t fan_out = core.fan_out[tap];
                if (fan_out == 0) continue;
                core.synops += fan_out;
                const std::size_t position = high.output * core.out_columns + wide.output;
                if (core.lanes == 1) {
                    if (alone(core, position, core.weights[tap])) emit(number, 0, high.output, wide.output);
                    continue;
                }
                const std::size_t fired =
                    REVISIT_PICK(chip_arrive)(core.states.get() + position * core.lanes, core.weights.get() + tap * core.lanes, core.lanes,
                                              core.membranes, core.marks.get(), core.fired.data(), &core.ended);
                for (std::size_t i = 0; i < fired; ++i) emit(number, core.fired[i], high.output, wide.output);
            }
    }

    // The one neuron of a position, as chip_arrive does it.
    static bool alone(Core& core, std::size_t position, std::int32_t weight) {
        std::int16_t& state = core.states[position];
        const std::int32_t sum = state + weight;
        std::int32_t held = std::min(std::max(sum, -32768), 32767);
        core.ended += held != sum;
        const bool fires = held >= core.membranes.threshold;
        if (fires) held -= core.membranes.threshold;
        state = static_cast<std::int16_t>(std::max(held, core.membranes.lowest));
        return fires;
    }

    void emit(std::size_t number, std::uint32_t feature, std::uint32_t row, std::uint32_t column) {
        Core& core = cores_[number];
        ++core.spikes;
        if (number + 1 == cores_.size()) {
            times_->push_back(clock_);
            neurons_->push_back(core.index(feature, row, column));
            return;
        }
        const std::uint32_t y = row / core.pool, x = column / core.pool;
        if (y < cores_[number + 1].rows && x < cores_[number + 1].columns) arrive(number + 1, feature, y, x);
    }

    void list_inputs(const std::uint8_t* from, std::size_t inputs) {
        const Core& entry = cores_.front();
        list_.clear();
        const auto add = [&](std::size_t i) {
            const std::size_t in_row = i % (entry.rows * entry.columns);
            list_.push_back({static_cast<std::uint32_t>(i / (entry.rows * entry.columns)), static_cast<std::uint32_t>(in_row / entry.columns),
                             static_cast<std::uint32_t>(in_row % entry.columns), from[i]});
        };
        std::size_t i = 0;
        for (; i + 8 <= inputs; i += 8) {
            std::uint64_t eight;
            std::memcpy(&eight, from + i, 8);
            if (eight != 0)
                for (std::size_t j = i; j < i + 8; ++j)
                    if (from[j] != 0) add(j);
        }
        for (; i < inputs; ++i)
            if (from[i] != 0) add(i);
    }

    void gather(Core& core) {
        std::int64_t total = 0;
        for (const Arriving& spike : list_) total += spike.times;
        if (total > most_arriving) throw std::invalid_argument("more spikes arrive at a core in one step than can be summed");
        core.arrived += total;
        for (const Arriving& spike : list_)
            for (const Tap& high : core.row_taps[spike.row])
                for (const Tap& wide : core.column_taps[spike.column]) {
                    const std::size_t tap = core.tap(spike.channel, high.kernel, wide.kernel);
                    const std::int64_t fan_out = core.fan_out[tap];
                    if (fan_out == 0) continue;
                    core.synops += fan_out * spike.times;
                    const std::size_t position = high.output * core.out_columns + wide.output;
                    if (core.lanes == 1)
                        core.sums[position] += spike.times * core.weights[tap];
                    else
                        REVISIT_PICK(chip_add)(core.sums.get() + position * core.lanes, core.weights.get() + tap * core.lanes, core.lanes, spike.times);
                }
    }

    // Fires, empties the list and fills it with what goes on to the next core, or writes the spikes of the last one.
    void settle(Core& core, std::int32_t* to) {
        list_.clear();
        for (std::size_t position = 0; position < core.positions(); ++position) {
            std::int32_t* const sums = core.sums.get() + position * core.lanes;
            if (!REVISIT_PICK(chip_settle)(sums, core.lanes, core.membranes, core.marks.get(), &core.ended)) continue;
            const std::size_t row = position / core.out_columns, column = position % core.out_columns;
            for (std::size_t f = 0; f < core.features; ++f) {
                if (core.marks[f] == 0) continue;
                const std::int32_t spikes = sums[f] / core.membranes.threshold;
                if (spikes > most_spikes) throw std::invalid_argument("a neuron fires more often in one step than can be counted");
                sums[f] -= spikes * core.membranes.threshold;
                core.spikes += spikes;
                if (to != nullptr)
                    to[core.index(f, row, column)] = spikes;
                else if (row / core.pool < core.out_rows / core.pool && column / core.pool < core.out_columns / core.pool)
                    list_.push_back({static_cast<std::uint32_t>(f), static_cast<std::uint32_t>(row / core.pool),
                                     static_cast<std::uint32_t>(column / core.pool), spikes});
            }
        }
    }

    std::vector<Core> cores_;
    std::uint32_t pool_;
    std::int64_t off_ = 0, clock_ = NEVER;
    std::vector<Arriving> list_;
    std::vector<std::int64_t>* times_ = nullptr;
    std::vector<std::int32_t>* neurons_ = nullptr;
    std::mutex running_;
};

}  // namespace

void bind_chip(py::module_& module) {
    py::class_<VirtualChip>(module, "VirtualChip", "A chain of Speck's cores in the chip's integers; see the twin for the rule.")
        .def(py::init<const std::vector<Given>&, std::int64_t>(), py::arg("layers"), py::arg("pool") = 1)
        .def("reset", &VirtualChip::reset)
        .def("run_events", &VirtualChip::run_events, py::arg("events"), py::arg("first") = 0)
        .def("run_steps", &VirtualChip::run_steps, py::arg("counts"))
        .def("totals", &VirtualChip::totals)
        .def("membranes", &VirtualChip::membranes, py::arg("layer"), py::arg("stepped"))
        .def_property_readonly("off", &VirtualChip::off);
}

}  // namespace revisit
