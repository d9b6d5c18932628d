#include "core/models/sd3_text.h"

#include "core/base/error.h"

namespace fgm {

at::Tensor zero_t5_rows(const ClipText& clip, int64_t num_rows, int64_t context_width) {
  return at::zeros({clip.pooled_NP.size(0), num_rows, context_width}, clip.pooled_NP.options());
}

Conditioning assemble_sd3_text(const ClipText& clip_l, const ClipText& clip_g, const at::Tensor& t5_NTJ) {
  const auto clips = at::cat({clip_l.hidden_NLW, clip_g.hidden_NLW}, 2);
  const int64_t num_missing = t5_NTJ.size(2) - clips.size(2);
  require<ConfigError>(num_missing >= 0, "CLIP-L and CLIP-G are {} and {} wide, more than the {} of T5's rows",
                       clip_l.hidden_NLW.size(2), clip_g.hidden_NLW.size(2), t5_NTJ.size(2));
  return {at::cat({at::constant_pad_nd(clips, {0, num_missing}), t5_NTJ}, 1),
          at::cat({clip_l.pooled_NP, clip_g.pooled_NP}, 1)};
}

}  // namespace fgm
