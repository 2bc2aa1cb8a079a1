// One sweep over a block's weights a step: the update of this step and the next step's forward pass together, so that each
// weight is read and written once. Two blocks take turns, so that the few dependent operations between two sweeps of one
// (output, threshold, factors) hide behind the sweep of the other.
#include "training_lanes.hpp"

namespace revisit::REVISIT_VARIANT {
namespace {

// The 31 numbers from which a load at 15 - lane gives 1 in that lane and 0 elsewhere.
alignas(64) const float one_hot[31] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

// Sums over the inputs run in four partial sums by j mod 4, everywhere: the order of the additions, and so the bits, does
// not depend on where a run of steps was cut.
template <typename L, typename Body>
inline typename L::V sum_inputs(size_t inputs, Body body) {
    typename L::V s0 = L::splat(0), s1 = s0, s2 = s0, s3 = s0;
    size_t j = 0;
    for (; j + 4 <= inputs; j += 4) {
        s0 = body(j, s0);
        s1 = body(j + 1, s1);
        s2 = body(j + 2, s2);
        s3 = body(j + 3, s3);
    }
    if (j < inputs) s0 = body(j, s0);
    if (j + 1 < inputs) s1 = body(j + 1, s1);
    if (j + 2 < inputs) s2 = body(j + 2, s2);
    return L::add(L::add(s0, s1), L::add(s2, s3));
}

// `count` rows of a block from `lane` on, with what is known of them between two sweeps.
template <typename L>
struct Rows {
    using V = typename L::V;
    TrainingBlock* block;
    size_t lane;
    V drive_sum;  // n of the sample that comes next
    V threshold, target, output_sum;

    Rows(TrainingBlock* of, size_t from, const TrainingSteps& run) : block(of), lane(from) {
        threshold = L::load(block->thresholds + lane);
        target = L::load(block->targets + lane);
        output_sum = L::load(block->output_sum + lane);
        drive_sum = forward(run, run.samples + static_cast<size_t>(run.order[0]) * run.inputs);
    }

    void finish() const {
        L::store(block->thresholds + lane, threshold);
        L::store(block->output_sum + lane, output_sum);
    }

    V forward(const TrainingSteps& run, const float* x) const {
        const float* weights = block->weights + lane;
        if (run.output_layer)
            return sum_inputs<L>(run.inputs, [&](size_t j, V sum) { return L::fma(L::load(weights + j * training_lanes), L::splat(x[j]), sum); });
        const typename L::Signs signs(*block, lane);
        return sum_inputs<L>(run.inputs, [=](size_t j, V sum) {
            return L::fma(L::with_sign(L::load(weights + j * training_lanes), signs[j]), L::splat(x[j]), sum);
        });
    }

    // Kept as s W: excitatory and inhibitory weights then move alike under STDP and clip alike.
    V sweep_feature(const TrainingSteps& run, V grow, V inhibition, const float* gate, const float* next) const {
        float* weights = block->weights + lane;
        const typename L::Signs signs(*block, lane);
        return sum_inputs<L>(run.inputs, [=](size_t j, V sum) {
            const typename L::Sign sign = signs[j];
            V w = L::fma(grow, L::splat(gate[j]), L::load(weights + j * training_lanes));
            w = L::min(L::floor_nonzero(w, sign), L::splat(weight_ceiling));
            w = L::scale_negative(w, inhibition, sign);
            L::store(weights + j * training_lanes, w);
            return L::fma(L::with_sign(w, sign), L::splat(next[j]), sum);
        });
    }

    // Rows without STDP in this step: excitatory weights are clipped already and stay as they are.
    V sweep_inhibition(const TrainingSteps& run, V inhibition, const float* next) const {
        float* weights = block->weights + lane;
        const typename L::Signs signs(*block, lane);
        return sum_inputs<L>(run.inputs, [=](size_t j, V sum) {
            const typename L::Sign sign = signs[j];
            V w = L::max(L::lower_negative(L::load(weights + j * training_lanes), sign), L::splat(-weight_ceiling));
            w = L::scale_negative(w, inhibition, sign);
            L::store(weights + j * training_lanes, w);
            return L::fma(w, L::splat(next[j]), sum);
        });
    }

    V sweep_output(const TrainingSteps& run, V grow, V inhibition, const float* drive, const float* next) const {
        float* weights = block->weights + lane;
        const typename L::Signs signs(*block, lane);
        return sum_inputs<L>(run.inputs, [=](size_t j, V sum) {
            const typename L::Sign sign = signs[j];
            V w = L::add_nonzero(L::load(weights + j * training_lanes), grow, L::splat(drive[j]), sign);
            w = L::lower_negative(L::raise_positive(w, sign), sign);
            w = L::max(L::min(w, L::splat(weight_ceiling)), L::splat(-weight_ceiling));
            w = L::scale_negative(w, inhibition, sign);
            L::store(weights + j * training_lanes, w);
            return L::fma(w, L::splat(next[j]), sum);
        });
    }

    V output() const { return L::min(L::max(L::sub(drive_sum, threshold), L::splat(0)), L::splat(1)); }

