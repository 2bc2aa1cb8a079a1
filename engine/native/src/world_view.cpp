// Texture reads and their cache misses take the time here, not arithmetic: no vector variants.
// The same bits on every machine: no contraction to fused multiply-adds. It stands before the includes, so that what they bring can be
// inlined.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "world_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace revisit::view {
namespace {

// Which halving suits a footprint of so many texels; between powers of two the two neighbours are mixed.
inline Level level_for(float footprint, int levels) {
    if (!(footprint > 1.0f)) return {0, 0.0f};
    // footprint = mantissa 2^exponent with mantissa in [1, 2): std::frexp would be a call.
    std::uint32_t bits;
    std::memcpy(&bits, &footprint, 4);
    const int exponent = static_cast<int>(bits >> 23) - 127;
    if (exponent >= levels - 1) return {levels - 1, 0.0f};
    bits = (bits & 0x007fffffu) | 0x3f800000u;
    float mantissa;
    std::memcpy(&mantissa, &bits, 4);
    return {exponent, mantissa - 1.0f};
}

struct Read {
    float value, opacity;
};

// Written so that a NaN becomes `low`: no texel outside the texture is ever read.
inline float within_limits(float value, float low, float high) { return value > low ? std::min(value, high) : low; }

// A texture at one place along it, ready to be read at many places across: the levels that count, each with its two rows.
struct Strip {
    struct Layer {
        const float *row0, *row1;
        float share, within, scale, highest;
    } layers[4];
    int count;
    std::size_t plane;
    bool opacity;
};

[[gnu::always_inline]] inline Strip strip_at(const Texture& t, float u, Level level_u, Level level_v) {
    Strip strip;
    strip.count = 0;
    strip.plane = t.plane;
    strip.opacity = t.opacity;
    for (int a = 0; a <= (level_u.part > 0.0f ? 1 : 0); ++a) {
        const int i = level_u.index + a;
        const int size_u = t.size_u >> i;
        const float share_u = a ? level_u.part : 1.0f - level_u.part;
        const float lowest = t.wraps ? -1e9f : 0.0f, highest = t.wraps ? 1e9f : static_cast<float>(size_u - 1);
        const float at_u = within_limits(u * t.scale[i] - 0.5f, lowest, highest);
        int u0 = static_cast<int>(at_u);
        u0 -= at_u < static_cast<float>(u0) ? 1 : 0;
        const float within_u = at_u - static_cast<float>(u0);
        int u1 = u0 + 1;
        if (t.wraps) {
            u0 &= size_u - 1;
            u1 &= size_u - 1;
        } else {
            u1 = std::min(u1, size_u - 1);
        }
        for (int b = 0; b <= (level_v.part > 0.0f ? 1 : 0); ++b) {
            const int j = level_v.index + b;
            const std::size_t size_v = static_cast<std::size_t>(t.size_v >> j);
            const float* level = t.values + t.offset[i][j];
            strip.layers[strip.count++] = {level + static_cast<std::size_t>(u0) * size_v, level + static_cast<std::size_t>(u1) * size_v,
                                           share_u * (b ? level_v.part : 1.0f - level_v.part), within_u, t.scale[j], static_cast<float>(size_v - 1)};
        }
    }
    return strip;
}

[[gnu::always_inline]] inline Read read(const Strip& strip, float v) {
    Read sum{0.0f, 0.0f};
    for (int k = 0; k < strip.count; ++k) {
        const Strip::Layer& layer = strip.layers[k];
        const float at_v = within_limits(v * layer.scale - 0.5f, 0.0f, layer.highest);
        const int v0 = static_cast<int>(at_v);
        const std::size_t v1 = static_cast<std::size_t>(v0) + (static_cast<float>(v0) < layer.highest ? 1 : 0);
        const float within_v = at_v - static_cast<float>(v0);
        const auto mixed = [&](const float* r0, const float* r1) {
            const float low = r0[v0] + within_v * (r0[v1] - r0[v0]);
            const float high = r1[v0] + within_v * (r1[v1] - r1[v0]);
            return low + layer.within * (high - low);
        };
        sum.value += layer.share * mixed(layer.row0, layer.row1);
        if (strip.opacity) sum.opacity += layer.share * mixed(layer.row0 + strip.plane, layer.row1 + strip.plane);
    }
    if (!strip.opacity) sum.opacity = 1.0f;
    return sum;
}

float clamp01(float value) { return std::min(std::max(value, 0.0f), 1.0f); }

// Share of the haze in the light that comes from so far.
float haze_at(float depth, float view) {
    const float part = clamp01((depth - 0.35f * view) / (0.65f * view));
    return part * part * (3.0f - 2.0f * part);
}

// The stretch between two cross-sections in which a column's ray is.
struct Section {
    std::size_t index;
    float per_metre;

