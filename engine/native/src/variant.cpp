#include "variant.hpp"

#include <cstdlib>
#include <cstring>

namespace revisit {

bool supports(Variant wanted) {
#if REVISIT_X86
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    if (wanted == Variant::avx2) return avx2;
    if (wanted == Variant::avx512)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    return wanted == Variant::baseline;
}

static Variant choose() {
    const char* wish = std::getenv("REVISIT_NATIVE");
    const Variant best = supports(Variant::avx512) ? Variant::avx512 : supports(Variant::avx2) ? Variant::avx2 : Variant::baseline;
    if (wish == nullptr) return best;
    if (std::strcmp(wish, "baseline") == 0) return Variant::baseline;
    if (std::strcmp(wish, "avx2") == 0 && supports(Variant::avx2)) return Variant::avx2;
    return best;
}

Variant variant() {
    static const Variant chosen = choose();
    return chosen;
}

const char* variant_name() {
    switch (variant()) {
        case Variant::avx512: return "avx512";
        case Variant::avx2: return "avx2";
        default: return "baseline";
    }
}

}  // namespace revisit
