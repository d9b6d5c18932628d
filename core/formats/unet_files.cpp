#include "core/formats/unet_files.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <set>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/formats/unet_names.h"
#include "core/formats/weight_names.h"

namespace fgm {
namespace {

// A tensor by which each flavour is known, whatever precedes its name.
constexpr const char* kTorchCfmSign = "time_embed.0.weight";
constexpr const char* kEdmSign = "map_layer0.weight";

// Reads the sizes out of the names and shapes of one network, whose prefix is cut off.
class UNetSizes {
 public:
  UNetSizes(const ShapeByName& file, const std::string& place) : file_(file), place_(place) {}

  UNetConfig torchcfm() const {
    UNetConfig config{.flavour = UNetFlavour::kTorchCfm};
    config.channels = size("time_embed.0.weight", 1);
    config.in_channels = size("input_blocks.0.0.weight", 1);
    const int64_t num_stages = count([](int64_t i) { return fmt::format("input_blocks.{}.0.", i); });
    const int64_t num_levels =
        1 + std::ranges::count_if(file_, [](const auto& tensor) { return tensor.first.ends_with(".0.op.weight"); });
    require<ConfigError>(num_stages % num_levels == 0 && num_stages > num_levels && num_stages < kMostCounted,
                         "{}: {} input_blocks of {} resolutions are no U-Net of torchcfm's", place_, num_stages,
                         num_levels);
    config.num_res_blocks = num_stages / num_levels - 1;
    const auto first_of = [&](int64_t level) {
      return fmt::format("input_blocks.{}.", level * num_stages / num_levels + 1);
    };
    read_levels(
        config, num_levels, [&](int64_t level) { return first_of(level) + "0.in_layers.2.weight"; },
        [&](int64_t level) { return first_of(level) + "1.qkv.weight"; });
    config.num_heads = heads_of_64();
    config.num_classes = has("label_emb.weight") ? size("label_emb.weight", 0) : 0;
    return config;
  }

  UNetConfig edm() const {
    UNetConfig config{.flavour = UNetFlavour::kEdm, .num_heads = 1};
    config.channels = size("map_layer0.weight", 1);
    config.image_size = edm_image_size();
    const auto block = [&](int64_t level, int64_t i) {
      const int64_t side = config.image_size >> level;
      return fmt::format("enc.{}x{}_block{}.", side, side, i);
    };
    config.in_channels = size(fmt::format("enc.{0}x{0}_conv.weight", config.image_size), 1);
    config.num_res_blocks = count([&](int64_t i) { return block(0, i); });
    read_levels(
        config, count([&](int64_t level) { return block(level, 0); }),
        [&](int64_t level) { return block(level, 0) + "conv0.weight"; },
        [&](int64_t level) { return block(level, 0) + "qkv.weight"; });
    config.num_classes = has("map_label.weight") ? size("map_label.weight", 1) : 0;
    return config;
  }

 private:
  static constexpr int64_t kMostSize = int64_t{1} << 20, kMostCounted = 64;
  using NameOfLevel = std::function<std::string(int64_t level)>;

  bool has(const std::string& name) const { return file_.contains(name); }
  int64_t size(const std::string& name, size_t dim) const {
    const auto found = file_.find(name);
    require<ConfigError>(
        found != file_.end() && dim < found->second.size() && found->second[dim] > 0 && found->second[dim] <= kMostSize,
        "{}: {} is missing or of another shape than a U-Net's", place_, name);
    return found->second[dim];
  }
  // How many of begin(0), begin(1), ... are the beginnings of names, without a gap. Not more than
  // kMostCounted: a side that is halved again and again is 0 at last, and its name the same.
  int64_t count(const std::function<std::string(int64_t)>& begin) const {
    int64_t number = 0;
    while (number < kMostCounted && has_beginning(begin(number))) ++number;
    return number;
  }
  bool has_beginning(const std::string& begin) const {
    const auto next = file_.lower_bound(begin);
    return next != file_.end() && next->first.starts_with(begin);
  }

