// The whole public surface of engine.native._native: one bind_ function a topic, each in its own file.
#include <pybind11/pybind11.h>

#include "variant.hpp"

namespace py = pybind11;

namespace revisit {
void bind_binning(py::module_& module);
void bind_chip(py::module_& module);
void bind_event_camera(py::module_& module);
void bind_filters(py::module_& module);
void bind_prototype(py::module_& module);
void bind_ranks(py::module_& module);
void bind_recordings(py::module_& module);
void bind_sad(py::module_& module);
void bind_simulation(py::module_& module);
void bind_spiking(py::module_& module);
void bind_training(py::module_& module);
}  // namespace revisit

PYBIND11_MODULE(_native, module) {
    module.doc() = "Revisit's compiled loops. Import them from engine.native, which falls back to NumPy where this is missing.";
    module.def("variant", &revisit::variant_name, "The vector variant in use: baseline, avx2 or avx512.");
    revisit::bind_binning(module);
    revisit::bind_chip(module);
    revisit::bind_event_camera(module);
    revisit::bind_filters(module);
    revisit::bind_prototype(module);
    revisit::bind_ranks(module);
    revisit::bind_recordings(module);
    revisit::bind_sad(module);
    revisit::bind_simulation(module);
    revisit::bind_spiking(module);
    revisit::bind_training(module);
}
