// TrainingLayer: one layer of the LENS network while it learns. Holds the weights in the kernel's layout between calls.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "aligned.hpp"
#include "kernels/training.hpp"
#include "parallel.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Indices = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

constexpr int most_threads = 256;            // whatever a caller asks for
constexpr std::size_t blocks_at_once = 2;  // the kernel lets two take turns

Floats checked(const Floats& array, const char* name, std::vector<py::ssize_t> shape) {
    bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size());
    for (std::size_t axis = 0; fits && axis < shape.size(); ++axis) fits = array.shape(static_cast<py::ssize_t>(axis)) == shape[axis];
    if (!fits) throw py::value_error(std::string(name) + " has the wrong shape");
    return array;
}

class TrainingLayer {
public:
    TrainingLayer(const Floats& weights, const Floats& signs, const Floats& thresholds, const Floats& targets, const Floats& samples,
                  const Floats& drive, const std::optional<Indices>& row_of, bool output_layer, bool own_output)
        : rows_(weights.ndim() == 2 ? weights.shape(0) : 0), inputs_(weights.ndim() == 2 ? weights.shape(1) : 0) {
        if (rows_ == 0 || inputs_ == 0) throw py::value_error("weights must be rows x inputs, neither of them 0");
        checked(signs, "signs", {rows_, inputs_});
        checked(thresholds, "thresholds", {rows_});
        checked(targets, "targets", {rows_});
        samples_ = samples;
        if (samples.ndim() != 2 || samples.shape(0) == 0) throw py::value_error("samples must be places x inputs, at least one");
        checked(samples, "samples", {samples.shape(0), inputs_});
        drive_ = checked(drive, "drive", {samples.shape(0), inputs_});
        places_ = samples.shape(0);
        if (row_of.has_value()) {
            if (row_of->ndim() != 1 || row_of->shape(0) != places_) throw py::value_error("row_of has the wrong shape");
            row_of_.assign(row_of->data(), row_of->data() + places_);
            for (const std::int64_t row : row_of_)
                if (row < 0 || row >= rows_) throw py::value_error("row_of names a row that there is not");
        } else if (output_layer && places_ > rows_) {
            throw py::value_error("an output layer needs a row for each place");
        }
        steps_.samples = samples_.data();
        steps_.drive = drive_.data();
        steps_.row_of = row_of_.empty() ? nullptr : row_of_.data();
        steps_.inputs = static_cast<std::size_t>(inputs_);
        steps_.output_layer = output_layer;
        steps_.own_output = own_output;
        pack(weights.data(), signs.data(), thresholds.data(), targets.data());
    }

    void run(const Indices& order, const Floats& rates, const Floats& threshold_rates, int threads) {
        if (order.ndim() != 1) throw py::value_error("order must be a row of places");
        checked(rates, "rates", {order.shape(0)});
        checked(threshold_rates, "threshold_rates", {order.shape(0)});
        const std::int64_t* places = order.data();
        for (py::ssize_t t = 0; t < order.shape(0); ++t)
            if (places[t] < 0 || places[t] >= places_) throw py::value_error("order names a place that there is no sample of");
        if (order.shape(0) == 0) return;
        TrainingSteps run = steps_;
        run.order = places;
        run.rates = rates.data();
        run.threshold_rates = threshold_rates.data();
        run.steps = static_cast<std::size_t>(order.shape(0));
        const py::gil_scoped_release released;
        const std::lock_guard<std::mutex> alone(running_);
        const std::size_t halves = (static_cast<std::size_t>(rows_) + 7) / 8;
        parallel_pieces(blocks_.size(), blocks_at_once, std::min(threads, most_threads), [&](std::size_t first, std::size_t last) {
            REVISIT_PICK(train_blocks)(blocks_.data(), 2 * first, std::min(2 * last, halves), run);
        });
        summed_ += order.shape(0);
    }

