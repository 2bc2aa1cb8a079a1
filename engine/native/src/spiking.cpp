// Queries through spike encoding and two IAF layers: windows of steps and blocks of neurons around kernels/spiking.cpp.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "kernels/spiking.hpp"
#include "parallel.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

template <typename T>
using Array = py::array_t<T, py::array::c_style>;

constexpr std::size_t window_words = 4;              // 256 steps: the lists of a usual query stay in the L2 cache
constexpr std::size_t group_bytes = std::size_t{64} << 20;
constexpr std::size_t group_queries = 8;             // queries that share a block of weights while it is in the L2 cache

struct Layer {
    const float* columns;  // (panels, sources, width): side by side in memory what one block of neurons reads
    const float* bias;
    const std::int64_t* fan_out;  // nonzero weights of every source
    std::size_t panels, sources, width;

    std::size_t neurons() const { return panels * width; }
};

// A part of a panel as wide as this variant's registers take.
struct Part {
    const float* columns;
    std::size_t first, width;
};

std::vector<Part> parts_of(const Layer& layer) {
    const std::size_t most = REVISIT_PICK(block_neurons)();
    std::vector<Part> parts;
    for (std::size_t panel = 0; panel < layer.panels; ++panel)
        for (std::size_t start = 0; start < layer.width; start += most)
            parts.push_back({layer.columns + panel * layer.sources * layer.width + start, panel * layer.width + start,
                             std::min(most, layer.width - start)});
    return parts;
}

struct Results {
    std::int32_t* counts;
    float* membranes;
    std::int64_t* synops;
    std::int64_t* spikes;  // input, feature, output
};

// Arrays that are written before they are read, so that pages never reached are never touched.
template <typename T>
struct Scratch {
    std::unique_ptr<T[]> data;
    explicit Scratch(std::size_t size) : data(new T[size]) {}
    T* get() const { return data.get(); }
};

struct QueryState {
    Scratch<uint32_t> input_offsets, input_sources, part_offsets, part_entries, feature_offsets, feature_sources;
    Scratch<float> feature_counts, feature_membranes, output_membranes;
    Scratch<int32_t> output_totals;

    QueryState(const Layer& feature, const Layer& output, std::size_t steps, std::size_t parts)
        : input_offsets(steps + 1),
          input_sources(feature.sources * steps),
          part_offsets(parts * (steps + 1)),
          part_entries(feature.neurons() * steps + 16 * parts),
          feature_offsets(steps + 1),
          feature_sources(feature.neurons() * steps),
          feature_counts(feature.neurons() * steps),
          feature_membranes(feature.neurons()),
          output_membranes(output.neurons()),
          output_totals(output.neurons()) {}

    SpikeList input() const { return {input_offsets.get(), input_sources.get(), nullptr}; }
    FiredList of_part(std::size_t index, const Part& part, std::size_t steps) const {
        return {part_offsets.get() + index * (steps + 1), part_entries.get() + part.first * steps + 16 * index};
    }
    SpikeList features() const { return {feature_offsets.get(), feature_sources.get(), feature_counts.get()}; }
};

class Simulation {
public:
    Simulation(const Layer& feature, const Layer& output, std::size_t timebin)
        : feature_(feature),
          output_(output),
          timebin_(timebin),
          steps_(std::min(timebin, 64 * window_words)),
          feature_parts_(parts_of(feature)),
          output_parts_(parts_of(output)) {
        const std::size_t each = steps_ * (4 * feature.sources + 12 * feature.neurons()) + 1;
        capacity_ = std::min(group_queries, std::max<std::size_t>(1, group_bytes / each));
    }

    // Queries [first, last) on this thread.
    void run(const std::uint64_t* thresholds, const DrawSource& source, std::size_t first, std::size_t last, const Results& results,
             std::size_t outputs) const {
        const std::size_t size = std::min(capacity_, last - first);
        std::vector<QueryState> group;
        group.reserve(size);
        for (std::size_t i = 0; i < size; ++i) group.emplace_back(feature_, output_, steps_, feature_parts_.size());
        Scratch<std::uint64_t> bits(feature_.sources * window_words);
        Scratch<std::uint32_t> cursors(64 * window_words);
        for (std::size_t start = first; start < last; start += size) {
            const std::size_t count = std::min(size, last - start);
            for (std::size_t i = 0; i < count; ++i) begin(group[i], results, start + i);
            for (std::size_t step = 0; step < timebin_; step += 64 * window_words) {
                const std::size_t steps = std::min(timebin_ - step, 64 * window_words), words = (steps + 63) / 64;
                for (std::size_t i = 0; i < count; ++i) {
                    DrawSource mine = source;
                    mine.frame += start + i;
                    REVISIT_PICK(draw_spikes)
                    (thresholds + (start + i) * feature_.sources, feature_.sources, mine, step / 64, words, steps, bits.get());
                    REVISIT_PICK(list_spikes)(bits.get(), feature_.sources, words, steps, cursors.get(), group[i].input());
                }
                window(group, count, steps, start, results);
            }
            for (std::size_t i = 0; i < count; ++i) finish(group[i], results, start + i, outputs);
        }
    }

private:
    void begin(QueryState& state, const Results& results, std::size_t query) const {
        std::fill_n(state.feature_membranes.get(), feature_.neurons(), 0.0f);
        std::fill_n(state.output_membranes.get(), output_.neurons(), 0.0f);
        std::fill_n(state.output_totals.get(), output_.neurons(), 0);
        results.synops[query] = 0;
        std::fill_n(results.spikes + 3 * query, 3, std::int64_t{0});
    }

