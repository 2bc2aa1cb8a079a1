// Splits a loop over threads. For src/ only: kernels stay free of the standard library (see CMakeLists.txt).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace revisit {

inline std::size_t parts_of(std::size_t count, int threads) {
    const std::size_t wanted = threads > 0 ? static_cast<std::size_t>(threads) : std::max(1u, std::thread::hardware_concurrency());
    return std::min(wanted, std::max<std::size_t>(count, 1));
}

// Calls work(part) for each of the parts, in a thread each, and waits. An exception is thrown again here, after all parts ended.
template <typename Work>
void in_threads(std::size_t parts, Work&& work) {
    std::vector<std::exception_ptr> failures(parts);
    std::vector<std::thread> others;
    others.reserve(parts - 1);
    const auto run = [&](std::size_t part) {
        try {
            work(part);
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

// Calls body(first, last) on contiguous parts of [0, count), one part a thread, and waits. `threads` <= 0 takes all cores.
// The caller has released the GIL.
template <typename Body>
void parallel_ranges(std::size_t count, int threads, Body&& body) {
    const std::size_t parts = parts_of(count, threads);
    if (parts <= 1) {
        body(std::size_t{0}, count);
        return;
    }
    in_threads(parts, [&](std::size_t part) { body(count * part / parts, count * (part + 1) / parts); });
}

// The same in pieces of `piece`: a thread that is done with its part takes pieces of the others'. One that the system holds up, for
// a window that is drawn or another program, then costs a share of that time, not all of it.
template <typename Body>
void parallel_pieces(std::size_t count, std::size_t piece, int threads, Body&& body) {
    const std::size_t parts = parts_of(count, threads);
    if (parts <= 1) {
        body(std::size_t{0}, count);
        return;
    }
    std::vector<std::atomic<std::size_t>> next(parts);
    for (std::size_t part = 0; part < parts; ++part) next[part] = count * part / parts;
    in_threads(parts, [&](std::size_t own) {
        for (std::size_t offset = 0; offset < parts; ++offset) {
            const std::size_t part = (own + offset) % parts, last = count * (part + 1) / parts;
            for (std::size_t first; (first = next[part].fetch_add(piece)) < last;) body(first, std::min(first + piece, last));
        }
    });
}

}  // namespace revisit