    py::array_t<float> weights() const {
        py::array_t<float> result({rows_, inputs_});
        float* to = result.mutable_data();
        const std::size_t lanes = training_lanes, inputs = steps_.inputs, rows = static_cast<std::size_t>(rows_);
        for (std::size_t first = 0; first < rows; first += lanes)
            for (std::size_t tile = 0; tile < inputs; tile += lanes) {  // a square at a time: read by columns, written by rows
                const float *weight = weights_.get() + (first / lanes * inputs + tile) * lanes, *sign = signs_.get() + (weight - weights_.get());
                const std::size_t held = std::min(lanes, inputs - tile);
                for (std::size_t lane = 0; lane < std::min(lanes, rows - first); ++lane) {
                    float* row = to + (first + lane) * inputs + tile;
                    for (std::size_t j = 0; j < held; ++j)
                        row[j] = signed_weight(weight[j * lanes + lane], sign[j * lanes + lane]);
                }
            }
        return result;
    }

    py::array_t<float> weights_at(const Indices& flat) const {
        if (flat.ndim() != 1) throw py::value_error("indices must be a row");
        py::array_t<float> result(flat.shape(0));
        for (py::ssize_t i = 0; i < flat.shape(0); ++i) {
            const std::int64_t index = flat.at(i);
            if (index < 0 || index >= rows_ * inputs_) throw py::value_error("an index lies outside the weights");
            result.mutable_at(i) = weight(index / inputs_, index % inputs_);
        }
        return result;
    }

    py::array_t<float> thresholds() const {
        return py::array_t<float>(rows_, thresholds_.get());
    }

    py::array_t<float> take_mean_output() {
        py::array_t<float> result(rows_);
        for (py::ssize_t row = 0; row < rows_; ++row)
            result.mutable_at(row) = summed_ > 0 ? output_sums_[row] / static_cast<float>(summed_) : 0.0f;
        std::memset(output_sums_.get(), 0, blocks_.size() * training_lanes * sizeof(float));
        summed_ = 0;
        return result;
    }

    py::array_t<float> outputs(py::ssize_t first_place, py::ssize_t last_place, int threads) {
        if (first_place < 0 || last_place < first_place || last_place > places_)
            throw py::value_error("outputs are asked for places that there is no sample of");
        const py::ssize_t count = last_place - first_place;
        py::array_t<float> result({count, rows_});
        TrainingSteps shown = steps_;
        shown.samples += first_place * inputs_;
        float* to = result.mutable_data();
        const py::gil_scoped_release released;
        const std::lock_guard<std::mutex> alone(running_);
        parallel_ranges(blocks_.size(), std::min(threads, most_threads), [&](std::size_t first, std::size_t last) {
            const Aligned<float> part = zeros<float>(static_cast<std::size_t>(count) * training_lanes);
            for (std::size_t block = first; block < last; ++block) {
                REVISIT_PICK(block_outputs)(blocks_[block], shown, static_cast<std::size_t>(count), part.get());
                const py::ssize_t row = static_cast<py::ssize_t>(block * training_lanes);
                const py::ssize_t rows = std::min<py::ssize_t>(training_lanes, rows_ - row);
                for (py::ssize_t p = 0; p < count; ++p)
                    std::memcpy(to + p * rows_ + row, part.get() + p * static_cast<py::ssize_t>(training_lanes),
                                static_cast<std::size_t>(rows) * sizeof(float));
            }
        });
        return result;
    }

private:
    std::size_t at(py::ssize_t row, py::ssize_t j) const {
        const auto r = static_cast<std::size_t>(row);
        return (r / training_lanes * steps_.inputs + static_cast<std::size_t>(j)) * training_lanes + r % training_lanes;
    }

    float weight(py::ssize_t row, py::ssize_t j) const {
        const std::size_t i = at(row, j);
        return signed_weight(weights_[i], signs_[i]);
    }

    float signed_weight(float weight, float sign) const {
        return steps_.output_layer ? weight : sign == 0.0f ? 0.0f : weight * sign;
    }

