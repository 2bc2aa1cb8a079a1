// Prototypes: spikes of their inputs, read-outs, and checks, spike lists and threads around kernels/prototype.cpp.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cmath>
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

std::uint64_t mixed(std::uint64_t z) {
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

// The rasters of some inputs side by side: an input fires in a step in which its phase turns over, into bit 32.
// (That bit and not a comparison of 32-bit phases: GCC 12 vectorises that one wrongly at -O3 where this is inlined.)
constexpr std::size_t abreast = 16;
struct Turning {
    std::uint64_t phase[abreast], increment[abreast];

    void steps(std::size_t count, std::uint64_t* bits) {
        for (std::size_t lane = 0; lane < abreast; ++lane) bits[lane] = 0;
        for (std::size_t step = 0; step < count; ++step)
            for (std::size_t lane = 0; lane < abreast; ++lane) {
                phase[lane] = (phase[lane] & 0xFFFFFFFFu) + increment[lane];
                bits[lane] |= (phase[lane] >> 32) << step;
            }
    }
};

Array<std::uint64_t> regular_spikes(const Array<float>& rates, std::uint64_t seed, std::uint64_t first_frame, std::size_t timebin) {
    require(rates.ndim() == 2 && timebin > 0, "rates must be (queries, inputs), and timebin at least 1");
    const std::size_t queries = static_cast<std::size_t>(rates.shape(0)), inputs = static_cast<std::size_t>(rates.shape(1));
    const std::size_t words = (timebin + 63) / 64;
    const float* rate = rates.data();
    for (std::size_t at = 0; at < queries * inputs; ++at) require(rate[at] >= 0 && rate[at] <= 1, "rates must lie between 0 and 1");
    Array<std::uint64_t> result({rates.shape(0), rates.shape(1), static_cast<py::ssize_t>(words)});
    std::uint64_t* raster = result.mutable_data();
    py::gil_scoped_release release;
    for (std::size_t query = 0; query < queries; ++query) {
        const std::uint64_t start = mixed(mixed(seed) ^ (first_frame + query));
        for (std::size_t first = 0; first < inputs; first += abreast) {
            const std::size_t held = std::min(abreast, inputs - first);
            Turning turning = {};
            for (std::size_t lane = 0; lane < held; ++lane) {
                turning.phase[lane] = mixed(start + first + lane) >> 32;
                turning.increment[lane] = static_cast<std::uint64_t>(std::ceil(std::ldexp(static_cast<double>(rate[query * inputs + first + lane]), 32)));
            }
            for (std::size_t word = 0; word < words; ++word) {
                std::uint64_t bits[abreast];
                turning.steps(std::min<std::size_t>(timebin - 64 * word, 64), bits);
                for (std::size_t lane = 0; lane < held; ++lane) raster[(query * inputs + first + lane) * words + word] = bits[lane];
            }
        }
    }
    return result;
}

py::tuple prototype_readouts(const Array<std::int32_t>& counts, const Array<std::int32_t>& membranes, const Array<std::int32_t>& drives,
                             std::int32_t threshold, bool ordered) {
    require(counts.ndim() == 2 && membranes.ndim() == 2 && drives.ndim() == 2, "counts, membranes and drives must be (neurons, queries)");
    for (int axis = 0; axis < 2; ++axis)
        require(membranes.shape(axis) == counts.shape(axis) && drives.shape(axis) == counts.shape(axis), "counts, membranes and drives differ in shape");
    require(threshold > 0, "threshold out of range");
    Array<float> spikes({counts.shape(0), counts.shape(1)}), membrane({counts.shape(0), counts.shape(1)});
    const std::int32_t *fired = counts.data(), *rest = membranes.data(), *total = drives.data();
    float *by_spikes = spikes.mutable_data(), *by_membrane = membrane.mutable_data();
    const std::size_t size = static_cast<std::size_t>(counts.size());
    {
        py::gil_scoped_release release;
        const double over = threshold;
        for (std::size_t at = 0; at < size; ++at) by_membrane[at] = static_cast<float>(total[at] / over);
        for (std::size_t at = 0; at < size; ++at) {
            const double exact = ordered ? fired[at] + (rest[at] / over + 1) / 2 : fired[at];
            const float nearest = static_cast<float>(exact);
            std::uint32_t bits;
            std::memcpy(&bits, &nearest, sizeof bits);
            bits -= ordered && static_cast<double>(nearest) > exact;  // positive then: the float before it has the number before its
            std::memcpy(by_spikes + at, &bits, sizeof bits);
        }
    }
    return py::make_tuple(spikes, membrane);
}

}  // namespace

void bind_prototype(py::module_& module) {
    module.def("simulate_prototypes", &simulate_prototypes, "Queries through one layer of integer IAF neurons; see twins/prototype.py.",
               py::arg("bits").noconvert(), py::arg("signs").noconvert(), py::arg("timebin"), py::arg("panels").noconvert(),
               py::arg("bias").noconvert(), py::arg("threshold"), py::arg("fan_out").noconvert(), py::arg("neurons"), py::arg("threads"));
    module.def("regular_spikes", &regular_spikes, "Rasters of inputs that fire at even distances; see twins/prototype.py.",
               py::arg("rates").noconvert(), py::arg("seed"), py::arg("first_frame"), py::arg("timebin"));
    module.def("prototype_readouts", &prototype_readouts, "Spikes and membranes as similarities; see twins/prototype.py.",
               py::arg("counts").noconvert(), py::arg("membranes").noconvert(), py::arg("drives").noconvert(), py::arg("threshold"),
               py::arg("ordered"));
}

}  // namespace revisit
