// Ranks of the values of a similarity column: a radix sort, because a column is sorted for every frame.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace revisit {
namespace {

template <typename T>
using Array = py::array_t<T, py::array::c_style>;

// Unsigned numbers in the order of the floating-point ones.
template <typename Unsigned, typename Value>
Unsigned ordered(Value value) {
    static_assert(sizeof(Unsigned) == sizeof(Value));
    Unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    constexpr Unsigned sign = Unsigned{1} << (8 * sizeof bits - 1);
    return bits & sign ? static_cast<Unsigned>(~bits) : bits | sign;
}

// A value's key, in the order of the values, and its place. Columns hold single precision, mostly: half as much to move.
struct Double {
    static constexpr int bits = 64;
    std::uint64_t key;
    std::uint32_t at;
    static Double of(double value, std::uint32_t at) { return {ordered<std::uint64_t>(value + 0.0), at}; }  // -0 is 0
};

struct Single {
    static constexpr int bits = 32;
    std::uint32_t key, at;
    static Single of(double value, std::uint32_t at) { return {ordered<std::uint32_t>(static_cast<float>(value + 0.0)), at}; }
};

constexpr int digit_bits = 11;
constexpr std::size_t buckets = std::size_t{1} << digit_bits;

template <typename Ranked>
void sort(std::vector<Ranked>& values) {
    constexpr int digits = (Ranked::bits + digit_bits - 1) / digit_bits;
    const auto digit_of = [](const Ranked& value, int digit) { return value.key >> (digit * digit_bits) & (buckets - 1); };
    std::vector<std::uint32_t> counted(digits * buckets);
    for (const Ranked& value : values)
        for (int digit = 0; digit < digits; ++digit) ++counted[digit * buckets + digit_of(value, digit)];
    std::vector<Ranked> other(values.size());
    for (int digit = 0; digit < digits; ++digit) {
        std::uint32_t* const count = counted.data() + digit * buckets;
        if (count[digit_of(values[0], digit)] == values.size()) continue;  // counts and their like differ in few digits
        std::uint32_t before = 0;
        for (std::size_t bucket = 0; bucket < buckets; ++bucket) before += std::exchange(count[bucket], before);
        for (const Ranked& value : values) other[count[digit_of(value, digit)]++] = value;
        values.swap(other);
    }
}

template <typename Ranked>
void score(const double* values, const double* table, double* scores, std::size_t count) {
    std::vector<Ranked> ranked(count);
    for (std::size_t at = 0; at < count; ++at) ranked[at] = Ranked::of(values[at], static_cast<std::uint32_t>(at));
    sort(ranked);
    for (std::size_t first = 0, last; first < count; first = last) {
        for (last = first + 1; last < count && ranked[last].key == ranked[first].key;) ++last;
        for (std::size_t at = first; at < last; ++at) scores[ranked[at].at] = table[first + last - 1];
    }
}

Array<double> rank_scores(const Array<double>& values, const Array<double>& table) {
    if (values.ndim() != 1 || table.ndim() != 1 || values.size() == 0 || table.size() != 2 * values.size() - 1)
        throw std::invalid_argument("values must be (n,) and table (2 n - 1,)");
    if (static_cast<std::uint64_t>(values.size()) > std::numeric_limits<std::uint32_t>::max()) throw std::invalid_argument("too many values");
    const std::size_t count = static_cast<std::size_t>(values.size());
    Array<double> scores(values.size());
    const double *value = values.data(), *entry = table.data();
    double* out = scores.mutable_data();
    py::gil_scoped_release release;
    bool single = true;
    for (std::size_t at = 0; at < count; ++at) single &= static_cast<double>(static_cast<float>(value[at])) == value[at];
    if (single)
        score<Single>(value, entry, out, count);
    else
        score<Double>(value, entry, out, count);
    return scores;
}

}  // namespace

void bind_ranks(py::module_& module) {
    module.def("rank_scores", &rank_scores, "An entry of a table for each value by its rank; see twins/ranks.py.", py::arg("values").noconvert(),
               py::arg("table").noconvert());
}

}  // namespace revisit
