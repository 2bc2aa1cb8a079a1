// A street or corridor as the camera sees it: planes along a winding route, and upright boards across it.
#pragma once

#include <cstddef>
#include <vector>

namespace revisit::view {

// A texture with every combination of halvings along both axes (a rip map), so that it can be filtered by another amount
// along than across. Stored level by level, (i, j) row-major over halvings; in a level the first axis is the slow one.
constexpr int max_levels = 16;

struct Texture {
    const float* values = nullptr;  // channel 0; channel 1 (opacity; channel 0 is then premultiplied) follows
    std::size_t plane = 0;          // elements of one channel
    int levels_u = 0, levels_v = 0, size_u = 0, size_v = 0;
    float density_u = 0, density_v = 0;  // texels a metre
    float origin_v = 0;                  // metres at texel 0
    bool opacity = false, wraps = false;
    // Filled by `lay_out`: where each level starts, and 2^-level.
    std::size_t offset[max_levels][max_levels] = {};
    float scale[max_levels] = {};
};

void lay_out(Texture& texture);

struct Board {
    float section;             // distance along the route, for the order
    float x, y, cosine, sine;  // the route there
    float left, half_width, bottom, top;
    int sprite;
    float gain;
    bool front;  // in front of the kerb planes
};

struct Scene {
    int width, height;
    float focal, view, half_width, ceiling, kerb, haze, sky;
    bool roofed, kerbed;
    Texture planes[6];  // left wall, right wall, ground, ceiling, left kerb, right kerb
    std::vector<Texture> sprites;
    std::vector<Board> boards;  // far to near
    const float* sections;      // (count, 4): x, y, cos, sin of the route's heading
    std::size_t section_count;
    float section_start, section_step;
};

struct Camera {
    float x, y, cosine, sine, height, pitch, distance;  // pitch in rows
};

// Renders one frame of luminance, row-major (height, width). `scratch` is reused from frame to frame.
struct Level {
    int index;
    float part;
};
struct Row {
    float depth, haze;
    Level u, v;
};
struct Scratch {
    std::vector<Row> ground, roof;
    std::vector<float> column, depth, left, hits, levels;
};
void render(const Scene& scene, const Camera& camera, Scratch& scratch, float* frame);

}  // namespace revisit::view
