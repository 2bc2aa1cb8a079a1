#include "kernels/sad.hpp"
#include "kernels/intrinsics.hpp"

#if defined(__AVX512BW__)
#define VECTOR_FLOATS 16
#elif defined(__AVX2__)
#define VECTOR_FLOATS 8
#else
#define VECTOR_FLOATS 4
#endif

namespace revisit::REVISIT_VARIANT {

namespace {

// A strip of four references (12.8 KB) and of four queries stay in a 32 KB L1 cache; a strip of a block of queries in L2.
constexpr size_t strip_bytes = 3200;
constexpr size_t query_block = 64;

#if defined(__AVX512BW__)
#define WITH_PSADBW 1
typedef __m512i Vector;
inline Vector load(const uint8_t* at) { return _mm512_loadu_si512(at); }
inline Vector difference(Vector a, Vector b) { return _mm512_sad_epu8(a, b); }
inline Vector add(Vector a, Vector b) { return _mm512_add_epi64(a, b); }
inline Vector zero() { return _mm512_setzero_si512(); }
constexpr size_t tile_references = 4, tile_queries = 4;
#elif defined(__AVX2__)
#define WITH_PSADBW 1
typedef __m256i Vector;
inline Vector load(const uint8_t* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }
inline Vector difference(Vector a, Vector b) { return _mm256_sad_epu8(a, b); }
inline Vector add(Vector a, Vector b) { return _mm256_add_epi64(a, b); }
inline Vector zero() { return _mm256_setzero_si256(); }
constexpr size_t tile_references = 3, tile_queries = 4;
#elif defined(__SSE2__)
#define WITH_PSADBW 1
typedef __m128i Vector;
inline Vector load(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
inline Vector difference(Vector a, Vector b) { return _mm_sad_epu8(a, b); }
inline Vector add(Vector a, Vector b) { return _mm_add_epi64(a, b); }
inline Vector zero() { return _mm_setzero_si128(); }
constexpr size_t tile_references = 3, tile_queries = 4;
#else
#define WITH_PSADBW 0
constexpr size_t tile_references = 1, tile_queries = 1;
#endif

#if WITH_PSADBW
// Sums live in the low half of each 64-bit lane: two accumulators fit into one before it is added up.
inline void flush(Vector first, Vector second, uint32_t* a, uint32_t* b) {
#if defined(__AVX512BW__)
    const __m512i both = _mm512_or_si512(first, _mm512_slli_epi64(second, 32));
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(both), _mm512_extracti64x4_epi64(both, 1));
    const __m128i quarter = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
#elif defined(__AVX2__)
    const __m256i half = _mm256_or_si256(first, _mm256_slli_epi64(second, 32));
    const __m128i quarter = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
#else
    const __m128i quarter = _mm_or_si128(first, _mm_slli_epi64(second, 32));
#endif
    const __m128i sums = _mm_add_epi32(quarter, _mm_unpackhi_epi64(quarter, quarter));
    const uint64_t pair = static_cast<uint64_t>(_mm_cvtsi128_si64(sums));
    *a += static_cast<uint32_t>(pair);
    *b += static_cast<uint32_t>(pair >> 32);
}

template <size_t R, size_t Q>
inline void tile(const uint8_t* references, const uint8_t* queries, size_t pitch, size_t bytes, uint32_t* out, size_t out_stride) {
    Vector sums[R][Q];
    for (size_t r = 0; r < R; ++r)
        for (size_t q = 0; q < Q; ++q) sums[r][q] = zero();
    for (size_t at = 0; at < bytes; at += sizeof(Vector)) {
        Vector reference[R];
        for (size_t r = 0; r < R; ++r) reference[r] = load(references + r * pitch + at);
        for (size_t q = 0; q < Q; ++q) {
            const Vector query = load(queries + q * pitch + at);
            for (size_t r = 0; r < R; ++r) sums[r][q] = add(sums[r][q], difference(reference[r], query));
        }
    }
    for (size_t r = 0; r < R; ++r) {
        uint32_t* row = out + r * out_stride;
        if constexpr (Q % 2 == 0) {
            for (size_t q = 0; q < Q; q += 2) flush(sums[r][q], sums[r][q + 1], row + q, row + q + 1);
        } else {
            uint32_t unused = 0;
            for (size_t q = 0; q < Q; ++q) flush(sums[r][q], zero(), row + q, &unused);
        }
    }
}
#else
template <size_t R, size_t Q>
inline void tile(const uint8_t* references, const uint8_t* queries, size_t pitch, size_t bytes, uint32_t* out, size_t out_stride) {
    for (size_t r = 0; r < R; ++r)
        for (size_t q = 0; q < Q; ++q) {
            const uint8_t *a = references + r * pitch, *b = queries + q * pitch;
            uint32_t sum = 0;
            for (size_t at = 0; at < bytes; ++at) sum += static_cast<uint32_t>(__builtin_abs(a[at] - b[at]));  // compilers know this shape
            out[r * out_stride + q] += sum;
        }
}
#endif

// Rows [r, r + R) against a block of queries.
template <size_t R>
inline void row_of_tiles(const uint8_t* references, const uint8_t* queries, size_t query_count, size_t pitch, size_t bytes, uint32_t* out,
                         size_t out_stride) {
    size_t q = 0;
    for (; q + tile_queries <= query_count; q += tile_queries) tile<R, tile_queries>(references, queries + q * pitch, pitch, bytes, out + q, out_stride);
    for (; q < query_count; ++q) tile<R, 1>(references, queries + q * pitch, pitch, bytes, out + q, out_stride);
}

typedef float Float __attribute__((vector_size(VECTOR_FLOATS * 4)));
typedef int32_t Int __attribute__((vector_size(VECTOR_FLOATS * 4)));
typedef Float FloatAt __attribute__((aligned(4)));

inline Float load(const float* at) { return *reinterpret_cast<const FloatAt*>(at); }

template <size_t R, size_t Q>
inline void float_tile(const float* references, const float* queries, size_t length, float* out, size_t out_stride) {
    float partial[R][Q][16];
    for (size_t part = 0; part < 16; part += VECTOR_FLOATS) {
        Float sums[R][Q];
        for (size_t r = 0; r < R; ++r)
            for (size_t q = 0; q < Q; ++q) sums[r][q] = Float{};
        for (size_t at = part; at < length; at += 16)
            for (size_t q = 0; q < Q; ++q) {
                const Float query = load(queries + q * length + at);
                for (size_t r = 0; r < R; ++r) {
                    const Float signed_difference = load(references + r * length + at) - query;
                    sums[r][q] += reinterpret_cast<Float>(reinterpret_cast<Int>(signed_difference) & 0x7fffffff);
                }
            }
        for (size_t r = 0; r < R; ++r)
            for (size_t q = 0; q < Q; ++q) *reinterpret_cast<FloatAt*>(&partial[r][q][part]) = sums[r][q];
    }
    for (size_t r = 0; r < R; ++r)
        for (size_t q = 0; q < Q; ++q) {
            float* sums = partial[r][q];
            for (size_t half = 8; half > 0; half /= 2)
                for (size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
            out[r * out_stride + q] = sums[0];
        }
}

template <size_t R>
inline void row_of_float_tiles(const float* references, const float* queries, size_t query_count, size_t length, float* out, size_t out_stride) {
    size_t q = 0;
    for (; q + 2 <= query_count; q += 2) float_tile<R, 2>(references, queries + q * length, length, out + q, out_stride);
    for (; q < query_count; ++q) float_tile<R, 1>(references, queries + q * length, length, out + q, out_stride);
}

}  // namespace

void sad_bytes(const uint8_t* references, size_t reference_count, const uint8_t* queries, size_t query_count, size_t pitch, uint32_t* out,
               size_t out_stride) {
    for (size_t r = 0; r < reference_count; ++r)
        for (size_t q = 0; q < query_count; ++q) out[r * out_stride + q] = 0;
    for (size_t first = 0; first < query_count; first += query_block) {
        const size_t count = first + query_block < query_count ? query_block : query_count - first;
        for (size_t strip = 0; strip < pitch; strip += strip_bytes) {
            const size_t bytes = strip + strip_bytes < pitch ? strip_bytes : pitch - strip;
            const uint8_t* block = queries + first * pitch + strip;
            size_t r = 0;
            for (; r + tile_references <= reference_count; r += tile_references)
                row_of_tiles<tile_references>(references + r * pitch + strip, block, count, pitch, bytes, out + r * out_stride + first, out_stride);
            for (; r < reference_count; ++r)
                row_of_tiles<1>(references + r * pitch + strip, block, count, pitch, bytes, out + r * out_stride + first, out_stride);
        }
    }
}

void sad_floats(const float* references, size_t reference_count, const float* queries, size_t query_count, size_t length, float* out,
                size_t out_stride) {
    for (size_t first = 0; first < query_count; first += query_block) {
        const size_t count = first + query_block < query_count ? query_block : query_count - first;
        size_t r = 0;
        for (; r + 4 <= reference_count; r += 4)
            row_of_float_tiles<4>(references + r * length, queries + first * length, count, length, out + r * out_stride + first, out_stride);
        for (; r < reference_count; ++r)
            row_of_float_tiles<1>(references + r * length, queries + first * length, count, length, out + r * out_stride + first, out_stride);
    }
}

uint64_t sad_probe(uint64_t rounds, uint64_t* sink) {
#if WITH_PSADBW
    constexpr size_t sums = sizeof(Vector) == 64 ? 16 : 8;
    Vector total[sums], reference[4], query = zero();
    for (size_t i = 0; i < sums; ++i) total[i] = zero();
    for (size_t i = 0; i < 4; ++i) reference[i] = zero();
    for (uint64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
        for (size_t i = 0; i < 16; ++i) {
            __asm__ volatile("" : "+v"(query));  // as if another query were there each time
            total[i % sums] = add(total[i % sums], difference(reference[i % 4], query));
        }
    for (size_t i = 1; i < sums; ++i) total[0] = add(total[0], total[i]);
    *sink = static_cast<uint64_t>(total[0][0]);
    return rounds * 16 * sizeof(Vector);
#else
    (void)rounds;  // no such instruction to measure
    *sink = 0;
    return 0;
#endif
}

}  // namespace revisit::REVISIT_VARIANT
