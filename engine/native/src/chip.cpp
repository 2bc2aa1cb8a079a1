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

// One position of the output map whose kernel covers an input pixel, and the kernel's weight there (of the first channel).
struct Reach {
    std::uint32_t position, kernel;
};

// Where a row (column) of the input lies in the kernel at a row (column) of the output; negative or too large where it does not.
std::int64_t within(std::int64_t input, std::int64_t output, std::int64_t stride, std::int64_t padding) { return input - output * stride + padding; }

struct Core {
    std::size_t channels, rows, columns, kernel, features, lanes, out_rows, out_columns;
    std::uint32_t pool;
    Membranes membranes;
    std::vector<Reach> reaches;          // of every input pixel, row by row, those with a weight in any channel
    std::vector<std::uint32_t> first;    // of every input pixel: its first reach; and one past the last
    std::vector<std::uint32_t> reaching; // the input pixels that reach anything: 1 in 64 where a pixel of every cell is selected
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
        list_reaches(stride, padding);
        states = zeros<std::int16_t>(neurons());
        sums = zeros<std::int32_t>(neurons());
        marks = zeros<std::uint8_t>((neurons() + 7) / 8 * 8);
        fired.resize(lanes);
    }

    void list_reaches(const Two& stride, const Two& padding) {
        std::vector<bool> empty(kernel * kernel, true);
        for (std::size_t tap = 0; tap < fan_out.size(); ++tap)
            if (fan_out[tap] != 0) empty[tap % (kernel * kernel)] = false;
        const std::int64_t side = static_cast<std::int64_t>(kernel);
        for (std::size_t row = 0; row < rows; ++row)
            for (std::size_t column = 0; column < columns; ++column) {
                first.push_back(static_cast<std::uint32_t>(reaches.size()));
                for (std::size_t y = 0; y < out_rows; ++y) {
                    const std::int64_t ky = within(static_cast<std::int64_t>(row), static_cast<std::int64_t>(y), stride[0], padding[0]);
                    if (ky < 0) break;
                    if (ky >= side) continue;
                    for (std::size_t x = 0; x < out_columns; ++x) {
                        const std::int64_t kx = within(static_cast<std::int64_t>(column), static_cast<std::int64_t>(x), stride[1], padding[1]);
                        if (kx < 0) break;
                        const std::size_t tap = static_cast<std::size_t>(ky * side + kx);
                        if (kx < side && !empty[tap])
                            reaches.push_back({static_cast<std::uint32_t>(y * out_columns + x), static_cast<std::uint32_t>(tap)});
                    }
                }
                require(reaches.size() < (std::size_t{1} << 28), "the layer is too large");
                if (reaches.size() > first.back()) reaching.push_back(static_cast<std::uint32_t>(first.size() - 1));
            }
        first.push_back(static_cast<std::uint32_t>(reaches.size()));
    }

    std::size_t positions() const { return out_rows * out_columns; }
    std::size_t neurons() const { return positions() * lanes; }
    // As an array (features, rows, columns) counts them.
    std::int32_t index(std::size_t feature, std::size_t position) const { return static_cast<std::int32_t>(feature * positions() + position); }
};

