#include "kernels/spiking.hpp"
#include "kernels/intrinsics.hpp"

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

namespace revisit::REVISIT_VARIANT {

namespace {

constexpr size_t lanes = VECTOR_BYTES / 4;
// Accumulators of one block: 16 of AVX-512's 32 registers, 8 of the 16 elsewhere; the membranes take others or stay in L1.
constexpr size_t most_vectors = VECTOR_BYTES == 64 ? 16 : 8;

typedef float Float __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t Int __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t Word __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t Wide __attribute__((vector_size(VECTOR_BYTES)));
typedef Float FloatAt __attribute__((aligned(4)));  // loads and stores of any alignment
typedef Int IntAt __attribute__((aligned(4)));
typedef Word WordAt __attribute__((aligned(4)));

inline Float load(const float* at) { return *reinterpret_cast<const FloatAt*>(at); }
inline void store(float* at, Float value) { *reinterpret_cast<FloatAt*>(at) = value; }

// Keeps a product from being fused with the addition that follows: every variant, and the twin, round it.
inline Float rounded(Float product) {
#if defined(__SSE2__)
    __asm__("" : "+v"(product));
#elif defined(__aarch64__)
    __asm__("" : "+w"(product));
#endif
    return product;
}

// One bit a lane out of a comparison's lanes of all ones or zeros.
inline uint32_t bits_of(Int mask) {
#if defined(__AVX512F__)
    return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask));
#elif defined(__AVX2__)
    return static_cast<uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(mask)));
#elif defined(__SSE2__)
    return static_cast<uint32_t>(_mm_movemask_ps(reinterpret_cast<__m128>(mask)));
#else
    uint32_t bits = 0;
    for (size_t lane = 0; lane < lanes; ++lane) bits |= static_cast<uint32_t>(mask[lane] & 1) << lane;
    return bits;
#endif
}

// 64-bit products of the even 32-bit lanes.
inline Wide even_product(Word a, uint32_t factor) {
#if defined(__AVX512F__)
    return reinterpret_cast<Wide>(_mm512_mul_epu32(reinterpret_cast<__m512i>(a), _mm512_set1_epi32(static_cast<int>(factor))));
#elif defined(__AVX2__)
    return reinterpret_cast<Wide>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), _mm256_set1_epi32(static_cast<int>(factor))));
#elif defined(__SSE2__)
    return reinterpret_cast<Wide>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), _mm_set1_epi32(static_cast<int>(factor))));
#else
    return (reinterpret_cast<Wide>(a) & 0xffffffffu) * static_cast<uint64_t>(factor);
#endif
}

struct Product {
    Word high, low;
};

