#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/io/atomic_file.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_dtype.h"

namespace fgm {
namespace {

constexpr size_t kAlignment = 8;

// Wide elements first, else the given order: with no gaps allowed this is what keeps every tensor aligned.
std::vector<TensorMaker> in_file_order(std::vector<TensorMaker> tensors) {
  std::ranges::stable_sort(tensors, std::greater{}, [](const TensorMaker& t) { return c10::elementSize(t.dtype); });
  return tensors;
}

nlohmann::ordered_json describe(const std::vector<TensorMaker>& tensors,
                                const std::map<std::string, std::string>& metadata, const std::filesystem::path& path) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::set<std::string> names{"__metadata__"};
  uint64_t end = 0;
  for (const auto& [name, type, shape, make] : tensors) {
    require<IoError>(names.insert(name).second, "cannot write {}: the name '{}' is taken", path.string(), name);
    const auto dtype = safetensors_dtype_name(type);
    require<IoError>(dtype.has_value(), "cannot write {}: tensor '{}' has the dtype {}, which safetensors lacks",
                     path.string(), name, c10::toString(type));
    const uint64_t begin = end;
    end += static_cast<uint64_t>(c10::multiply_integers(shape)) * c10::elementSize(type);
    header[name] = {{"dtype", *dtype}, {"shape", shape}, {"data_offsets", {begin, end}}};
  }
  return header;
}

std::string header_bytes(const nlohmann::ordered_json& header, const std::filesystem::path& path) {
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::type_error&) {
    throw IoError(fmt::format("cannot write {}: a name or metadata is not UTF-8", path.string()));
  }
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

// An AtomicFile that digests what passes.
class DigestedFile {
 public:
  explicit DigestedFile(const std::filesystem::path& path) : file_(path) {}

  void write(std::span<const std::byte> bytes) {
    file_.write(bytes);
    digest_.update(bytes);
    num_bytes_ += bytes.size();
  }
  FileDigest commit() {
    file_.commit();
    return {num_bytes_, digest_.hex()};
  }

 private:
  AtomicFile file_;
  Digest digest_;
  uint64_t num_bytes_ = 0;
};

}  // namespace

FileDigest write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                             const std::map<std::string, std::string>& metadata) {
  std::vector<TensorMaker> makers;
  for (const auto& named : tensors) {
    const at::Tensor& tensor = named.tensor;
    makers.push_back({named.name, tensor.scalar_type(), tensor.sizes().vec(), [&tensor] { return tensor; }});
  }
  return stream_safetensors(path, makers, metadata);
}

FileDigest stream_safetensors(const std::filesystem::path& path, const std::vector<TensorMaker>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  const auto ordered = in_file_order(tensors);
  const std::string header = header_bytes(describe(ordered, metadata, path), path);
  const uint64_t header_size = header.size();
  DigestedFile file(path);
  file.write(std::as_bytes(std::span(&header_size, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const auto& [name, dtype, shape, make] : ordered) {
    const auto contiguous = make().detach().to(at::kCPU).contiguous();
    check(contiguous.scalar_type() == dtype && contiguous.sizes() == shape, "{} was announced as {} [{}]", name,
          c10::toString(dtype), fmt::join(shape, ", "));
    file.write({static_cast<const std::byte*>(contiguous.const_data_ptr()), contiguous.nbytes()});
  }
  return file.commit();
}

}  // namespace fgm