    Section(std::size_t first, const float* depth) : index(first), per_metre(0) { advance_to(first, depth); }
    void advance_to(std::size_t to, const float* depth) {
        index = to;
        per_metre = 1.0f / std::max(depth[to + 1] - depth[to], 1e-6f);
    }
};

// What all pixels of a row have in common that look at a plane `drop` metres from the lens.
Row row_of(const Texture& plane, float drop, float slope, float focal, float view) {
    const float z = drop / std::max(slope, 1e-6f);
    return {z, haze_at(z, view), level_for(z * z / (drop * focal) * plane.density_u, plane.levels_u), level_for(z / focal * plane.density_v, plane.levels_v)};
}

struct Hit {
    float section, depth, slope;  // slope: metres to the side for a metre along the route
    int side;                     // 0 left, 1 right, -1 none
};

}  // namespace

void lay_out(Texture& t) {
    std::size_t start = 0;
    for (int i = 0; i < t.levels_u; ++i)
        for (int j = 0; j < t.levels_v; ++j) {
            t.offset[i][j] = start;
            start += static_cast<std::size_t>(t.size_u >> i) * static_cast<std::size_t>(t.size_v >> j);
        }
    t.plane = start;
    for (int i = 0; i < max_levels; ++i) t.scale[i] = 1.0f / static_cast<float>(1 << i);
}

