// The vector operations that the training kernel is written in, for this variant's registers. Included by training.cpp only.
// A `Sign` tells of one input which lanes hold a positive weight, a negative one or none: two bit masks, or 1, -1, 0.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "training.hpp"

namespace revisit::REVISIT_VARIANT {
namespace {

constexpr float weight_floor = 1e-6f;
constexpr float weight_ceiling = 10.0f;

#if defined(__AVX512F__)

// 16 rows in one register.
struct Lanes16 {
    static constexpr size_t count = 16;
    using V = __m512;
    struct Sign {
        __mmask16 nonzero, negative;
    };
    struct Signs {
        const uint16_t *nonzero, *negative;
        Signs(const TrainingBlock& block, size_t) : nonzero(block.nonzero), negative(block.negative) {}
        // Straight from memory: by way of a general register each mask would cost one operation more.
        Sign operator[](size_t j) const { return {_load_mask16((__mmask16*)(nonzero + j)), _load_mask16((__mmask16*)(negative + j))}; }
    };
    static V load(const float* p) { return _mm512_loadu_ps(p); }
    static void store(float* p, V v) { _mm512_storeu_ps(p, v); }
    static V splat(float v) { return _mm512_set1_ps(v); }
    static V add(V a, V b) { return _mm512_add_ps(a, b); }
    static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
    static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    // Masked with all lanes on: one plain instruction, and GCC 12 does not take its own header's _mm512_max_ps for a bug.
    static V max(V a, V b) { return _mm512_maskz_max_ps(0xffff, a, b); }
    static V min(V a, V b) { return _mm512_maskz_min_ps(0xffff, a, b); }
    static V where_positive(V v, V than) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, splat(0), _CMP_GT_OQ), than); }
    static V floor_nonzero(V v, Sign s) { return _mm512_maskz_max_ps(s.nonzero, v, splat(weight_floor)); }
    static V scale_negative(V v, V by, Sign s) { return _mm512_mask_mul_ps(v, s.negative, v, by); }
    static V with_sign(V v, Sign s) { return _mm512_mask_xor_ps(v, s.negative, v, splat(-0.0f)); }
    static V add_nonzero(V v, V a, V b, Sign s) { return _mm512_mask_add_ps(v, s.nonzero, v, _mm512_mul_ps(a, b)); }
    static V raise_positive(V v, Sign s) {
        return _mm512_mask_max_ps(v, static_cast<__mmask16>(s.nonzero & ~s.negative), v, splat(weight_floor));
    }
    static V lower_negative(V v, Sign s) { return _mm512_mask_min_ps(v, s.negative, v, splat(-weight_floor)); }
};

// 8 rows of a 16-row block: what is left over where rows or threads do not fill whole blocks.
struct Lanes8 {
    static constexpr size_t count = 8;
    using V = __m256;
    struct Sign {
        __mmask8 nonzero, negative;
    };
    struct Signs {
        const uint8_t *nonzero, *negative;
        Signs(const TrainingBlock& block, size_t lane)
            : nonzero((const uint8_t*)block.nonzero + lane / 8), negative((const uint8_t*)block.negative + lane / 8) {}
        Sign operator[](size_t j) const {
            return {_load_mask8((__mmask8*)(nonzero + 2 * j)), _load_mask8((__mmask8*)(negative + 2 * j))};
        }
    };
    static V load(const float* p) { return _mm256_loadu_ps(p); }
    static void store(float* p, V v) { _mm256_storeu_ps(p, v); }
    static V splat(float v) { return _mm256_set1_ps(v); }
    static V add(V a, V b) { return _mm256_add_ps(a, b); }
    static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
    static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    static V max(V a, V b) { return _mm256_max_ps(a, b); }
    static V min(V a, V b) { return _mm256_min_ps(a, b); }
    static V where_positive(V v, V than) { return _mm256_maskz_mov_ps(_mm256_cmp_ps_mask(v, splat(0), _CMP_GT_OQ), than); }
    static V floor_nonzero(V v, Sign s) { return _mm256_maskz_max_ps(s.nonzero, v, splat(weight_floor)); }
    static V scale_negative(V v, V by, Sign s) { return _mm256_mask_mul_ps(v, s.negative, v, by); }
    static V with_sign(V v, Sign s) { return _mm256_mask_xor_ps(v, s.negative, v, splat(-0.0f)); }
    static V add_nonzero(V v, V a, V b, Sign s) { return _mm256_mask_add_ps(v, s.nonzero, v, _mm256_mul_ps(a, b)); }
    static V raise_positive(V v, Sign s) {
        return _mm256_mask_max_ps(v, static_cast<__mmask8>(s.nonzero & ~s.negative), v, splat(weight_floor));
    }
    static V lower_negative(V v, Sign s) { return _mm256_mask_min_ps(v, s.negative, v, splat(-weight_floor)); }
};

#elif defined(__AVX2__)

