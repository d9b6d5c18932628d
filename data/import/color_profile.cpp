#include "data/import/internal/color_profile.h"

#include <lcms2.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

namespace fgm {
namespace {

using Profile = std::unique_ptr<void, decltype(&cmsCloseProfile)>;
using Transform = std::unique_ptr<void, decltype(&cmsDeleteTransform)>;

Transform transform_to_srgb(std::span<const std::byte> bytes, bool is_grey) {
  const Profile from(cmsOpenProfileFromMem(bytes.data(), static_cast<cmsUInt32Number>(bytes.size())), cmsCloseProfile);
  const Profile to(cmsCreate_sRGBProfile(), cmsCloseProfile);
  const auto space = is_grey ? cmsSigGrayData : cmsSigRgbData;
  if (from == nullptr || cmsGetColorSpace(from.get()) != space) return {nullptr, cmsDeleteTransform};
  const auto transform = cmsCreateTransform(from.get(), is_grey ? TYPE_GRAY_8 : TYPE_RGB_8, to.get(), TYPE_RGB_8,
                                            INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_BLACKPOINTCOMPENSATION);
  return {transform, cmsDeleteTransform};
}

// Programs write sRGB with slightly other numbers: a level or two is their rounding, Display P3 is off by dozens.
bool keeps_colours(void* transform, bool is_grey) {
  constexpr int kStep = 51, kRounding = 2;
  std::vector<uint8_t> from, expected;
  for (int r = 0; r < 256; r += kStep) {
    for (int g = is_grey ? r : 0; g < (is_grey ? r + 1 : 256); g += kStep) {
      for (int b = is_grey ? r : 0; b < (is_grey ? r + 1 : 256); b += kStep) {
        for (const int value : {r, g, b}) expected.push_back(static_cast<uint8_t>(value));
      }
    }
  }
  for (size_t i = 0; i < expected.size(); i += is_grey ? 3 : 1) from.push_back(expected[i]);
  std::vector<uint8_t> to(expected.size());
  cmsDoTransform(transform, from.data(), to.data(), static_cast<cmsUInt32Number>(to.size() / 3));
  return std::inner_product(to.begin(), to.end(), expected.begin(), true, std::logical_and(),
                            [](int a, int b) { return std::abs(a - b) <= kRounding; });
}

struct Prepared {
  std::vector<std::byte> profile;
  bool is_grey = false;
  Transform transform{nullptr, cmsDeleteTransform};
  ProfileUse use = ProfileUse::kUnusable;
};

// Images of one source have the same profile, and making a transform takes as long as decoding a small image: the
// last one is kept.
const Prepared& prepare(std::span<const std::byte> profile, bool is_grey) {
  thread_local Prepared last;
  if (std::ranges::equal(last.profile, profile) && last.is_grey == is_grey) return last;
  last = {{profile.begin(), profile.end()}, is_grey, transform_to_srgb(profile, is_grey)};
  if (last.transform != nullptr) {
    last.use = keeps_colours(last.transform.get(), is_grey) ? ProfileUse::kSrgb : ProfileUse::kConverted;
  }
  return last;
}

}  // namespace

ProfileUse convert_to_srgb(at::Tensor& image_HWC, std::span<const std::byte> profile, bool is_grey) {
  const auto& prepared = prepare(profile, is_grey);
  if (prepared.use != ProfileUse::kConverted) return prepared.use;
  for (int64_t y = 0; y < image_HWC.size(0); ++y) {
    const auto row = image_HWC[y];
    const auto from = is_grey ? row.select(1, 0).contiguous() : row;
    cmsDoTransform(prepared.transform.get(), from.const_data_ptr<uint8_t>(), row.data_ptr<uint8_t>(),
                   static_cast<cmsUInt32Number>(image_HWC.size(1)));
  }
  return ProfileUse::kConverted;
}

}  // namespace fgm
