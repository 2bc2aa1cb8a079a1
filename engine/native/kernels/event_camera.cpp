// Every variant and the NumPy twin must give the same bits: no contraction to fused multiply-adds here.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "event_camera.hpp"

namespace revisit::REVISIT_VARIANT {

static inline float log_of(float value) {
    // value = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(t), t = (m - 1) / (m + 1), by its series.
    uint32_t bits;
    __builtin_memcpy(&bits, &value, 4);
    const uint32_t shifted = bits - 0x3f3504f3u;
    const int32_t exponent = (int32_t)shifted >> 23;
    const uint32_t mantissa = (shifted & 0x007fffffu) + 0x3f3504f3u;
    float m;
    __builtin_memcpy(&m, &mantissa, 4);
    const float t = (m - 1.0f) / (m + 1.0f);
    const float square = t * t;
    const float series = 2.0f + square * (0.6666666667f + square * (0.4f + square * 0.2857142857f));
    return (float)exponent * 0.6931471806f + t * series;
}

static inline uint32_t mix(uint32_t h) {
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16);
}

void advance_pixels(const float* __restrict luminance, const CameraStep& step, const CameraPixels& pixels, size_t first, size_t last) {
    float* __restrict level = pixels.level;
    float* __restrict difference = pixels.difference;
    float* __restrict rise = pixels.rise;
    uint8_t* __restrict flag = pixels.flag;
    const float *__restrict hold = pixels.hold, *__restrict on = pixels.on, *__restrict off = pixels.off, *__restrict leak = pixels.leak;
    const float duration = step.duration, dark = step.dark, low_pass = step.low_pass, half_shot = 0.5f * step.shot;
    const float pass_all = low_pass > 0.0f ? 0.0f : 1.0f;
    const uint32_t key = step.key;
    for (size_t i = first; i < last; ++i) {
        const float light = luminance[i] < 1.0f ? luminance[i] : 1.0f;
        const float x = low_pass * (0.1f + 0.9f * light);
        // 1 - exp(-x), with the series of exp(x) cut after the cube: monotone in x, and the same bits everywhere.
        const float share = 1.0f - 1.0f / (1.0f + x * (1.0f + x * (0.5f + x * 0.1666666667f))) + pass_all;
        const float before = level[i];
        const float after = before + share * (log_of(luminance[i] + dark) - before);
        const float change = (after - before) + leak[i] * duration;
        const float reached = difference[i] + change;
        const float probability = half_shot / (1.0f + 3.0f * light);
        const float draw = (float)(int32_t)(mix(((uint32_t)i * 0x9e3779b9u) ^ key) >> 8) * 5.9604644775390625e-8f;
        const int special = (reached >= on[i]) | (reached <= -off[i]) | (hold[i] > 0.0f) | (draw < probability) | (draw >= 1.0f - probability);
        level[i] = after;
        rise[i] = change;
        difference[i] = special ? difference[i] : reached;
        flag[i] = (uint8_t)special;
    }
}

}  // namespace revisit::REVISIT_VARIANT