    void pack(const float* weights, const float* signs, const float* thresholds, const float* targets) {
        const std::size_t count = (static_cast<std::size_t>(rows_) + training_lanes - 1) / training_lanes;
        const std::size_t lines = count * steps_.inputs;
        weights_ = zeros<float>(lines * training_lanes);
        signs_ = zeros<float>(lines * training_lanes);
        nonzero_ = zeros<std::uint16_t>(lines);
        negative_ = zeros<std::uint16_t>(lines);
        thresholds_ = zeros<float>(count * training_lanes);
        targets_ = zeros<float>(count * training_lanes);
        output_sums_ = zeros<float>(count * training_lanes);
        for (py::ssize_t row = 0; row < rows_; ++row) {
            thresholds_[row] = thresholds[row];
            targets_[row] = targets[row];
            for (py::ssize_t j = 0; j < inputs_; ++j) {
                const float given = signs[row * inputs_ + j];
                const float sign = given > 0.0f ? 1.0f : given < 0.0f ? -1.0f : 0.0f;
                const std::size_t i = at(row, j);
                const auto bit = static_cast<std::uint16_t>(1u << (i % training_lanes));
                signs_[i] = sign;
                if (sign != 0.0f) {
                    const float value = weights[row * inputs_ + j];
                    weights_[i] = steps_.output_layer ? value : value * sign;
                    nonzero_[i / training_lanes] = static_cast<std::uint16_t>(nonzero_[i / training_lanes] | bit);
                }
                if (sign < 0.0f) negative_[i / training_lanes] = static_cast<std::uint16_t>(negative_[i / training_lanes] | bit);
            }
        }
        for (std::size_t block = 0; block < count; ++block) {
            const std::size_t line = block * steps_.inputs, row = block * training_lanes;
            blocks_.push_back({weights_.get() + line * training_lanes, signs_.get() + line * training_lanes, nonzero_.get() + line,
                               negative_.get() + line, thresholds_.get() + row, targets_.get() + row, output_sums_.get() + row,
                               static_cast<std::int64_t>(row)});
        }
    }

    py::ssize_t rows_, inputs_, places_ = 0;
    Floats samples_, drive_;
    std::vector<std::int64_t> row_of_;
    TrainingSteps steps_{};
    Aligned<float> weights_, signs_, thresholds_, targets_, output_sums_;
    Aligned<std::uint16_t> nonzero_, negative_;
    std::vector<TrainingBlock> blocks_;
    std::int64_t summed_ = 0;
    std::mutex running_;
};

// Seconds that one weight's six operations take when nothing waits for memory: the benchmark's vector limit.
double training_operation_seconds(std::size_t weights) {
    float values[4] = {0.5f, 1e-3f, 0.5f, 0.999f};
    const std::size_t lanes = REVISIT_PICK(training_probe)(64, values);
    const auto started = std::chrono::steady_clock::now();
    REVISIT_PICK(training_probe)(weights / lanes, values);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() / static_cast<double>(weights);
}

}  // namespace

void bind_training(py::module_& module) {
    py::class_<TrainingLayer>(module, "TrainingLayer", "One layer of the LENS network while it learns; see twins/training.py.")
        .def(py::init<const Floats&, const Floats&, const Floats&, const Floats&, const Floats&, const Floats&,
                      const std::optional<Indices>&, bool, bool>(),
             py::arg("weights"), py::arg("signs"), py::arg("thresholds"), py::arg("targets"), py::arg("samples"), py::arg("drive"),
             py::kw_only(), py::arg("row_of") = py::none(), py::arg("output_layer"), py::arg("own_output"))
        .def("run", &TrainingLayer::run, py::arg("order"), py::arg("rates"), py::arg("threshold_rates"), py::arg("threads") = 1)
        .def("weights", &TrainingLayer::weights)
        .def("weights_at", &TrainingLayer::weights_at, py::arg("indices"))
        .def("thresholds", &TrainingLayer::thresholds)
        .def("take_mean_output", &TrainingLayer::take_mean_output)
        .def("outputs", &TrainingLayer::outputs, py::arg("first"), py::arg("last"), py::arg("threads") = 1);
    module.def("training_operation_seconds", &training_operation_seconds, py::arg("weights"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace revisit