void render(const Scene& scene, const Camera& camera, Scratch& scratch, float* frame) {
    const int width = scene.width, height = scene.height;
    const std::size_t sections = scene.section_count;
    const float focal = scene.focal, view = scene.view;
    const float sky_slope = -1.5f / focal;
    const float horizon = 0.5f * static_cast<float>(height) + camera.pitch;
    scratch.column.resize(static_cast<std::size_t>(width) * height);
    scratch.depth.resize(sections);
    scratch.left.resize(sections);
    scratch.hits.resize(static_cast<std::size_t>(width));
    scratch.levels.resize(sections * 4);
    // The sections in the camera's frame: forward, right, and the same of the normal that points left.
    float* seen = scratch.levels.data();
    for (std::size_t i = 0; i < sections; ++i) {
        const float *section = scene.sections + 4 * i, dx = section[0] - camera.x, dy = section[1] - camera.y;
        seen[4 * i] = dx * camera.cosine + dy * camera.sine;
        seen[4 * i + 1] = dx * camera.sine - dy * camera.cosine;
        seen[4 * i + 2] = section[2] * camera.sine - section[3] * camera.cosine;
        seen[4 * i + 3] = -(section[3] * camera.sine + section[2] * camera.cosine);
    }
    std::size_t first = 0;
    while (first + 2 < sections && scene.section_start + static_cast<float>(first + 1) * scene.section_step <= camera.distance - 0.5f) ++first;

    scratch.ground.resize(static_cast<std::size_t>(height));
    scratch.roof.resize(static_cast<std::size_t>(height));
    for (int r = 0; r < height; ++r) {
        const float slope = (static_cast<float>(r) + 0.5f - horizon) / focal;
        scratch.ground[static_cast<std::size_t>(r)] = row_of(scene.planes[2], camera.height, slope, focal, view);
        if (scene.roofed) scratch.roof[static_cast<std::size_t>(r)] = row_of(scene.planes[3], scene.ceiling - camera.height, -slope, focal, view);
    }
    std::vector<Hit> kerbs(static_cast<std::size_t>(width), Hit{0, 0, 0, -1});
    for (int c = 0; c < width; ++c) {
        const float tangent = (static_cast<float>(c) + 0.5f - 0.5f * static_cast<float>(width)) / focal;
        float *depth = scratch.depth.data(), *left = scratch.left.data();
        // Follow the ray from section to section until it leaves the street.
        Hit wall{0, view, 1, -1};
        Hit& kerb = kerbs[static_cast<std::size_t>(c)];
        std::size_t last = first;
        for (std::size_t i = first; i < sections; ++i) {
            const float* s = seen + 4 * i;
            const float across = std::min(s[3] - tangent * s[2], -0.05f);
            left[i] = (tangent * s[0] - s[1]) / across;
            depth[i] = s[0] + left[i] * s[2];
            last = i;
            if (i == first) continue;
            const float from = std::fabs(left[i - 1]), to = std::fabs(left[i]);
            const auto crossing = [&](float limit) {
                const float part = clamp01((limit - from) / std::max(to - from, 1e-6f));
                const float at = scene.section_start + (static_cast<float>(i - 1) + part) * scene.section_step;
                return Hit{at, std::max(depth[i - 1] + part * (depth[i] - depth[i - 1]), 0.05f),
                           std::max((to - from) / scene.section_step, 1e-3f), left[i] > 0.0f ? 0 : 1};
            };
            if (scene.kerbed && kerb.side < 0 && from < scene.kerb && to >= scene.kerb && depth[i] > 0.0f) kerb = crossing(scene.kerb);
            if (to >= scene.half_width && depth[i] > 0.0f) {
                wall = crossing(scene.half_width);
                break;
            }
            if (depth[i] > view) break;
        }
        if (wall.depth > view) wall = Hit{0, view, 1, -1};
        scratch.hits[static_cast<std::size_t>(c)] = wall.depth;

        float* column = scratch.column.data() + static_cast<std::size_t>(c) * height;
        const float below = horizon + focal * camera.height / wall.depth;
        const float above = horizon - focal * (scene.ceiling - camera.height) / wall.depth;
        const float wall_haze = wall.side < 0 ? 1.0f : haze_at(wall.depth, view);
        const Texture& texture = scene.planes[wall.side == 1 ? 1 : 0];
        const Level wall_u = level_for(wall.depth / focal / wall.slope * texture.density_u, texture.levels_u);
        const Level wall_v = level_for(wall.depth / focal * texture.density_v, texture.levels_v);
        const Strip wall_strip = strip_at(texture, wall.section * texture.density_u, wall_u, wall_v);
        const float top_of_wall = texture.origin_v + static_cast<float>(texture.size_v) / texture.density_v;

        const auto flat = [&](const Texture& plane, const Row& row, Section& at) {
            const float z = std::min(row.depth, wall.depth);
            while (at.index + 1 < last && depth[at.index + 1] < z) at.advance_to(at.index + 1, depth);
            const float part = (z - depth[at.index]) * at.per_metre;
            const float along = scene.section_start + (static_cast<float>(at.index) + part) * scene.section_step;
            const float side = left[at.index] + part * (left[at.index + 1] - left[at.index]);
            const float value = read(strip_at(plane, along * plane.density_u, row.u, row.v), (side - plane.origin_v) * plane.density_v).value;
            return value * (1.0f - row.haze) + scene.haze * row.haze;
        };
        Section ground_at(first, depth), ceiling_at(first, depth);
        for (int r = height - 1; r >= 0; --r) {
            const float on_ground = clamp01(static_cast<float>(r + 1) - below);
            column[r] = on_ground > 0.0f
                            ? on_ground * flat(scene.planes[2], scratch.ground[static_cast<std::size_t>(r)], ground_at)
                            : 0.0f;
        }
        const float rows_a_metre = focal / wall.depth, metres_a_row = wall.depth / focal;
        for (int r = 0; r < height; ++r) {
            const float row = static_cast<float>(r) + 0.5f - horizon;
            const float on_ground = clamp01(static_cast<float>(r + 1) - below);
            const float on_ceiling = scene.roofed ? clamp01(above - static_cast<float>(r)) : 0.0f;
            if (on_ceiling > 0.0f) column[r] += on_ceiling * flat(scene.planes[3], scratch.roof[static_cast<std::size_t>(r)], ceiling_at);
            const float rest = 1.0f - on_ground - on_ceiling;
            if (!(rest > 0.0f)) continue;
            const float backdrop = scene.roofed ? scene.haze : scene.haze + (scene.sky - scene.haze) * clamp01(row * sky_slope);
            float value = backdrop;
            if (wall.side >= 0) {
                const float up = camera.height - row * metres_a_row;
                const Read seen_wall = read(wall_strip, (up - texture.origin_v) * texture.density_v);
                const float inside = clamp01((top_of_wall - up) * rows_a_metre + 0.5f);
                const float lit = seen_wall.value * (1.0f - wall_haze) + scene.haze * wall_haze * seen_wall.opacity;
                value = backdrop * (1.0f - seen_wall.opacity * inside) + lit * inside;
            }
            column[r] += rest * value;
        }
    }

    const auto draw_boards = [&](bool front) {
        for (const Board& board : scene.boards) {
            if (board.front != front || board.section < camera.distance + 0.3f) continue;
            const float dx = board.x - camera.x, dy = board.y - camera.y;
            const float forward = dx * camera.cosine + dy * camera.sine, right = dx * camera.sine - dy * camera.cosine;
            const float normal_forward = board.cosine * camera.sine - board.sine * camera.cosine;
            const float normal_right = -(board.sine * camera.sine + board.cosine * camera.cosine);
            float low = 1e9f, high = -1e9f;
            for (const float edge : {board.left - board.half_width, board.left + board.half_width}) {
                const float z = std::max(forward + edge * normal_forward, 0.2f);
                const float at = focal * (right + edge * normal_right) / z + 0.5f * static_cast<float>(width);
                low = std::min(low, at);
                high = std::max(high, at);
            }
            const int c0 = static_cast<int>(std::max(low - 2.0f, 0.0f)), c1 = static_cast<int>(std::min(high + 2.0f, static_cast<float>(width - 1)));
            const Texture& sprite = scene.sprites[static_cast<std::size_t>(board.sprite)];
            const float scale_u = static_cast<float>(sprite.size_u) / (2.0f * board.half_width);
            const float scale_v = static_cast<float>(sprite.size_v) / (board.top - board.bottom);
            for (int c = c0; c <= c1; ++c) {
                const float tangent = (static_cast<float>(c) + 0.5f - 0.5f * static_cast<float>(width)) / focal;
                const float across = std::min(normal_right - tangent * normal_forward, -0.05f);
                const float side = (tangent * forward - right) / across;
                const float z = forward + side * normal_forward;
                if (z < 0.3f || z > view || z > scratch.hits[static_cast<std::size_t>(c)] + 0.1f) continue;
                const float pixel = z / focal;
                const float covered = clamp01((board.half_width - std::fabs(side - board.left)) / pixel + 0.5f) *
                                      std::min(1.0f, 2.0f * board.half_width / pixel);
                if (!(covered > 0.0f)) continue;
                const float top = horizon - (board.top - camera.height) / pixel, bottom = horizon - (board.bottom - camera.height) / pixel;
                const Level u = level_for(pixel * scale_u, sprite.levels_u), v = level_for(pixel * scale_v, sprite.levels_v);
                const Strip strip = strip_at(sprite, (board.left + board.half_width - side) * scale_u, u, v);
                const float haze = haze_at(z, view);
                float* column = scratch.column.data() + static_cast<std::size_t>(c) * height;
                const int r0 = static_cast<int>(std::max(top, 0.0f)), r1 = static_cast<int>(std::min(bottom, static_cast<float>(height - 1)));
                for (int r = r0; r <= r1; ++r) {
                    const float rows = clamp01(std::min(static_cast<float>(r + 1), bottom) - std::max(static_cast<float>(r), top));
                    const float up = camera.height - (static_cast<float>(r) + 0.5f - horizon) * pixel;
                    const Read seen_board = read(strip, (up - board.bottom) * scale_v);
                    const float share = covered * rows;
                    const float lit = board.gain * seen_board.value * (1.0f - haze) + scene.haze * haze * seen_board.opacity;
                    column[r] = column[r] * (1.0f - share * seen_board.opacity) + share * lit;
                }
            }
        }
    };
    draw_boards(false);
    for (int c = 0; scene.kerbed && c < width; ++c) {
        const Hit& kerb = kerbs[static_cast<std::size_t>(c)];
        if (kerb.side < 0 || kerb.depth > view) continue;
        const Texture& texture = scene.planes[4 + kerb.side];
        const float pixel = kerb.depth / focal;
        const Level u = level_for(pixel / kerb.slope * texture.density_u, texture.levels_u), v = level_for(pixel * texture.density_v, texture.levels_v);
        const Strip strip = strip_at(texture, kerb.section * texture.density_u, u, v);
        const float haze = haze_at(kerb.depth, view);
        const float extent = static_cast<float>(texture.size_v) / texture.density_v;
        const float top = horizon - (texture.origin_v + extent - camera.height) / pixel, bottom = horizon - (texture.origin_v - camera.height) / pixel;
        float* column = scratch.column.data() + static_cast<std::size_t>(c) * height;
        const int r0 = static_cast<int>(std::max(top, 0.0f)), r1 = static_cast<int>(std::min(bottom, static_cast<float>(height - 1)));
        for (int r = r0; r <= r1; ++r) {
            const float rows = clamp01(std::min(static_cast<float>(r + 1), bottom) - std::max(static_cast<float>(r), top));
            const float up = camera.height - (static_cast<float>(r) + 0.5f - horizon) * pixel;
            const Read seen_kerb = read(strip, (up - texture.origin_v) * texture.density_v);
            const float lit = seen_kerb.value * (1.0f - haze) + scene.haze * haze * seen_kerb.opacity;
            column[r] = column[r] * (1.0f - rows * seen_kerb.opacity) + rows * lit;
        }
    }
    draw_boards(true);
    for (int r = 0; r < height; ++r)
        for (int c = 0; c < width; ++c) frame[static_cast<std::size_t>(r) * width + c] = scratch.column[static_cast<std::size_t>(c) * height + r];
}

}  // namespace revisit::view