    void window(std::vector<QueryState>& group, std::size_t count, std::size_t steps, std::size_t start, const Results& results) const {
        const std::size_t lanes = REVISIT_PICK(lane_count)();
        for (std::size_t p = 0; p < feature_parts_.size(); ++p) {
            const Part& part = feature_parts_[p];
            for (std::size_t i = 0; i < count; ++i) {
                const NeuronBlock block{part.columns,
                                        feature_.width,
                                        feature_.bias ? feature_.bias + part.first : nullptr,
                                        group[i].feature_membranes.get() + part.first,
                                        nullptr,
                                        part.width / lanes};
                const FiredList fired = group[i].of_part(p, part, steps_);
                REVISIT_PICK(integrate)(block, group[i].input(), steps, &fired);
            }
        }
        for (std::size_t i = 0; i < count; ++i) {
            join(group[i], steps);
            tally(group[i], steps, start + i, results);
        }
        for (const Part& part : output_parts_) {
            for (std::size_t i = 0; i < count; ++i) {
                const NeuronBlock block{part.columns,
                                        output_.width,
                                        output_.bias ? output_.bias + part.first : nullptr,
                                        group[i].output_membranes.get() + part.first,
                                        group[i].output_totals.get() + part.first,
                                        part.width / lanes};
                REVISIT_PICK(integrate)(block, group[i].features(), steps, nullptr);
            }
        }
    }

    void join(const QueryState& state, std::size_t steps) const {
        std::vector<FiredList> fired;
        std::vector<std::uint32_t> first;
        for (std::size_t p = 0; p < feature_parts_.size(); ++p) {
            fired.push_back(state.of_part(p, feature_parts_[p], steps_));
            first.push_back(static_cast<std::uint32_t>(feature_parts_[p].first));
        }
        REVISIT_PICK(join_fired)(fired.data(), first.data(), fired.size(), steps, state.features());
    }

    void tally(const QueryState& state, std::size_t steps, std::size_t query, const Results& results) const {
        const SpikeList input = state.input(), fired = state.features();
        std::int64_t synops = 0, spikes = 0;
        for (std::uint32_t k = 0; k < input.offsets[steps]; ++k) synops += feature_.fan_out[input.sources[k]];
        for (std::uint32_t k = 0; k < fired.offsets[steps]; ++k) {
            const std::int64_t times = static_cast<std::int64_t>(fired.counts[k]);
            spikes += times;
            synops += times * output_.fan_out[fired.sources[k]];
        }
        results.synops[query] += synops;
        results.spikes[3 * query] += input.offsets[steps];
        results.spikes[3 * query + 1] += spikes;
    }

    void finish(const QueryState& state, const Results& results, std::size_t query, std::size_t outputs) const {
        std::memcpy(results.counts + query * outputs, state.output_totals.get(), outputs * sizeof(std::int32_t));
        std::memcpy(results.membranes + query * outputs, state.output_membranes.get(), outputs * sizeof(float));
        std::int64_t spikes = 0;
        for (std::size_t i = 0; i < outputs; ++i) spikes += results.counts[query * outputs + i];
        results.spikes[3 * query + 2] = spikes;
    }

    Layer feature_, output_;
    std::size_t timebin_, steps_, capacity_ = 1;
    std::vector<Part> feature_parts_, output_parts_;
};

void require(bool held, const char* what) {
    if (!held) throw std::invalid_argument(what);
}

DrawSource draw_source(const Array<std::uint32_t>& field, std::size_t inputs, std::size_t timebin, std::uint64_t seed, std::uint64_t frame) {
    require(timebin > 0, "timebin must be positive");
    if (field.size() == 0) return {nullptr, 0, seed, frame};
    require(field.ndim() == 2 && static_cast<std::size_t>(field.shape(0)) == inputs, "field needs one row an input");
    const std::size_t stride = static_cast<std::size_t>(field.shape(1));
    require(stride >= (timebin + 63) / 64 * 64, "field needs timebin draws a row, rounded up to 64");
    return {field.data(), stride, seed, frame};
}

Layer layer(const Array<float>& columns, const Array<float>& bias, const Array<std::int64_t>& fan_out, std::size_t sources) {
    require(columns.ndim() == 3 && static_cast<std::size_t>(columns.shape(1)) == sources, "columns need one row a source");
    require(columns.shape(0) > 0 && columns.shape(2) > 0 && columns.shape(2) % 16 == 0, "columns must be padded to 16 neurons");
    const py::ssize_t neurons = columns.shape(0) * columns.shape(2);
    require(neurons <= (py::ssize_t{1} << 24), "too many neurons");  // a window's spikes are counted in 32 bits
    require(bias.size() == 0 || bias.size() == neurons, "bias needs one entry a padded neuron");
    require(static_cast<std::size_t>(fan_out.size()) == sources, "fan_out needs one entry a source");
    return {columns.data(),
            bias.size() ? bias.data() : nullptr,
            fan_out.data(),
            static_cast<std::size_t>(columns.shape(0)),
            sources,
            static_cast<std::size_t>(columns.shape(2))};
}

