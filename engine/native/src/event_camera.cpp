// An event camera's pixels, step by step: luminance frames in, events in order of time out.
// The same bits on every machine: no contraction to fused multiply-adds. It stands before the includes, so that what they bring can be
// inlined.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "kernels/event_camera.hpp"
#include "parallel.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

using Floats = py::array_t<float, py::array::c_style>;
using Times = py::array_t<std::int64_t, py::array::c_style>;
using Keys = py::array_t<std::uint32_t, py::array::c_style>;

std::uint32_t mix(std::uint32_t h) {
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16);
}

// One event as a number that sorts by time, then pixel: microseconds since the call's start, pixel, polarity.
constexpr int pixel_bits = 24;
using Packed = std::uint64_t;

struct Pixel {
    float difference, hold;
};

// Walks one pixel through one step in which something may happen. The level changes linearly over the step.
Pixel fire(std::size_t index, float difference, float hold, float on, float off, float rise, float luminance, const CameraStep& step,
           float refractory, std::uint64_t start, std::vector<Packed>& events) {
    if (hold >= step.duration) return {0.0f, hold - step.duration};
    const float slope = rise / step.duration;
    const float light = luminance < 1.0f ? luminance : 1.0f;
    const float probability = 0.5f * step.shot / (1.0f + 3.0f * light);
    const std::uint32_t hash = mix((static_cast<std::uint32_t>(index) * 0x9e3779b9u) ^ step.key);
    const float draw = static_cast<float>(hash >> 8) * 5.9604644775390625e-8f;
    const bool noise_on = draw < probability, noise_off = draw >= 1.0f - probability;
    const float noise_time = static_cast<float>(mix(hash ^ 0x68bc21ebu) >> 8) * 5.9604644775390625e-8f * step.duration;
    bool noise = (noise_on || noise_off) && noise_time >= hold;
    float now = hold;
    if (hold > 0.0f) difference = 0.0f;
    for (;;) {
        float next = INFINITY;
        bool polarity = true;
        if (slope > 0.0f || difference >= on) next = difference >= on ? now : now + (on - difference) / slope;
        if (slope < 0.0f || difference <= -off) {
            next = difference <= -off ? now : now + (-off - difference) / slope;
            polarity = false;
        }
        if (noise && noise_time >= now && noise_time <= next) {
            next = noise_time;
            polarity = noise_on;
            noise = false;
        }
        if (!(next < step.duration)) return {difference + slope * (step.duration - now), 0.0f};
        events.push_back(((start + static_cast<std::uint64_t>(next)) << (pixel_bits + 1)) | (static_cast<Packed>(index) << 1) | (polarity ? 1u : 0u));
        difference = 0.0f;
        now = next + refractory;
        if (now >= step.duration) return {0.0f, now - step.duration};
    }
}