inline Product multiply(Word a, uint32_t factor) {
    const Wide even = even_product(a, factor);
    const Wide odd = even_product(reinterpret_cast<Word>(reinterpret_cast<Wide>(a) >> 32), factor);
    return {reinterpret_cast<Word>((even >> 32) | (odd & 0xffffffff00000000u)),
            reinterpret_cast<Word>((even & 0xffffffffu) | (odd << 32))};
}

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), one counter a lane.
inline void philox(Word (&counter)[4], uint64_t seed) {
    uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        const Product first = multiply(counter[0], 0xD2511F53u), second = multiply(counter[2], 0xCD9E8D57u);
        counter[0] = second.high ^ counter[1] ^ key0;
        counter[1] = second.low;
        counter[2] = first.high ^ counter[3] ^ key1;
        counter[3] = first.low;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

inline Word iota(uint32_t start) {
#if VECTOR_BYTES == 64
    const Word zero_up = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif VECTOR_BYTES == 32
    const Word zero_up = {0, 1, 2, 3, 4, 5, 6, 7};
#else
    const Word zero_up = {0, 1, 2, 3};
#endif
    return zero_up + start;
}

// The 64 steps of one word: step 64 g + 16 w + l takes word w of the counter (16 g + l, input, frame).
inline uint64_t drawn_word(uint32_t limit, const DrawSource& source, uint32_t input, uint32_t group) {
    uint64_t bits = 0;
    for (uint32_t part = 0; part < 16; part += lanes) {
        Word draws[4] = {iota(16 * group + part), Word{} + input, Word{} + static_cast<uint32_t>(source.frame),
                         Word{} + static_cast<uint32_t>(source.frame >> 32)};
        philox(draws, source.seed);
        for (uint32_t word = 0; word < 4; ++word)
            bits |= static_cast<uint64_t>(bits_of(reinterpret_cast<Int>(draws[word] <= limit))) << (16 * word + part);
    }
    return bits;
}

inline uint64_t field_word(uint32_t limit, const uint32_t* draws) {
    uint64_t bits = 0;
    for (size_t step = 0; step < 64; step += lanes) {
        const Word drawn = *reinterpret_cast<const WordAt*>(draws + step);
        bits |= static_cast<uint64_t>(bits_of(reinterpret_cast<Int>(drawn <= limit))) << step;
    }
    return bits;
}

// Appends the neurons of one vector that fire, the first of which is `first` of its block; returns how many. May write 16 entries.
inline uint32_t append(Int spikes, uint32_t first, uint32_t* entries) {
#if defined(__AVX512F__)
    const __m512i value = reinterpret_cast<__m512i>(spikes);
    const __mmask16 fires = _mm512_test_epi32_mask(value, value);
    _mm512_storeu_si512(entries, _mm512_maskz_compress_epi32(fires, reinterpret_cast<__m512i>((spikes << 8) | reinterpret_cast<Int>(iota(first)))));
    return static_cast<uint32_t>(__builtin_popcount(fires));
#else
    uint32_t fires = bits_of(spikes > 0), found = 0;
    for (; fires != 0; fires &= fires - 1, ++found) {
        const uint32_t lane = static_cast<uint32_t>(__builtin_ctz(fires));
        entries[found] = static_cast<uint32_t>(spikes[lane]) << 8 | (first + lane);
    }
    return found;
#endif
}

// `listed`: the block's spikes are listed and what arrives is single spikes (the feature layer); else they are summed and what
// arrives may be several spikes of one neuron (the output layer).
template <size_t N, bool listed>
void run(const NeuronBlock& block, const SpikeList& arriving, size_t steps, const FiredList* fired) {
    Float membranes[N];
    Int totals[N];
    for (size_t i = 0; i < N; ++i) {
        membranes[i] = load(block.membranes + i * lanes);
        if (!listed) totals[i] = *reinterpret_cast<const IntAt*>(block.totals + i * lanes);
    }
    uint32_t* const entries = listed ? fired->entries : nullptr;
    uint32_t appended = 0;
    for (size_t step = 0; step < steps; ++step) {
        Float sum[N];
        for (size_t i = 0; i < N; ++i) sum[i] = block.bias != nullptr ? load(block.bias + i * lanes) : Float{};
        for (uint32_t k = arriving.offsets[step]; k < arriving.offsets[step + 1]; ++k) {
            const float* column = block.columns + arriving.sources[k] * block.stride;
            if (listed || arriving.counts[k] == 1.0f) {
                for (size_t i = 0; i < N; ++i) sum[i] += load(column + i * lanes);
            } else {
                for (size_t i = 0; i < N; ++i) sum[i] += rounded(load(column + i * lanes) * arriving.counts[k]);
            }
        }
        if (listed) fired->offsets[step] = appended;
#pragma GCC unroll 16
        for (size_t i = 0; i < N; ++i) {
            const Float potential = membranes[i] + sum[i];
            const Int spikes = __builtin_convertvector(potential > 0.0f ? potential : Float{}, Int);  // truncates
            const Float rest = potential - __builtin_convertvector(spikes, Float);
            membranes[i] = rest < -1.0f ? Float{} - 1.0f : rest;
            if (listed)
                appended += append(spikes, static_cast<uint32_t>(i * lanes), entries + appended);
            else
                totals[i] += spikes;
        }
    }
    if (listed) fired->offsets[steps] = appended;
    for (size_t i = 0; i < N; ++i) {
        store(block.membranes + i * lanes, membranes[i]);
        if (!listed) *reinterpret_cast<IntAt*>(block.totals + i * lanes) = totals[i];
    }
}

// Finds the instance for a block's width, most_vectors at most.
template <size_t N, bool listed>
void dispatch(const NeuronBlock& block, const SpikeList& arriving, size_t steps, const FiredList* fired) {
    if constexpr (N > 0) {
        if (block.vectors == N)
            run<N, listed>(block, arriving, steps, fired);
        else
            dispatch<N - 1, listed>(block, arriving, steps, fired);
    }
}

}  // namespace