struct Arriving {
    std::uint32_t channel, pixel;
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
            if (first == 0 && pool_ > 1)
                take<true>(given, count, 0);
            else
                take<false>(given, count, static_cast<std::size_t>(first));
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
            std::int64_t arrived = list_inputs(from);
            for (std::size_t i = 0; i < cores_.size(); ++i) {
                gather(cores_[i], arrived);
                arrived = settle(cores_[i], i + 1 < cores_.size() ? &cores_[i + 1] : nullptr, to);
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
    template <bool pooled>
    void take(const Event* events, std::size_t count, std::size_t first) {
        Core& entry = cores_[first];
        std::int64_t clock = clock_;
        for (std::size_t i = 0; i < count; ++i) {
            clock = std::max(clock, events[i].timestamp);
            // A negative coordinate is a large unsigned one.
            std::uint32_t x = static_cast<std::uint16_t>(events[i].x), y = static_cast<std::uint16_t>(events[i].y);
            if (pooled) x /= pool_, y /= pool_;
            if (x >= entry.columns || y >= entry.rows) {
                ++off_;
                continue;
            }
            const std::size_t pixel = y * entry.columns + x;
            if (entry.first[pixel] == entry.first[pixel + 1]) {
                ++entry.arrived;
                continue;
            }
            clock_ = clock;
            arrive(first, 0, pixel);
        }
        clock_ = clock;
    }

    // One spike at a core, and all that follows from it.
    void arrive(std::size_t number, std::size_t channel, std::size_t pixel) {
        Core& core = cores_[number];
        ++core.arrived;
        const std::size_t of_channel = channel * core.kernel * core.kernel;
        for (std::uint32_t i = core.first[pixel]; i < core.first[pixel + 1]; ++i) {
            const std::size_t position = core.reaches[i].position, tap = of_channel + core.reaches[i].kernel;
            const std::int64_t fan_out = core.fan_out[tap];
            if (fan_out == 0) continue;
            core.synops += fan_out;
            if (core.lanes == 1) {
                if (alone(core, position, core.weights[tap])) emit(number, 0, position);
                continue;
            }
            const std::size_t fired = REVISIT_PICK(chip_arrive)(core.states.get() + position * core.lanes, core.weights.get() + tap * core.lanes, core.lanes,
                                                                core.membranes, core.marks.get(), core.fired.data(), &core.ended);
            for (std::size_t f = 0; f < fired; ++f) emit(number, core.fired[f], position);
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

    // Where a core's output goes in the map of the next: false beyond the last whole pool.
    static bool onward(const Core& core, const Core& next, std::size_t position, std::size_t& pixel) {
        if (core.pool == 1) {
            pixel = position;
            return true;
        }
        const std::size_t y = position / core.out_columns / core.pool, x = position % core.out_columns / core.pool;
        pixel = y * next.columns + x;
        return y < next.rows && x < next.columns;
    }

    void emit(std::size_t number, std::uint32_t feature, std::size_t position) {
        Core& core = cores_[number];
        ++core.spikes;
        if (number + 1 == cores_.size()) {
            times_->push_back(clock_);
            neurons_->push_back(core.index(feature, position));
            return;
        }
        std::size_t pixel;
        if (onward(core, cores_[number + 1], position, pixel)) arrive(number + 1, feature, pixel);
    }

    // Calls each(i) for every byte of `count` that is not 0, eight at a time.
    template <typename Each>
    static void for_nonzero(const std::uint8_t* bytes, std::size_t count, Each each) {
        constexpr std::uint64_t low = 0x7f7f7f7f7f7f7f7f;
        std::size_t i = 0;
        for (; i + 8 <= count; i += 8) {
            std::uint64_t eight;
            std::memcpy(&eight, bytes + i, 8);
            std::uint64_t set = (((eight & low) + low) | eight) & ~low;  // the top bit of every byte that is not 0
            for (; set != 0; set &= set - 1) each(i + static_cast<std::size_t>(lowest_byte(set)));
        }
        for (; i < count; ++i)
            if (bytes[i] != 0) each(i);
    }

    // Which byte in memory the lowest set bit is of, on a little-endian machine.
    static int lowest_byte(std::uint64_t set) { return __builtin_ctzll(set) / 8; }

    // Lists the spikes that reach anything; returns how many arrive.
    std::int64_t list_inputs(const std::uint8_t* from) {
        const Core& entry = cores_.front();
        const std::size_t pixels = entry.rows * entry.columns;
        const bool few = entry.reaching.size() * 4 < pixels;
        std::int64_t arrived = 0;
        list_.clear();
        for (std::uint32_t channel = 0; channel < entry.channels; ++channel, from += pixels) {
            arrived += REVISIT_PICK(chip_total)(from, pixels);
            const auto add = [&](std::size_t pixel) { list_.push_back({channel, static_cast<std::uint32_t>(pixel), from[pixel]}); };
            if (few) {
                for (const std::uint32_t pixel : entry.reaching)
                    if (from[pixel] != 0) add(pixel);
            } else {
                for_nonzero(from, pixels, add);
            }
        }
        return arrived;
    }

    void gather(Core& core, std::int64_t arrived) {
        if (arrived > most_arriving) throw std::invalid_argument("more spikes arrive at a core in one step than can be summed");
        core.arrived += arrived;
        for (const Arriving& spike : list_) {
            const std::size_t of_channel = spike.channel * core.kernel * core.kernel;
            for (std::uint32_t i = core.first[spike.pixel]; i < core.first[spike.pixel + 1]; ++i) {
                const std::size_t position = core.reaches[i].position, tap = of_channel + core.reaches[i].kernel;
                const std::int64_t fan_out = core.fan_out[tap];
                if (fan_out == 0) continue;
                core.synops += fan_out * spike.times;
                if (core.lanes == 1)
                    core.sums[position] += spike.times * core.weights[tap];
                else
                    REVISIT_PICK(chip_add)(core.sums.get() + position * core.lanes, core.weights.get() + tap * core.lanes, core.lanes, spike.times);
            }
        }
    }

    // Fires, empties the list and fills it with what goes on to the next core, or writes the spikes of the last one.
    // Returns how many spikes go on.
    std::int64_t settle(Core& core, const Core* next, std::int32_t* to) {
        list_.clear();
        std::int32_t* const sums = core.sums.get();
        std::int64_t going = 0;
        if (!REVISIT_PICK(chip_settle)(sums, core.neurons(), core.membranes, core.marks.get(), &core.ended)) return going;
        for_nonzero(core.marks.get(), core.neurons(), [&](std::size_t at) {
            const std::size_t feature = at % core.lanes, position = at / core.lanes;
            const std::int32_t spikes = sums[at] / core.membranes.threshold;
            if (spikes > most_spikes) throw std::invalid_argument("a neuron fires more often in one step than can be counted");
            sums[at] -= spikes * core.membranes.threshold;
            core.spikes += spikes;
            std::size_t pixel;
            if (next == nullptr)
                to[core.index(feature, position)] = spikes;
            else if (onward(core, *next, position, pixel)) {
                going += spikes;
                list_.push_back({static_cast<std::uint32_t>(feature), static_cast<std::uint32_t>(pixel), spikes});
            }
        });
        return going;
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