py::array_t<std::uint8_t> camera_events(const Floats& frames, const Times& durations, const Keys& keys, Floats state, const Floats& pattern,
                                        std::int64_t start_us, std::size_t width, float dark, float low_pass_per_us, float shot_per_us,
                                        float refractory, int threads) {
    if (frames.ndim() != 2 || durations.ndim() != 1 || keys.ndim() != 1 || state.ndim() != 2 || pattern.ndim() != 2)
        throw std::invalid_argument("camera_events: frames (steps, pixels), durations (steps), keys (steps), state and pattern (3, pixels)");
    const std::size_t steps = static_cast<std::size_t>(frames.shape(0)), count = static_cast<std::size_t>(frames.shape(1));
    if (static_cast<std::size_t>(durations.shape(0)) != steps || static_cast<std::size_t>(keys.shape(0)) != steps || state.shape(0) != 3 ||
        pattern.shape(0) != 3 || static_cast<std::size_t>(state.shape(1)) != count || static_cast<std::size_t>(pattern.shape(1)) != count)
        throw std::invalid_argument("camera_events: the shapes do not fit together");
    if (width == 0 || width > 32767 || count % width != 0 || count / width > 32767 || count >= (std::size_t{1} << pixel_bits))
        throw std::invalid_argument("camera_events: the number of pixels is not a multiple of the width, or too large");
    if (!(dark > 0.0f) || !(low_pass_per_us >= 0.0f) || !(shot_per_us >= 0.0f) || !(refractory >= 1.0f))
        throw std::invalid_argument("camera_events: dark > 0, low pass >= 0, shot >= 0 and refractory >= 1 are needed");
    const float* light = frames.data();
    const std::int64_t* duration = durations.data();
    const std::uint32_t* key = keys.data();
    std::int64_t total = 0;
    for (std::size_t k = 0; k < steps; ++k) {
        if (duration[k] < 1 || duration[k] > 1000000) throw std::invalid_argument("camera_events: a step lasts 1 us to 1 s");
        total += duration[k];
    }
    if (total >= (std::int64_t{1} << 38)) throw std::invalid_argument("camera_events: the steps last longer than 76 hours");
    float* level = state.mutable_data(0);
    float* difference = state.mutable_data(1);
    float* hold = state.mutable_data(2);
    const float *on = pattern.data(0), *off = pattern.data(1), *leak = pattern.data(2);
    for (std::size_t i = 0; i < count; ++i)
        if (!(on[i] > 0.0f) || !(off[i] > 0.0f)) throw std::invalid_argument("camera_events: the thresholds must be positive");

    std::vector<Packed> events;
    {
        py::gil_scoped_release released;
        std::vector<float> rise(count);
        std::vector<std::uint8_t> flag(count);
        const CameraPixels pixels{level, difference, hold, on, off, leak, rise.data(), flag.data()};
        const std::size_t parts = std::min<std::size_t>(threads > 0 ? static_cast<std::size_t>(threads) : std::max(1u, std::thread::hardware_concurrency()),
                                                        std::max<std::size_t>(count / 1024, 1));
        std::vector<std::vector<Packed>> found(parts);
        parallel_ranges(parts, static_cast<int>(parts), [&](std::size_t part, std::size_t part_end) {
            for (; part < part_end; ++part) {
                const std::size_t first = count * part / parts, last = count * (part + 1) / parts;
                std::vector<Packed>& mine = found[part];
                std::uint64_t start = 0;
                for (std::size_t k = 0; k < steps; ++k) {
                    const float* frame = light + k * count;
                    const float time = static_cast<float>(duration[k]);
                    const CameraStep step{time, dark, low_pass_per_us * time, shot_per_us * time, key[k]};
                    REVISIT_PICK(advance_pixels)(frame, step, pixels, first, last);
                    const std::size_t before = mine.size();
                    for (std::size_t i = first; i < last; ++i) {
                        if (!flag[i]) {
                            // Most pixels are quiet: look at eight flags at a time.
                            std::uint64_t eight;
                            while (i + 8 <= last && (std::memcpy(&eight, &flag[i], 8), eight == 0)) i += 8;
                            if (i >= last) break;
                            if (!flag[i]) continue;
                        }
                        const Pixel pixel = fire(i, difference[i], hold[i], on[i], off[i], rise[i], frame[i], step, refractory, start, mine);
                        difference[i] = pixel.difference;
                        hold[i] = pixel.hold;
                    }
                    std::sort(mine.begin() + static_cast<std::ptrdiff_t>(before), mine.end());
                    start += static_cast<std::uint64_t>(duration[k]);
                }
            }
        });
        for (const std::vector<Packed>& mine : found) {
            const auto middle = static_cast<std::ptrdiff_t>(events.size());
            events.insert(events.end(), mine.begin(), mine.end());
            std::inplace_merge(events.begin(), events.begin() + middle, events.end());
        }
    }
    py::array_t<std::uint8_t> result({static_cast<py::ssize_t>(events.size()), py::ssize_t{16}});
    std::uint8_t* out = result.mutable_data();
    for (const Packed event : events) {
        const std::int64_t timestamp = start_us + static_cast<std::int64_t>(event >> (pixel_bits + 1));
        const std::size_t index = (event >> 1) & ((std::size_t{1} << pixel_bits) - 1);
        const std::int16_t x = static_cast<std::int16_t>(index % width), y = static_cast<std::int16_t>(index / width);
        std::memset(out, 0, 16);
        std::memcpy(out, &timestamp, 8);
        std::memcpy(out + 8, &x, 2);
        std::memcpy(out + 10, &y, 2);
        out[12] = static_cast<std::uint8_t>(event & 1);
        out += 16;
    }
    return result;
}

}  // namespace

void bind_event_camera(py::module_& module) {
    module.def("camera_events", &camera_events, py::arg("frames").noconvert(), py::arg("durations").noconvert(), py::arg("keys").noconvert(),
               py::arg("state").noconvert(), py::arg("pattern").noconvert(), py::arg("start_us"), py::arg("width"), py::arg("dark"),
               py::arg("low_pass_per_us"), py::arg("shot_per_us"), py::arg("refractory"), py::arg("threads") = 0,
               "Events (n, 16 bytes) of luminance frames (steps, pixels); `state` (3, pixels) goes on where it was.");
}

}  // namespace revisit
