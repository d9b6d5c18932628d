#include "data/store/captions.h"

#include <algorithm>

namespace fgm {

std::vector<std::string> Captions::first(int64_t count) const {
  std::vector<std::string> texts;
  texts.reserve(static_cast<size_t>(std::min(count, size())));
  if (count >= size()) {
    each_caption([&](std::string_view text) { texts.emplace_back(text); });
  } else {
    for (int64_t i = 0; i < count; ++i) texts.push_back(caption(i));
  }
  return texts;
}

}  // namespace fgm