    void step(const TrainingSteps& run, size_t t) {
        const size_t shown = static_cast<size_t>(run.order[t]);
        const size_t following = t + 1 < run.steps ? static_cast<size_t>(run.order[t + 1]) : shown;
        const float* next = run.samples + following * run.inputs;
        const float* drive = run.drive + shown * run.inputs;
        const V rate = L::splat(run.rates[t]), half = L::splat(0.5f);
        const V y = output();
        // 1 + 50 eta n, so that W + 50 eta n W is one product.
        const V inhibition = L::add(L::splat(1), L::mul(L::mul(L::splat(50), rate), drive_sum));
        V active = run.own_output ? y : L::splat(0);
        output_sum = L::add(output_sum, y);
        const int64_t forced = run.row_of != nullptr ? run.row_of[shown] : static_cast<int64_t>(shown);
        const int64_t place = forced - block->first_row - static_cast<int64_t>(lane);
        const bool here = run.output_layer && place >= 0 && place < static_cast<int64_t>(L::count);
        V hot = L::splat(0);
        if (here) {
            hot = L::load(one_hot + 15 - place);
            // The forced row counts as its teacher's 0.5, whatever it gave itself.
            active = L::add(L::mul(half, hot), L::mul(active, L::sub(L::splat(1), hot)));
        }
        threshold = L::max(L::add(threshold, L::mul(L::splat(run.threshold_rates[t]), L::sub(active, target))), L::splat(0));
        if (!run.output_layer) {
            const V grow = L::where_positive(y, L::mul(rate, L::sub(half, y)));
            drive_sum = sweep_feature(run, grow, inhibition, drive, next);
        } else if (here || t == 0) {
            const V grow = L::mul(rate, L::max(L::sub(L::mul(half, hot), y), L::splat(0)));
            drive_sum = sweep_output(run, grow, inhibition, drive, next);
        } else {
            drive_sum = sweep_inhibition(run, inhibition, next);
        }
    }
};

// Groups of L::count rows, `first` to `last` of them, counted over all blocks.
template <typename L>
void train_groups(TrainingBlock* blocks, size_t first, size_t last, const TrainingSteps& run) {
    constexpr size_t in_block = training_lanes / L::count;
    const auto rows = [&](size_t group) { return Rows<L>(blocks + group / in_block, group % in_block * L::count, run); };
    for (; first + 2 <= last; first += 2) {
        Rows<L> one = rows(first), other = rows(first + 1);
        for (size_t t = 0; t < run.steps; ++t) {
            one.step(run, t);
            other.step(run, t);
        }
        one.finish();
        other.finish();
    }
    if (first < last) {
        Rows<L> one = rows(first);
        for (size_t t = 0; t < run.steps; ++t) one.step(run, t);
        one.finish();
    }
}

template <typename L>
void outputs_of(const TrainingBlock& block, size_t lane, const TrainingSteps& run, size_t count, float* outputs) {
    TrainingBlock* same = const_cast<TrainingBlock*>(&block);
    const int64_t first = 0;
    TrainingSteps one = run;
    one.order = &first;
    for (size_t p = 0; p < count; ++p) {
        one.samples = run.samples + p * run.inputs;
        L::store(outputs + p * training_lanes + lane, Rows<L>(same, lane, one).output());
    }
}

}  // namespace

void train_blocks(TrainingBlock* blocks, size_t first_half, size_t last_half, const TrainingSteps& run) {
    if (run.steps == 0) return;
#if defined(__AVX512F__)
    if (first_half < last_half && first_half % 2 == 1) {
        train_groups<Lanes8>(blocks, first_half, first_half + 1, run);
        ++first_half;
    }
    if (first_half < last_half && last_half % 2 == 1) {
        --last_half;
        train_groups<Lanes8>(blocks, last_half, last_half + 1, run);
    }
    train_groups<Lanes16>(blocks, first_half / 2, last_half / 2, run);
#else
    train_groups<Lanes8>(blocks, first_half, last_half, run);
#endif
}

size_t training_probe(size_t count, float* result) {
#if defined(__AVX512F__)
    using L = Lanes16;
    const L::Sign sign{0xffff, 0x5555};
#else
    using L = Lanes8;
    // Of numbers that the compiler cannot see through, or it would leave the selection out.
    float signs[8];
    for (size_t lane = 0; lane < 8; ++lane) signs[lane] = lane % 2 == 0 ? result[0] : -result[0];
    const L::Sign sign = L::load(signs);
#endif
    constexpr size_t chains = 8;
    L::V w[chains], sum[chains];
    for (size_t k = 0; k < chains; ++k) w[k] = sum[k] = L::splat(result[0] + static_cast<float>(k));
    const L::V grow = L::splat(result[1]), x = L::splat(result[2]), inhibition = L::splat(result[3]);
    for (size_t i = 0; i < count; i += chains)
        for (size_t k = 0; k < chains; ++k) {
            w[k] = L::min(L::floor_nonzero(L::fma(grow, x, w[k]), sign), L::splat(weight_ceiling));
            w[k] = L::scale_negative(w[k], inhibition, sign);
            sum[k] = L::fma(L::with_sign(w[k], sign), x, sum[k]);
        }
    for (size_t k = 1; k < chains; ++k) sum[0] = L::add(sum[0], sum[k]);
    float lanes[training_lanes];
    L::store(lanes, sum[0]);
    result[0] = lanes[0];
    return L::count;
}

void block_outputs(const TrainingBlock& block, const TrainingSteps& run, size_t count, float* outputs) {
#if defined(__AVX512F__)
    outputs_of<Lanes16>(block, 0, run, count, outputs);
#else
    outputs_of<Lanes8>(block, 0, run, count, outputs);
    outputs_of<Lanes8>(block, 8, run, count, outputs);
#endif
}

}  // namespace revisit::REVISIT_VARIANT