void draw_spikes(const uint64_t* thresholds, size_t inputs, const DrawSource& source, size_t first_word, size_t words, size_t steps,
                 uint64_t* bits) {
    for (size_t input = 0; input < inputs; ++input, bits += words) {
        if (thresholds[input] == 0) {
            for (size_t word = 0; word < words; ++word) bits[word] = 0;
            continue;
        }
        const uint32_t limit = static_cast<uint32_t>(thresholds[input] - 1);
        for (size_t word = 0; word < words; ++word)
            bits[word] = source.field != nullptr ? field_word(limit, source.field + input * source.field_stride + 64 * (first_word + word))
                                                 : drawn_word(limit, source, static_cast<uint32_t>(input), static_cast<uint32_t>(first_word + word));
        if (steps % 64 != 0) bits[words - 1] &= (uint64_t{1} << (steps % 64)) - 1;
    }
}

void list_spikes(const uint64_t* bits, size_t inputs, size_t words, size_t steps, uint32_t* cursors, SpikeList list) {
    for (size_t step = 0; step < 64 * words; ++step) cursors[step] = 0;
    for (size_t input = 0; input < inputs; ++input)
        for (size_t word = 0; word < words; ++word)
            for (uint64_t left = bits[input * words + word]; left != 0; left &= left - 1) ++cursors[64 * word + __builtin_ctzll(left)];
    uint32_t total = 0;
    for (size_t step = 0; step < steps; ++step) {
        list.offsets[step] = total;
        total += cursors[step];
        cursors[step] = list.offsets[step];
    }
    list.offsets[steps] = total;
    for (size_t input = 0; input < inputs; ++input)
        for (size_t word = 0; word < words; ++word)
            for (uint64_t left = bits[input * words + word]; left != 0; left &= left - 1)
                list.sources[cursors[64 * word + __builtin_ctzll(left)]++] = static_cast<uint32_t>(input);
}

size_t block_neurons() { return most_vectors * lanes; }

size_t lane_count() { return lanes; }

void integrate(const NeuronBlock& block, const SpikeList& arriving, size_t steps, const FiredList* fired) {
    if (fired != nullptr)
        dispatch<most_vectors, true>(block, arriving, steps, fired);
    else
        dispatch<most_vectors, false>(block, arriving, steps, fired);
}

void join_fired(const FiredList* blocks, const uint32_t* first, size_t count, size_t steps, SpikeList joined) {
    uint32_t total = 0;
    for (size_t step = 0; step < steps; ++step) {
        joined.offsets[step] = total;
        for (size_t b = 0; b < count; ++b)
            for (uint32_t k = blocks[b].offsets[step]; k < blocks[b].offsets[step + 1]; ++k, ++total) {
                const uint32_t entry = blocks[b].entries[k];
                joined.sources[total] = first[b] + (entry & 255);
                joined.counts[total] = static_cast<float>(entry >> 8);
            }
    }
    joined.offsets[steps] = total;
}

}  // namespace revisit::REVISIT_VARIANT
