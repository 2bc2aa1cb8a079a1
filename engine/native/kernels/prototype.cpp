#include "kernels/prototype.hpp"

#include "kernels/intrinsics.hpp"

namespace revisit::REVISIT_VARIANT {

namespace {

constexpr size_t lanes = prototype_lanes, rows = prototype_rows, chunk = prototype_steps;

// `width` 16-bit sums, from as many 8-bit weights and to as many 32-bit drives. GCC 12 takes four instructions for a conversion that
// is one, so that the vectors are named here.
#if defined(__AVX512BW__)
struct Shorts {
    static constexpr size_t width = 32;
    __m512i sum = _mm512_setzero_si512();
    static __m512i widened(const int8_t* p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
    void add(const int8_t* p) { sum = _mm512_add_epi16(sum, widened(p)); }
    void take(const int8_t* p) { sum = _mm512_sub_epi16(sum, widened(p)); }
    void flush(int32_t* drive) const {
        const __m512i low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(sum)), high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(sum, 1));
        _mm512_store_si512(drive, _mm512_add_epi32(_mm512_load_si512(drive), low));
        _mm512_store_si512(drive + 16, _mm512_add_epi32(_mm512_load_si512(drive + 16), high));
    }
};
#elif defined(__AVX2__)
struct Shorts {
    static constexpr size_t width = 16;
    __m256i sum = _mm256_setzero_si256();
    static __m256i widened(const int8_t* p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
    void add(const int8_t* p) { sum = _mm256_add_epi16(sum, widened(p)); }
    void take(const int8_t* p) { sum = _mm256_sub_epi16(sum, widened(p)); }
    void flush(int32_t* drive) const {
        const __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(sum)), high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(sum, 1));
        __m256i *first = reinterpret_cast<__m256i*>(drive), *second = first + 1;
        _mm256_store_si256(first, _mm256_add_epi32(_mm256_load_si256(first), low));
        _mm256_store_si256(second, _mm256_add_epi32(_mm256_load_si256(second), high));
    }
};
#else
struct Shorts {
    static constexpr size_t width = 8;
    typedef int8_t Bytes __attribute__((vector_size(width), aligned(1)));
    typedef int16_t Sums __attribute__((vector_size(2 * width)));
    typedef int32_t Words __attribute__((vector_size(4 * width)));
    Sums sum = {};
    static Sums widened(const int8_t* p) { return __builtin_convertvector(*reinterpret_cast<const Bytes*>(p), Sums); }
    void add(const int8_t* p) { sum += widened(p); }
    void take(const int8_t* p) { sum -= widened(p); }
    void flush(int32_t* drive) const { *reinterpret_cast<Words*>(drive) += __builtin_convertvector(sum, Words); }
};
#endif

constexpr size_t vectors = lanes / Shorts::width;

// Adds to the drives of some steps what the spikes of a block bring; fetches `next` meanwhile.
void arrive(const int8_t* block, const uint32_t* offsets, const uint8_t* sources, size_t steps, const int8_t* next, size_t next_rows,
            int32_t (*drive)[lanes]) {
    size_t fetched = 0;
    for (size_t t = 0; t < steps; ++t) {
        // Spikes read the rows in no order that the processor could foresee.
        for (const size_t until = next_rows * (t + 1) / steps; fetched < until; ++fetched) __builtin_prefetch(next + fetched * lanes, 0, 3);
        const uint8_t *spike = sources + offsets[2 * t], *middle = sources + offsets[2 * t + 1], *last = sources + offsets[2 * t + 2];
        if (spike == last) continue;
        Shorts sums[vectors];
        for (; spike != middle; ++spike)
            for (size_t k = 0; k < vectors; ++k) sums[k].add(block + *spike * lanes + k * Shorts::width);
        for (; spike != last; ++spike)
            for (size_t k = 0; k < vectors; ++k) sums[k].take(block + *spike * lanes + k * Shorts::width);
        for (size_t k = 0; k < vectors; ++k) sums[k].flush(drive[t] + k * Shorts::width);
    }
}

}  // namespace

void integrate_prototypes(const PrototypePanel& panel, size_t inputs, int32_t threshold, const PrototypeSpikes& spikes, int32_t* counts,
                          int32_t* membranes, int32_t* drives) {
    alignas(64) int32_t v[lanes] = {}, fired[lanes] = {}, total[lanes] = {}, drive[chunk][lanes];
    const float over = static_cast<float>(threshold);
    const uint32_t* offsets = spikes.offsets;
    for (size_t first = 0; first < spikes.steps; first += chunk) {
        const size_t steps = spikes.steps - first < chunk ? spikes.steps - first : chunk;
        for (size_t t = 0; t < steps; ++t)
            for (size_t lane = 0; lane < lanes; ++lane) drive[t][lane] = panel.bias[lane];
        for (size_t row = 0; row < inputs; row += rows, offsets += 2 * chunk) {
            const size_t after = row + rows;
            const bool more = after < inputs, again = first + chunk < spikes.steps;
            const int8_t* next = more ? panel.weights + after * lanes : again ? panel.weights : panel.next;
            const size_t left = more ? inputs - after : again ? inputs : panel.next_rows;
            arrive(panel.weights + row * lanes, offsets, spikes.sources, steps, next, left < rows ? left : rows, drive);
        }
        for (size_t t = 0; t < steps; ++t)
            for (size_t lane = 0; lane < lanes; ++lane) {
                const int32_t now = v[lane] + drive[t][lane];
                // Both are under 2^24, so the quotient rounds to a whole number only where it is one.
                const int32_t sent = static_cast<int32_t>(static_cast<float>(now > 0 ? now : 0) / over);
                const int32_t rest = now - sent * threshold;
                v[lane] = rest < -threshold ? -threshold : rest;
                fired[lane] += sent;
                total[lane] += drive[t][lane];
            }
    }
    for (size_t lane = 0; lane < lanes; ++lane) {
        counts[lane] = fired[lane];
        membranes[lane] = v[lane];
        drives[lane] = total[lane];
    }
}

}  // namespace revisit::REVISIT_VARIANT