py::tuple simulate_spiking(const Array<std::uint64_t>& thresholds, const Array<std::uint32_t>& field, std::uint64_t seed, std::uint64_t first_frame,
                           std::size_t timebin, const Array<float>& feature_columns, const Array<float>& feature_bias,
                           const Array<std::int64_t>& feature_fan_out, const Array<float>& output_columns, const Array<float>& output_bias,
                           const Array<std::int64_t>& output_fan_out, std::size_t outputs, int threads) {
    require(thresholds.ndim() == 2, "thresholds must be (queries, inputs)");
    require(thresholds.shape(1) <= (py::ssize_t{1} << 24), "too many inputs");
    const std::size_t queries = static_cast<std::size_t>(thresholds.shape(0)), inputs = static_cast<std::size_t>(thresholds.shape(1));
    const DrawSource source = draw_source(field, inputs, timebin, seed, first_frame);
    const Layer feature = layer(feature_columns, feature_bias, feature_fan_out, inputs);
    const std::size_t features = static_cast<std::size_t>(output_fan_out.size());
    require(features <= feature.neurons(), "more rows of output columns than feature neurons");
    const Layer output = layer(output_columns, output_bias, output_fan_out, features);
    require(outputs <= output.neurons(), "more outputs than output neurons");
    // Padded feature neurons have no weights and never fire, so that no index beyond `features` reaches the output columns.
    for (std::size_t n = features; n < feature.neurons(); ++n)
        for (std::size_t i = 0; i < inputs; ++i)
            require(feature.columns[(n / feature.width * inputs + i) * feature.width + n % feature.width] == 0.0f,
                    "padded neurons must have no weights");
    for (std::size_t n = features; feature.bias != nullptr && n < feature.neurons(); ++n)
        require(feature.bias[n] <= 0.0f, "padded neurons must have no bias");

    const py::ssize_t rows = thresholds.shape(0), width = static_cast<py::ssize_t>(outputs);
    Array<std::int32_t> counts({rows, width});
    Array<float> membranes({rows, width});
    Array<std::int64_t> synops(rows), spikes({rows, py::ssize_t{3}});
    const Results results{counts.mutable_data(), membranes.mutable_data(), synops.mutable_data(), spikes.mutable_data()};
    const std::uint64_t* given = thresholds.data();
    {
        py::gil_scoped_release release;
        const Simulation simulation(feature, output, timebin);
        parallel_ranges(queries, threads, [&](std::size_t first, std::size_t last) { simulation.run(given, source, first, last, results, outputs); });
    }
    return py::make_tuple(counts, membranes, synops, spikes);
}

Array<std::uint64_t> encode_spikes(const Array<std::uint64_t>& thresholds, const Array<std::uint32_t>& field, std::uint64_t seed,
                                   std::uint64_t first_frame, std::size_t timebin) {
    require(thresholds.ndim() == 2, "thresholds must be (queries, inputs)");
    const std::size_t queries = static_cast<std::size_t>(thresholds.shape(0)), inputs = static_cast<std::size_t>(thresholds.shape(1));
    const DrawSource source = draw_source(field, inputs, timebin, seed, first_frame);
    const std::size_t words = (timebin + 63) / 64;
    Array<std::uint64_t> bits({thresholds.shape(0), thresholds.shape(1), static_cast<py::ssize_t>(words)});
    std::uint64_t* out = bits.mutable_data();
    const std::uint64_t* given = thresholds.data();
    {
        py::gil_scoped_release release;
        for (std::size_t query = 0; query < queries; ++query) {
            DrawSource mine = source;
            mine.frame += query;
            REVISIT_PICK(draw_spikes)(given + query * inputs, inputs, mine, 0, words, timebin, out + query * inputs * words);
        }
    }
    return bits;
}

}  // namespace

void bind_spiking(py::module_& module) {
    module.def("simulate_spiking", &simulate_spiking, "Queries through spike encoding and two IAF layers; see twins/spiking.py.",
               py::arg("thresholds").noconvert(), py::arg("field").noconvert(), py::arg("seed"), py::arg("first_frame"), py::arg("timebin"),
               py::arg("feature_columns").noconvert(), py::arg("feature_bias").noconvert(), py::arg("feature_fan_out").noconvert(),
               py::arg("output_columns").noconvert(), py::arg("output_bias").noconvert(), py::arg("output_fan_out").noconvert(), py::arg("outputs"),
               py::arg("threads"));
    module.def("encode_spikes", &encode_spikes, "Bernoulli bits of every input, 64 steps a word; see twins/spiking.py.",
               py::arg("thresholds").noconvert(), py::arg("field").noconvert(), py::arg("seed"), py::arg("first_frame"), py::arg("timebin"));
}

}  // namespace revisit
