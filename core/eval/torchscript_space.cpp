#include "core/eval/torchscript_space.h"

#include <fmt/ranges.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <memory>

#include "core/base/error.h"
#include "core/io/file.h"

namespace fgm {
namespace {

constexpr std::string_view kInception = "inception-2015-12-05.pt";
constexpr int64_t kInceptionFeatures = 2048;

// The first line of a c10::Error: the others are its stack.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// Before what went wrong, such as "RuntimeError: shape is invalid", the interpreter prints where it was.
std::string cause_of(const std::string& text) {
  const size_t error = text.find("Error: ");
  return first_line(error == std::string::npos ? text : text.substr(text.rfind('\n', error) + 1));
}

class ScriptedNetwork {
 public:
  explicit ScriptedNetwork(const std::filesystem::path& path) : path_(path.string()), module_(open(path_)) {
    module_.eval();
    const auto forward = module_.find_method("forward");
    require<ConfigError>(forward.has_value(), "{}: this TorchScript network has no forward", path_);
    takes_return_features_ = forward->function().getSchema().argumentIndexWithName("return_features").has_value();
  }

  bool is_inception() const { return takes_return_features_ && std::filesystem::path(path_).filename() == kInception; }

  at::Tensor operator()(const at::Tensor& images_NHWC) {
    const auto x_NCHW = images_NHWC.cpu().permute({0, 3, 1, 2}).contiguous();
    torch::jit::Kwargs named;
    if (takes_return_features_) named["return_features"] = true;
    const auto y = run(x_NCHW, named);
    require<ConfigError>(y.isTensor() && y.toTensor().dim() == 2 && y.toTensor().size(0) == x_NCHW.size(0),
                         "{}: the network gives no tensor of [images, features]", path_);
    require<ConfigError>(!is_inception() || y.toTensor().size(1) == kInceptionFeatures,
                         "{}: the network has {} features; Inception has {}", path_, y.toTensor().size(1),
                         kInceptionFeatures);
    const auto features = y.toTensor().to(at::kFloat);
    require<ConfigError>(features.isfinite().all().item<bool>(), "{}: the network gives features that are not finite",
                         path_);
    return features;
  }

 private:
  static torch::jit::Module open(const std::string& path) {
    spdlog::warn("{}: opening this TorchScript network executes code from the file", path);
    try {
      return torch::jit::load(path, at::kCPU);
    } catch (const c10::Error& error) {
      throw ConfigError(
          fmt::format("{}: this is no TorchScript file that can be opened ({}); torch.jit.save writes one", path,
                      first_line(error.what_without_backtrace())));
    }
  }

  at::IValue run(const at::Tensor& x_NCHW, const torch::jit::Kwargs& named) {
    try {
      return module_.get_method("forward")({x_NCHW}, named);
    } catch (const std::exception& error) {
      throw ConfigError(fmt::format("{}: the network fails on uint8 images of [{}]: {}", path_,
                                    fmt::join(x_NCHW.sizes(), ", "), cause_of(error.what())));
    }
  }

  std::string path_;
  torch::jit::Module module_;
  bool takes_return_features_ = false;
};

}  // namespace

FeatureSpace torchscript_space(const std::filesystem::path& path) {
  const auto digest = digest_file(path).xxh128;
  const auto network = std::make_shared<ScriptedNetwork>(path);
  return {.name = fmt::format("{} {}", path.filename().string(), digest),
          .is_fid = network->is_inception(),
          .batch = 32,
          .features = [network](const at::Tensor& images_NHWC) { return (*network)(images_NHWC); }};
}

}  // namespace fgm
