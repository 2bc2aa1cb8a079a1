// Binding of the synthetic world's renderer: everything that comes from Python is checked here.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "parallel.hpp"
#include "world_view.hpp"

namespace py = pybind11;

namespace revisit {
namespace {

using Floats = py::array_t<float, py::array::c_style>;
// values (channels, texels of all levels), sizes (levels_u, levels_v, size_u, size_v, wraps), scale (density_u, density_v, origin_v)
using TextureTuple = std::tuple<Floats, std::tuple<int, int, int, int, bool>, std::tuple<float, float, float>>;

view::Texture texture_of(const TextureTuple& given, const char* name) {
    const auto& [values, sizes, scale] = given;
    view::Texture t;
    std::tie(t.levels_u, t.levels_v, t.size_u, t.size_v, t.wraps) = sizes;
    std::tie(t.density_u, t.density_v, t.origin_v) = scale;
    const auto power_of_two = [](int value) { return value > 0 && (value & (value - 1)) == 0; };
    const bool sizes_fit = t.levels_u >= 1 && t.levels_u <= view::max_levels && t.levels_v >= 1 && t.levels_v <= view::max_levels && power_of_two(t.size_u) && power_of_two(t.size_v) &&
                           t.size_u <= (1 << 20) && t.size_v <= (1 << 14) && (t.size_u >> (t.levels_u - 1)) >= 2 && (t.size_v >> (t.levels_v - 1)) >= 2;
    if (!sizes_fit || values.ndim() != 2 || values.shape(0) < 1 || values.shape(0) > 2 || !(t.density_u > 0) || !(t.density_v > 0) || !std::isfinite(t.origin_v))
        throw std::invalid_argument(std::string("render_frames: ") + name + " has wrong sizes");
    view::lay_out(t);
    if (static_cast<std::size_t>(values.shape(1)) != t.plane)
        throw std::invalid_argument(std::string("render_frames: ") + name + " has another number of texels than its sizes say");
    t.values = values.data();
    t.opacity = values.shape(0) == 2;
    return t;
}

void all_finite(const Floats& values, const char* name) {
    const float* data = values.data();
    for (py::ssize_t i = 0; i < values.size(); ++i)
        if (!(std::fabs(data[i]) < 1e6f)) throw std::invalid_argument(std::string("render_frames: ") + name + " has a value that is not finite or too large");
}

Floats render_frames(const Floats& cameras, const Floats& sections, float section_start, float section_step, const std::vector<TextureTuple>& planes,
                     const std::vector<TextureTuple>& sprites, const Floats& boards, const Floats& constants, int width, int height, int threads) {
    if (cameras.ndim() != 2 || cameras.shape(1) != 7 || sections.ndim() != 2 || sections.shape(1) != 4 || sections.shape(0) < 3 || boards.ndim() != 2 ||
        boards.shape(1) != 12 || constants.ndim() != 1 || constants.shape(0) != 7)
        throw std::invalid_argument("render_frames: cameras (n, 7), sections (>= 3, 4), boards (n, 12) and constants (7) are needed");
    if (planes.size() != 4 && planes.size() != 5) throw std::invalid_argument("render_frames: four planes with a roof or five with kerbs are needed");
    if (width < 1 || height < 1 || width > 4096 || height > 4096) throw std::invalid_argument("render_frames: width and height from 1 to 4096 are needed");
    all_finite(cameras, "cameras");
    all_finite(sections, "sections");
    all_finite(boards, "boards");
    all_finite(constants, "constants");
    view::Scene scene;
    const float* value = constants.data();
    scene.focal = value[0], scene.view = value[1], scene.half_width = value[2], scene.ceiling = value[3], scene.kerb = value[4];
    scene.haze = value[5], scene.sky = value[6];
    if (!(scene.focal > 0) || !(scene.view > 1) || !(scene.half_width > 0.1f) || !(section_step > 0.01f) || !(std::fabs(section_start) < 1e6f))
        throw std::invalid_argument("render_frames: focal length, view, width of the street and section step must be positive");
    scene.width = width, scene.height = height;
    scene.roofed = planes.size() == 4, scene.kerbed = !scene.roofed;
    // Left wall, right wall, ground, then the ceiling or the two kerbs.
    for (std::size_t i = 0; i < planes.size(); ++i) scene.planes[i + (scene.kerbed && i >= 3 ? 1 : 0)] = texture_of(planes[i], "a plane");
    if (scene.kerbed && (!scene.planes[4].opacity || !scene.planes[5].opacity)) throw std::invalid_argument("render_frames: the kerb planes need opacity");
    for (const TextureTuple& sprite : sprites) {
        scene.sprites.push_back(texture_of(sprite, "a sprite"));
        if (!scene.sprites.back().opacity) throw std::invalid_argument("render_frames: the sprites need opacity");
    }
    for (py::ssize_t i = 0; i < boards.shape(0); ++i) {
        const float* b = boards.data(i);
        view::Board board{b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], static_cast<int>(b[9]), b[10], b[11] != 0.0f};
        if (board.sprite < 0 || static_cast<std::size_t>(board.sprite) >= scene.sprites.size() || !(board.half_width > 0) || !(board.top > board.bottom))
            throw std::invalid_argument("render_frames: a board has no extent or no such sprite");
        scene.boards.push_back(board);
    }
    scene.sections = sections.data();
    scene.section_count = static_cast<std::size_t>(sections.shape(0));
    scene.section_start = section_start, scene.section_step = section_step;
    for (py::ssize_t i = 0; i < cameras.shape(0); ++i)
        if (!(cameras.data(i)[4] > 0.05f)) throw std::invalid_argument("render_frames: the camera must stand above the ground");

    const std::size_t count = static_cast<std::size_t>(cameras.shape(0)), size = static_cast<std::size_t>(width) * height;
    Floats frames({cameras.shape(0), static_cast<py::ssize_t>(height), static_cast<py::ssize_t>(width)});
    float* out = frames.mutable_data();
    const float* camera = cameras.data();
    {
        py::gil_scoped_release released;
        parallel_ranges(count, threads, [&](std::size_t first, std::size_t last) {
            view::Scratch scratch;
            for (std::size_t k = first; k < last; ++k) {
                const float* c = camera + 7 * k;
                view::render(scene, view::Camera{c[0], c[1], c[2], c[3], c[4], c[5], c[6]}, scratch, out + k * size);
            }
        });
    }
    return frames;
}

}  // namespace

void bind_simulation(py::module_& module) {
    module.def("render_frames", &render_frames, py::arg("cameras").noconvert(), py::arg("sections").noconvert(), py::arg("section_start"),
               py::arg("section_step"), py::arg("planes"), py::arg("sprites"), py::arg("boards").noconvert(), py::arg("constants").noconvert(),
               py::arg("width"), py::arg("height"), py::arg("threads") = 0, "Luminance frames (n, height, width) of a street or corridor.");
}

}  // namespace revisit
