// Splits a loop over threads. For src/ only: kernels stay free of the standard library (see CMakeLists.txt).
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace revisit {

// Calls body(first, last) on contiguous parts of [0, count), one part a thread, and waits. `threads` <= 0 takes all cores.
// The caller has released the GIL; an exception in a part is thrown again here, after all parts ended.
template <typename Body>
void parallel_ranges(std::size_t count, int threads, Body&& body) {
    const std::size_t wanted = threads > 0 ? static_cast<std::size_t>(threads) : std::max(1u, std::thread::hardware_concurrency());
    const std::size_t parts = std::min(wanted, std::max<std::size_t>(count, 1));
    if (parts <= 1) {
        body(std::size_t{0}, count);
        return;
    }
    std::vector<std::exception_ptr> failures(parts);
    std::vector<std::thread> others;
    others.reserve(parts - 1);
    const auto run = [&](std::size_t part) {
        try {
            body(count * part / parts, count * (part + 1) / parts);
        } catch (...) {
            failures[part] = std::current_exception();
        }
    };
    for (std::size_t part = 1; part < parts; ++part) others.emplace_back(run, part);
    run(0);
    for (std::thread& other : others) other.join();
    for (const std::exception_ptr& failure : failures)
        if (failure) std::rethrow_exception(failure);
}

}  // namespace revisit
