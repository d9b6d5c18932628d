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

struct LcmsFormat {
  cmsColorSpaceSignature space;
  cmsUInt32Number pixel;
};
LcmsFormat lcms_format(ColorModel color_model) {
  if (color_model == ColorModel::kGrey) return {cmsSigGrayData, TYPE_GRAY_8};
  return color_model == ColorModel::kRgb ? LcmsFormat{cmsSigRgbData, TYPE_RGB_8}
                                         : LcmsFormat{cmsSigCmykData, TYPE_CMYK_8_REV};
}

Transform transform_to_srgb(std::span<const std::byte> bytes, ColorModel color_model) {
  const Profile from(cmsOpenProfileFromMem(bytes.data(), static_cast<cmsUInt32Number>(bytes.size())), cmsCloseProfile);
  const Profile to(cmsCreate_sRGBProfile(), cmsCloseProfile);
  const auto format = lcms_format(color_model);
  if (from == nullptr || cmsGetColorSpace(from.get()) != format.space) return {nullptr, cmsDeleteTransform};
  const auto transform = cmsCreateTransform(from.get(), format.pixel, to.get(), TYPE_RGB_8,
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
  ColorModel color_model = ColorModel::kRgb;
  Transform transform{nullptr, cmsDeleteTransform};
  ProfileUse use = ProfileUse::kUnusable;
};

// Images of one source have the same profile, and making a transform takes as long as decoding a small image: the
// last one is kept.
const Prepared& prepare(std::span<const std::byte> profile, ColorModel color_model) {
  thread_local Prepared last;
  if (std::ranges::equal(last.profile, profile) && last.color_model == color_model) return last;
  last = {{profile.begin(), profile.end()}, color_model, transform_to_srgb(profile, color_model)};
  if (last.transform != nullptr) {
    const bool is_srgb =
        color_model != ColorModel::kCmyk && keeps_colours(last.transform.get(), color_model == ColorModel::kGrey);
    last.use = is_srgb ? ProfileUse::kSrgb : ProfileUse::kConverted;
  }
  return last;
}

}  // namespace

ProfileUse convert_to_srgb(at::Tensor& image_HWC, std::span<const std::byte> profile, ColorModel color_model) {
  const auto& prepared = prepare(profile, color_model);
  if (prepared.use != ProfileUse::kConverted) return prepared.use;
  const int64_t height = image_HWC.size(0), width = image_HWC.size(1);
  const auto out = color_model == ColorModel::kCmyk ? at::empty({height, width, 3}, at::kByte) : image_HWC;
  for (int64_t y = 0; y < height; ++y) {
    const auto row = image_HWC[y];
    const auto from = color_model == ColorModel::kGrey ? row.select(1, 0).contiguous() : row;
    cmsDoTransform(prepared.transform.get(), from.const_data_ptr<uint8_t>(), out[y].data_ptr<uint8_t>(),
                   static_cast<cmsUInt32Number>(width));
  }
  image_HWC = out;
  return ProfileUse::kConverted;
}

at::Tensor cmyk_to_rgb(const at::Tensor& image_HWC) {
  auto out = at::empty({image_HWC.size(0), image_HWC.size(1), 3}, at::kByte);
  const auto* from = image_HWC.const_data_ptr<uint8_t>();
  auto* to = out.data_ptr<uint8_t>();
  constexpr int kMost = 255;
  for (int64_t i = 0; i < out.size(0) * out.size(1); ++i, from += 4) {
    for (int c = 0; c < 3; ++c) *to++ = static_cast<uint8_t>((from[c] * from[3] + kMost / 2) / kMost);
  }
  return out;
}

}  // namespace fgm