struct Lanes8 {
    static constexpr size_t count = 8;
    using V = __m256;
    using Sign = __m256;
    struct Signs {
        const float* signs;
        Signs(const TrainingBlock& block, size_t lane) : signs(block.signs + lane) {}
        Sign operator[](size_t j) const { return load(signs + j * training_lanes); }
    };
    static V load(const float* p) { return _mm256_loadu_ps(p); }
    static void store(float* p, V v) { _mm256_storeu_ps(p, v); }
    static V splat(float v) { return _mm256_set1_ps(v); }
    static V add(V a, V b) { return _mm256_add_ps(a, b); }
    static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
    static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    static V max(V a, V b) { return _mm256_max_ps(a, b); }
    static V min(V a, V b) { return _mm256_min_ps(a, b); }
    static V where_positive(V v, V than) { return _mm256_and_ps(_mm256_cmp_ps(v, splat(0), _CMP_GT_OQ), than); }
    // What a weight of sign 0 holds does not matter here: with_sign makes it 0.
    static V floor_nonzero(V v, Sign) { return max(v, splat(weight_floor)); }
    static V scale_negative(V v, V by, Sign s) { return _mm256_blendv_ps(v, mul(v, by), s); }
    static V with_sign(V v, Sign s) { return mul(v, s); }
    static V add_nonzero(V v, V a, V b, Sign s) { return add(v, mul(mul(a, b), mul(s, s))); }
    static V raise_positive(V v, Sign s) { return _mm256_blendv_ps(v, max(v, splat(weight_floor)), _mm256_cmp_ps(s, splat(0), _CMP_GT_OQ)); }
    static V lower_negative(V v, Sign s) { return _mm256_blendv_ps(v, min(v, splat(-weight_floor)), s); }
};

#else

typedef float Float4 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));
typedef float AnyFloat4 __attribute__((vector_size(16), aligned(4), may_alias));

// 8 rows in two registers of the plain instruction set (SSE2, NEON).
struct Lanes8 {
    static constexpr size_t count = 8;
    struct V {
        Float4 a, b;
    };
    using Sign = V;
    static Float4 choose(Int4 mask, Float4 then, Float4 otherwise) {
        return (Float4)((mask & (Int4)then) | (~mask & (Int4)otherwise));
    }
    struct Signs {
        const float* signs;
        Signs(const TrainingBlock& block, size_t lane) : signs(block.signs + lane) {}
        Sign operator[](size_t j) const { return load(signs + j * training_lanes); }
    };
    static V load(const float* p) { return {*(const AnyFloat4*)p, *(const AnyFloat4*)(p + 4)}; }
    static void store(float* p, V v) {
        *(AnyFloat4*)p = v.a;
        *(AnyFloat4*)(p + 4) = v.b;
    }
    static V splat(float v) { return {Float4{v, v, v, v}, Float4{v, v, v, v}}; }
    static V add(V x, V y) { return {x.a + y.a, x.b + y.b}; }
    static V sub(V x, V y) { return {x.a - y.a, x.b - y.b}; }
    static V mul(V x, V y) { return {x.a * y.a, x.b * y.b}; }
    static V fma(V x, V y, V z) { return {x.a * y.a + z.a, x.b * y.b + z.b}; }
#if defined(__SSE2__)
    static V max(V x, V y) { return {__builtin_ia32_maxps(x.a, y.a), __builtin_ia32_maxps(x.b, y.b)}; }
    static V min(V x, V y) { return {__builtin_ia32_minps(x.a, y.a), __builtin_ia32_minps(x.b, y.b)}; }
#else
    static V max(V x, V y) { return {x.a > y.a ? x.a : y.a, x.b > y.b ? x.b : y.b}; }
    static V min(V x, V y) { return {x.a < y.a ? x.a : y.a, x.b < y.b ? x.b : y.b}; }
#endif
    static V where_positive(V v, V than) {
        const Float4 zero = {0, 0, 0, 0};
        return {(Float4)((Int4)(v.a > zero) & (Int4)than.a), (Float4)((Int4)(v.b > zero) & (Int4)than.b)};
    }
    static V floor_nonzero(V v, Sign) { return max(v, splat(weight_floor)); }
    static V scale_negative(V v, V by, Sign s) {
        return {choose((Int4)s.a >> 31, v.a * by.a, v.a), choose((Int4)s.b >> 31, v.b * by.b, v.b)};
    }
    static V with_sign(V v, Sign s) { return mul(v, s); }
    static V add_nonzero(V v, V a, V b, Sign s) { return add(v, mul(mul(a, b), mul(s, s))); }
    static V raise_positive(V v, Sign s) {
        const Float4 zero = {0, 0, 0, 0};
        const V raised = max(v, splat(weight_floor));
        return {choose((Int4)(s.a > zero), raised.a, v.a), choose((Int4)(s.b > zero), raised.b, v.b)};
    }
    static V lower_negative(V v, Sign s) {
        const V lowered = min(v, splat(-weight_floor));
        return {choose((Int4)s.a >> 31, lowered.a, v.a), choose((Int4)s.b >> 31, lowered.b, v.b)};
    }
};

#endif

}  // namespace
}  // namespace revisit::REVISIT_VARIANT
