// Prototypes: checks, spike lists and threads around kernels/prototype.cpp.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "kernels/prototype.hpp"
#include "parallel.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

template <typename T>
using Array = py::array_t<T, py::array::c_style>;

void require(bool held, const char* what) {
    if (!held) throw std::invalid_argument(what);
}

struct Spikes {
    std::vector<std::uint32_t> offsets;
    std::vector<std::uint8_t> sources;
};

// The set bits of a query's raster in the order of PrototypeSpikes.
Spikes spikes_of(const std::uint64_t* bits, const std::int8_t* signs, std::size_t inputs, std::size_t words, std::size_t steps) {
    const std::size_t blocks = (inputs + prototype_rows - 1) / prototype_rows, chunks = (steps + prototype_steps - 1) / prototype_steps;
    Spikes spikes;
    std::vector<std::uint32_t> next(2 * chunks * blocks * prototype_steps + 1, 0);
    const auto each = [&](auto&& found) {
        for (std::size_t input = 0; input < inputs; ++input)
            for (std::size_t word = 0; word < words; ++word)
                for (std::uint64_t rest = bits[input * words + word]; rest != 0; rest &= rest - 1) {
                    const std::size_t step = 64 * word + static_cast<std::size_t>(__builtin_ctzll(rest));
                    if (step >= steps) continue;
                    const std::size_t slot = (step / prototype_steps * blocks + input / prototype_rows) * prototype_steps + step % prototype_steps;
                    found(2 * slot + (signs[input] < 0), static_cast<std::uint8_t>(input % prototype_rows));
                }
    };
    each([&](std::size_t slot, std::uint8_t) { ++next[slot + 1]; });
    for (std::size_t slot = 1; slot < next.size(); ++slot) next[slot] += next[slot - 1];
    spikes.offsets = next;
    spikes.sources.resize(next.back());
    each([&](std::size_t slot, std::uint8_t source) { spikes.sources[next[slot]++] = source; });
    return spikes;
}

// One for each spike and each nonzero weight that it meets.
std::int64_t synaptic_operations(const std::uint64_t* bits, const std::int64_t* fan_out, std::size_t inputs, std::size_t words, std::size_t steps) {
    std::int64_t sum = 0;
    for (std::size_t input = 0; input < inputs; ++input)
        for (std::size_t word = 0; word < words; ++word) {
            const std::size_t held = steps - 64 * word;
            const std::uint64_t kept = held < 64 ? bits[input * words + word] & ((std::uint64_t{1} << held) - 1) : bits[input * words + word];
            sum += __builtin_popcountll(kept) * fan_out[input];
        }
    return sum;
}

py::tuple simulate_prototypes(const Array<std::uint64_t>& bits, const Array<std::int8_t>& signs, std::size_t timebin, const Array<std::int8_t>& panels,
                              const Array<std::int32_t>& bias, std::int32_t threshold, const Array<std::int64_t>& fan_out, std::size_t neurons,
                              int threads) {
    require(bits.ndim() == 3 && signs.ndim() == 2 && panels.ndim() == 3, "bits must be (queries, inputs, words), signs (queries, inputs)");
    const std::size_t queries = static_cast<std::size_t>(bits.shape(0)), inputs = static_cast<std::size_t>(bits.shape(1));
    const std::size_t words = static_cast<std::size_t>(bits.shape(2)), count = static_cast<std::size_t>(panels.shape(0));
    require(timebin > 0 && words == (timebin + 63) / 64, "bits need one word for every 64 steps");
    require(inputs < (std::size_t{1} << 17) && inputs * timebin < (std::size_t{1} << 32), "too many inputs");
    require(static_cast<std::size_t>(signs.shape(0)) == queries && static_cast<std::size_t>(signs.shape(1)) == inputs, "signs need one entry an input");
    require(static_cast<std::size_t>(panels.shape(1)) == inputs && panels.shape(2) == static_cast<py::ssize_t>(prototype_lanes), "panels must be (panels, inputs, 64)");
    require(static_cast<std::size_t>(bias.size()) == count * prototype_lanes, "bias needs one entry a padded neuron");
    require(static_cast<std::size_t>(fan_out.size()) == inputs, "fan_out needs one entry an input");
    require(neurons > (count - 1) * prototype_lanes && neurons <= count * prototype_lanes, "neurons must fill all panels but the last");
    require(threshold > 0 && threshold < (1 << 24), "threshold out of range");
    const py::ssize_t rows = bits.shape(0), columns = static_cast<py::ssize_t>(neurons);
    Array<std::int32_t> counts({rows, columns}), membranes({rows, columns}), drives({rows, columns});
    Array<std::int64_t> synops(rows), arrived(rows);
    const std::uint64_t* raster = bits.data();
    const std::int8_t *polarity = signs.data(), *weights = panels.data();
    const std::int32_t* constant = bias.data();
    const std::int64_t* fans = fan_out.data();
    std::int32_t *fired = counts.mutable_data(), *rest = membranes.mutable_data(), *total = drives.mutable_data();
    std::int64_t *operations = synops.mutable_data(), *input_spikes = arrived.mutable_data();
    {
        py::gil_scoped_release release;
        std::vector<Spikes> lists(queries);
        for (std::size_t query = 0; query < queries; ++query) {
            const std::uint64_t* shown = raster + query * inputs * words;
            lists[query] = spikes_of(shown, polarity + query * inputs, inputs, words, timebin);
            input_spikes[query] = static_cast<std::int64_t>(lists[query].sources.size());
            operations[query] = synaptic_operations(shown, fans, inputs, words, timebin);
        }
        const std::size_t size = inputs * prototype_lanes;
        parallel_ranges(count, threads, [&](std::size_t first, std::size_t last) {
            std::int32_t out[3][prototype_lanes];
            for (std::size_t panel = first; panel < last; ++panel) {  // a panel's weights stay in the cache for all queries
                const std::size_t start = panel * prototype_lanes, held = std::min(prototype_lanes, neurons - start);
                for (std::size_t query = 0; query < queries; ++query) {
                    const Spikes& spikes = lists[query];
                    const bool again = query + 1 < queries, more = !again && panel + 1 < last;
                    REVISIT_PICK(integrate_prototypes)
                    (PrototypePanel{weights + panel * size, constant + start, weights + (more ? panel + 1 : panel) * size, more || again ? inputs : 0},
                     inputs, threshold, PrototypeSpikes{spikes.offsets.data(), spikes.sources.data(), timebin}, out[0], out[1], out[2]);
                    std::memcpy(fired + query * neurons + start, out[0], held * sizeof(std::int32_t));
                    std::memcpy(rest + query * neurons + start, out[1], held * sizeof(std::int32_t));
                    std::memcpy(total + query * neurons + start, out[2], held * sizeof(std::int32_t));
                }
            }
        });
    }
    return py::make_tuple(counts, membranes, drives, synops, arrived);
}

}  // namespace

void bind_prototype(py::module_& module) {
    module.def("simulate_prototypes", &simulate_prototypes, "Queries through one layer of integer IAF neurons; see twins/prototype.py.",
               py::arg("bits").noconvert(), py::arg("signs").noconvert(), py::arg("timebin"), py::arg("panels").noconvert(),
               py::arg("bias").noconvert(), py::arg("threshold"), py::arg("fan_out").noconvert(), py::arg("neurons"), py::arg("threads"));
}

}  // namespace revisit
