#include "core/io/composed_source.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/error.h"

namespace fgm {
namespace {

using InfoByName = std::map<std::string, const TensorInfo*>;

InfoByName by_name(const TensorSource& source) {
  InfoByName infos;
  for (const auto& info : source.tensors()) infos.emplace(info.name, &info);
  return infos;
}

bool can_mix(at::ScalarType a, at::ScalarType b) {
  const auto is_mixable = [](at::ScalarType dtype) { return c10::isFloatingType(dtype) && !c10::isFloat8Type(dtype); };
  return a == b || (is_mixable(a) && is_mixable(b));
}

at::ScalarType dtype_of(const ComposedTensor& tensor, const InfoByName& base) {
  auto dtype = base.at(tensor.pieces.front().tensor)->dtype;
  for (const auto& piece : tensor.pieces) dtype = c10::promoteTypes(dtype, base.at(piece.tensor)->dtype);
  return dtype;
}

// What keeps `tensor` from being read out of `base`, one line for each piece.
std::vector<std::string> problems_of(const ComposedTensor& tensor, const InfoByName& base) {
  std::vector<std::string> found;
  std::optional<at::ScalarType> dtype;
  for (const auto& piece : tensor.pieces) {
    const auto it = base.find(piece.tensor);
    if (it == base.end()) {
      found.push_back(fmt::format("{} is missing", piece.tensor));
      continue;
    }
    const auto& info = *it->second;
    if (!info.unread_dtype.empty()) {
      found.push_back(fmt::format("{} is {}, which fgm does not read", piece.tensor, info.unread_dtype));
      continue;
    }
    if (piece.begin + piece.size > c10::multiply_integers(info.shape)) {
      found.push_back(fmt::format("{} {} is too small for its part of {}", piece.tensor, info.shape, tensor.name));
    }
    if (!can_mix(dtype.value_or(info.dtype), info.dtype)) {
      found.push_back(fmt::format("{} is {}, but other parts of {} are {}", piece.tensor, c10::toString(info.dtype),
                                  tensor.name, c10::toString(*dtype)));
    }
    dtype = info.dtype;
  }
  return found;
}

class ComposedSource : public TensorSource {
 public:
  ComposedSource(std::shared_ptr<const TensorSource> base, std::vector<ComposedTensor> tensors)
      : base_(std::move(base)) {
    const auto base_infos = by_name(*base_);
    std::vector<std::string> problems;
    for (const auto& tensor : tensors) {
      const auto found = problems_of(tensor, base_infos);
      problems.insert(problems.end(), found.begin(), found.end());
    }
    require<ConfigError>(problems.empty(), "{}: {}", base_->place(), fmt::join(problems, "; "));
    for (auto& tensor : tensors) {
      int64_t num_elements = 0;
      for (const auto& piece : tensor.pieces) num_elements += piece.size;
      check(!tensor.pieces.empty() && num_elements == c10::multiply_integers(tensor.shape),
            "the pieces of {} {} have {} elements", tensor.name, fmt::format("{}", tensor.shape), num_elements);
      const auto dtype = dtype_of(tensor, base_infos);
      const auto num_bytes = static_cast<uint64_t>(num_elements) * c10::elementSize(dtype);
      infos_.push_back({tensor.name, dtype, tensor.shape, num_bytes});
      pieces_.emplace(tensor.name, std::move(tensor.pieces));
    }
  }

  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  const std::map<std::string, std::string>& metadata() const override { return base_->metadata(); }
  std::string place() const override { return base_->place(); }

  void read(const std::string& name, int64_t begin, const at::Tensor& out) const override {
    const int64_t total = c10::multiply_integers(find_tensor(*this, name).shape);
    const int64_t end = begin + out.numel();
    check(0 <= begin && end <= total, "elements {} to {} of {}, which has {}", begin, end, name, total);
    const auto flat = out.view({-1});
    int64_t piece_begin = 0;
    for (const auto& piece : pieces_.at(name)) {
      const int64_t from = std::max(begin, piece_begin), to = std::min(end, piece_begin + piece.size);
      if (from < to) {
        base_->read(piece.tensor, piece.begin + from - piece_begin, flat.slice(0, from - begin, to - begin));
      }
      piece_begin += piece.size;
    }
  }

  std::vector<std::string> stored_names(const std::string& name) const override {
    std::vector<std::string> names;
    for (const auto& piece : pieces_.at(name)) {
      for (auto& stored : base_->stored_names(piece.tensor)) {
        if (std::ranges::find(names, stored) == names.end()) names.push_back(std::move(stored));
      }
    }
    return names;
  }

 private:
  std::shared_ptr<const TensorSource> base_;
  std::vector<TensorInfo> infos_;
  std::map<std::string, std::vector<Piece>> pieces_;
};

}  // namespace

ShapeByName shapes_of(const std::vector<ComposedTensor>& tensors) {
  ShapeByName shapes;
  for (const auto& tensor : tensors) shapes.emplace(tensor.name, tensor.shape);
  return shapes;
}

std::vector<ComposedTensor> inverse(const std::vector<ComposedTensor>& composed, const ShapeByName& base) {
  std::map<std::string, std::map<int64_t, Piece>> parts;  // of each tensor of `base`, by where they begin
  for (const auto& tensor : composed) {
    int64_t begin = 0;
    for (const auto& piece : tensor.pieces) {
      parts[piece.tensor][piece.begin] = {tensor.name, begin, piece.size};
      begin += piece.size;
    }
  }
  std::vector<ComposedTensor> result;
  for (const auto& [name, shape] : base) {
    result.push_back({name, shape, {}});
    for (const auto& [begin, piece] : parts[name]) result.back().pieces.push_back(piece);
  }
  return result;
}

std::shared_ptr<const TensorSource> compose(std::shared_ptr<const TensorSource> base,
                                            std::vector<ComposedTensor> tensors) {
  return std::make_shared<ComposedSource>(std::move(base), std::move(tensors));
}

std::shared_ptr<const TensorSource> select(std::shared_ptr<const TensorSource> base,
                                           const std::vector<TensorInfo>& tensors) {
  std::vector<ComposedTensor> same;
  for (const auto& info : tensors) {
    same.push_back({info.name, info.shape, {{info.name, 0, c10::multiply_integers(info.shape)}}});
  }
  return compose(std::move(base), std::move(same));
}

}  // namespace fgm