  void read_levels(UNetConfig& config, int64_t num_levels, const NameOfLevel& conv, const NameOfLevel& qkv) const {
    config.channel_mult.clear();
    config.attention_resolutions.clear();
    for (int64_t level = 0; level < num_levels; ++level) {
      const int64_t width = size(conv(level), 0);
      require<ConfigError>(width % config.channels == 0, "{}: {} has {} channels, which is no multiple of {}", place_,
                           conv(level), width, config.channels);
      config.channel_mult.push_back(width / config.channels);
      if (has(qkv(level))) config.attention_resolutions.push_back(config.image_size >> level);
    }
  }

  int64_t heads_of_64() const {
    constexpr int64_t kHeadWidth = 64;
    std::set<int64_t> widths;
    for (const auto& [name, shape] : file_) {
      if (name.ends_with(".qkv.weight")) widths.insert(size(name, 1));
    }
    require<ConfigError>(widths.size() == 1,
                         "{}: its attentions have {} channels, and a U-Net here has one width of them", place_, widths);
    return std::max<int64_t>(1, *widths.begin() / kHeadWidth);
  }

  int64_t edm_image_size() const {
    for (const auto& [name, shape] : file_) {
      if (!name.starts_with("enc.") || !name.ends_with("_conv.weight")) continue;
      const auto side = parse_number<int64_t>(name.substr(4, name.find('x') - 4));
      if (side && *side > 0) return *side;
    }
    throw ConfigError(fmt::format("{}: it has no enc.<N>x<N>_conv.weight, as EDM's SongUNet has", place_));
  }

  const ShapeByName& file_;
  const std::string& place_;
};

// What precedes the names of a network that is known by `sign`: of several the first that begins with "ema".
std::optional<std::string> prefix_of(const ShapeByName& file, const std::string& sign, const std::string& place) {
  std::vector<std::string> found;
  for (const auto& prefix : prefixes_before(file, {sign}, "")) {
    if (file.contains(prefix + sign) && std::ranges::find(found, prefix) == found.end()) found.push_back(prefix);
  }
  if (found.empty()) return std::nullopt;
  const auto ema = std::ranges::find_if(found, [](const auto& prefix) { return prefix.starts_with("ema"); });
  const auto& chosen = ema == found.end() ? found.front() : *ema;
  if (found.size() > 1) spdlog::info("{}: of the networks {} it is {}", place, fmt::join(found, ", "), chosen);
  return chosen;
}

bool is_left_out(const std::string& name) {
  return name == "map_augment.weight" || name.ends_with(".resample_filter") || name.starts_with("cls_pred_branch.");
}

}  // namespace

std::optional<ExternalUNet> find_unet(const std::shared_ptr<const TensorSource>& file) {
  const auto all = shapes_of(*file);
  const bool attends_to_text =
      std::ranges::any_of(all, [](const auto& tensor) { return tensor.first.find("attn2.") != std::string::npos; });
  const auto torchcfm = prefix_of(all, kTorchCfmSign, file->place()), edm = prefix_of(all, kEdmSign, file->place());
  if (attends_to_text || (!torchcfm && !edm)) return std::nullopt;
  const auto& prefix = torchcfm ? *torchcfm : *edm;
  ShapeByName theirs;
  std::vector<TensorInfo> part;
  for (const auto& info : file->tensors()) {
    if (!info.name.starts_with(prefix) || is_left_out(info.name.substr(prefix.size()))) continue;
    theirs[info.name.substr(prefix.size())] = info.shape;
    part.push_back(info);
  }
  const UNetSizes sizes(theirs, file->place());
  const UNetConfig config = torchcfm ? sizes.torchcfm() : sizes.edm();
  ShapeByName expected;
  for (const auto& [name, shape] : external_unet_shapes(config)) expected[prefix + name] = shape;
  const auto network = select(file, part);
  require_tensors(*network, expected);
  return ExternalUNet{config, compose(network, unet_tensors_in(config, prefix))};
}

}  // namespace fgm
