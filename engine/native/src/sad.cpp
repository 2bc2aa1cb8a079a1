// Sums of absolute differences: checks and threads around kernels/sad.cpp.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <stdexcept>

#include "kernels/sad.hpp"
#include "parallel.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

template <typename T>
using Array = py::array_t<T, py::array::c_style>;

template <typename Row, typename Out, typename Kernel>
Array<Out> distances(const Array<Row>& references, const Array<Row>& queries, py::ssize_t multiple, int threads, Kernel kernel) {
    if (references.ndim() != 2 || queries.ndim() != 2 || references.shape(1) != queries.shape(1))
        throw std::invalid_argument("references and queries must be (rows, length) of one length");
    if (references.shape(1) % multiple != 0) throw std::invalid_argument("rows must be padded");
    const std::size_t count = static_cast<std::size_t>(references.shape(0)), columns = static_cast<std::size_t>(queries.shape(0));
    const std::size_t length = static_cast<std::size_t>(references.shape(1));
    Array<Out> result({references.shape(0), queries.shape(0)});
    const Row *a = references.data(), *b = queries.data();
    Out* out = result.mutable_data();
    {
        py::gil_scoped_release release;
        parallel_ranges(count, threads, [&](std::size_t first, std::size_t last) {
            kernel(a + first * length, last - first, b, columns, length, out + first * columns, columns);
        });
    }
    return result;
}

Array<std::uint32_t> sad_bytes_of(const Array<std::uint8_t>& references, const Array<std::uint8_t>& queries, int threads) {
    if (references.ndim() == 2 && references.shape(1) > (py::ssize_t{1} << 23)) throw std::invalid_argument("rows are too long for 32-bit sums");
    return distances<std::uint8_t, std::uint32_t>(references, queries, 64, threads, REVISIT_PICK(sad_bytes));
}

Array<float> sad_floats_of(const Array<float>& references, const Array<float>& queries, int threads) {
    return distances<float, float>(references, queries, 16, threads, REVISIT_PICK(sad_floats));
}

std::uint64_t probe(std::uint64_t rounds) {
    py::gil_scoped_release release;
    std::uint64_t sink = 0;
    return REVISIT_PICK(sad_probe)(rounds, &sink) + (sink & 0);
}

}  // namespace

void bind_sad(py::module_& module) {
    module.def("sad_bytes", &sad_bytes_of, "Distances (references, queries) of uint8 rows padded to 64; see twins/sad.py.",
               py::arg("references").noconvert(), py::arg("queries").noconvert(), py::arg("threads"));
    module.def("sad_floats", &sad_floats_of, "Distances (references, queries) of float32 rows padded to 16; see twins/sad.py.",
               py::arg("references").noconvert(), py::arg("queries").noconvert(), py::arg("threads"));
    module.def("sad_probe", &probe, "Compares bytes in registers for `rounds` rounds; returns how many, 0 where it cannot.", py::arg("rounds"));
}

}  // namespace revisit
