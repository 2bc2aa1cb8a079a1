// The whole public surface of engine.native._native: one bind_ function a topic, each in its own file.
#include <pybind11/pybind11.h>

#include "variant.hpp"

namespace py = pybind11;

namespace revisit {
void bind_recordings(py::module_& module);
}

PYBIND11_MODULE(_native, module) {
    module.doc() = "Revisit's compiled loops. Import them from engine.native, which falls back to NumPy where this is missing.";
    module.def("variant", &revisit::variant_name, "The vector variant in use: baseline, avx2 or avx512.");
    revisit::bind_recordings(module);
}
