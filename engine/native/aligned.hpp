// Zeroed memory on 64-byte boundaries, as the widest loads like it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace revisit {

struct Release {
    void operator()(void* memory) const { std::free(memory); }
};
template <typename T>
using Aligned = std::unique_ptr<T[], Release>;

// `count` zeros on a 64-byte boundary.
template <typename T>
Aligned<T> zeros(std::size_t count) {
    if (count > (static_cast<std::size_t>(1) << 40) / sizeof(T)) throw std::bad_alloc();
    const std::size_t bytes = (std::max<std::size_t>(count, 1) * sizeof(T) + 63) / 64 * 64;
    void* memory = std::aligned_alloc(64, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, bytes);
    return Aligned<T>(static_cast<T*>(memory));
}

}  // namespace revisit
