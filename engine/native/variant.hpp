// Which build of a kernel runs. Kernels are compiled once a variant (see CMakeLists.txt); `variant()` says which of them this
// processor takes, or which one the environment variable REVISIT_NATIVE asks for.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#define REVISIT_X86 1
#else
#define REVISIT_X86 0
#endif

// Declares one kernel in the namespace of every variant.
#if REVISIT_X86
#define REVISIT_KERNEL(declaration)                                                                                           \
    namespace revisit::baseline { declaration; }                                                                              \
    namespace revisit::avx2 { declaration; }                                                                                  \
    namespace revisit::avx512 { declaration; }
// The function pointer of the variant in use: REVISIT_PICK(sum_rows)(arguments...).
#define REVISIT_PICK(function)                                                                                                \
    (revisit::variant() == revisit::Variant::avx512 ? revisit::avx512::function                                               \
     : revisit::variant() == revisit::Variant::avx2 ? revisit::avx2::function                                                 \
                                                    : revisit::baseline::function)
#else
#define REVISIT_KERNEL(declaration) namespace revisit::baseline { declaration; }
#define REVISIT_PICK(function) (revisit::baseline::function)
#endif

namespace revisit {

enum class Variant { baseline, avx2, avx512 };

Variant variant();              // the variant in use
const char* variant_name();     // "baseline", "avx2" or "avx512"
bool supports(Variant wanted);  // whether this processor can run it

}  // namespace revisit
