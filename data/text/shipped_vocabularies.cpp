#include "data/text/internal/shipped_vocabularies.h"

// The assembler takes the files' bytes in, with GCC and clang alike.
#define FGM_INCLUDE_BYTES(symbol, file)                                                   \
  asm(".pushsection .rodata; .global " #symbol "_begin, " #symbol "_end; " #symbol        \
      "_begin: .incbin \"" FGM_VOCABULARIES "/" file "\"; " #symbol "_end: .popsection"); \
  extern "C" const char symbol##_begin[], symbol##_end[]

FGM_INCLUDE_BYTES(fgm_clip_merges, "clip_merges.txt");
FGM_INCLUDE_BYTES(fgm_t5_model, "t5_spiece.model");

namespace fgm {

std::string_view shipped_clip_merges() {
  return {fgm_clip_merges_begin, fgm_clip_merges_end};
}

std::string_view shipped_t5_model() {
  return {fgm_t5_model_begin, fgm_t5_model_end};
}

}  // namespace fgm
