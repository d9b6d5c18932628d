#include "core/io/torch_file.h"

#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <mutex>

#include "core/base/error.h"
#include "core/io/pickle.h"
#include "core/io/zip.h"

namespace fgm {
namespace {

using Record = std::pair<at::DataPtr, size_t>;

// Of real checkpoints none comes near these. A few bytes of a pickle can mean a dictionary in a dictionary in ..., each
// many times, and every byte of one may need a hundred in memory.
constexpr int kMaxNesting = 16;  // of dictionaries inside dictionaries
constexpr int64_t kMaxEntries = int64_t{1} << 20;
constexpr size_t kMaxNameBytes = 1024, kMaxPickleBytes = size_t{32} << 20;

at::ScalarType dtype_of_storage(const std::string& type) {
  static const std::map<std::string, at::ScalarType> kTypes = {
      {"torch.DoubleStorage", at::kDouble},     {"torch.FloatStorage", at::kFloat}, {"torch.HalfStorage", at::kHalf},
      {"torch.BFloat16Storage", at::kBFloat16}, {"torch.LongStorage", at::kLong},   {"torch.IntStorage", at::kInt},
      {"torch.ShortStorage", at::kShort},       {"torch.CharStorage", at::kChar},   {"torch.ByteStorage", at::kByte},
      {"torch.BoolStorage", at::kByte}};
  const auto found = kTypes.find(type);
  return found == kTypes.end() ? at::ScalarType::Undefined : found->second;
}

// Row-major, and of a size that can be counted.
bool is_contiguous(const pickle::Tensor& tensor) {
  constexpr int64_t kMostElements = int64_t{1} << 48;
  if (tensor.shape.size() != tensor.strides.size() || tensor.offset < 0 || tensor.offset > kMostElements) return false;
  int64_t expected = 1;
  for (size_t dim = tensor.shape.size(); dim-- > 0;) {
    const int64_t size = tensor.shape[dim];
    if (size < 0 || (size > 1 && tensor.strides[dim] != expected)) return false;
    if (size > 0 && expected > kMostElements / size) return false;
    expected *= std::max<int64_t>(size, 1);  // as PyTorch counts the strides of an empty tensor
  }
  return true;
}

std::string key_text(const pickle::Value& key) {
  if (const auto* text = std::get_if<std::string>(&key.data)) return *text;
  if (const auto* number = std::get_if<int64_t>(&key.data)) return std::to_string(*number);
  return "?";
}

// What the dictionary has at `key`; null where it has none.
const pickle::Value* at_key(const pickle::Value& root, const std::string& key) {
  const auto* dict = std::get_if<pickle::Dict>(&root.data);
  if (dict == nullptr) return nullptr;
  const auto found = std::ranges::find_if(dict->items, [&](const auto& item) {
    const auto* text = std::get_if<std::string>(&item.first->data);
    return text != nullptr && *text == key;
  });
  return found == dict->items.end() ? nullptr : found->second;
}

}  // namespace

struct TorchFile::Archive {
  explicit Archive(const std::filesystem::path& file) : path(file) {
    guarded([&] { reader = std::make_unique<caffe2::serialize::PyTorchStreamReader>(path.string()); });
    for (const auto& [name, crc] : read_zip_crcs(path)) crcs.emplace(name.substr(name.find('/') + 1), crc);
    if (has("byteorder")) {
      const auto [bytes, size] = record("byteorder");
      require<IoError>(std::string_view(static_cast<const char*>(bytes.get()), size) == "little",
                       "{}: its numbers are not little-endian", path.string());
    }
  }

  // LibTorch's errors about the zip file as ours.
  template <typename Body>
  void guarded(const Body& body) const {
    try {
      body();
    } catch (const c10::Error& error) {
      refuse(error.what_without_backtrace());
    } catch (const std::exception& error) {  // a version that is too large a number
      refuse(error.what());
    }
  }
  [[noreturn]] void refuse(std::string_view problem) const {
    throw IoError(fmt::format("{}: the zip file is damaged: {}", path.string(), problem.substr(0, 200)));
  }
  bool has(const std::string& name) {
    bool is_there = false;
    guarded([&] { is_there = reader->hasRecord(name); });
    return is_there;
  }
  Record record(const std::string& name) {
    size_t size = 0;
    guarded([&] { size = reader->getRecordSize(name); });
    if (size > std::filesystem::file_size(path)) refuse(fmt::format("{} is said to be larger than the file", name));
    Record found;
    guarded([&] { std::tie(found.first, found.second) = reader->getRecord(name); });
    require_check_sum(name, {static_cast<const char*>(found.first.get()), found.second});
    return found;
  }

  // LibTorch's reader compares no check-sums. A writer that computes none (torch.serialization.set_crc32_options(False))
  // leaves zeros.
  void require_check_sum(const std::string& name, std::string_view bytes) const {
    const auto crc = crcs.find(name);
    if (crc != crcs.end() && (crc->second == 0 || crc->second == crc32_of(bytes))) return;
    refuse(fmt::format("{} does not have its check-sum (CRC-32); download or copy the file again", name));
  }

  pickle::Object parse() {
    const auto [bytes, size] = record("data.pkl");
    require<IoError>(size <= kMaxPickleBytes, "{}: its pickle has {} bytes, and that of weights at most {}",
                     path.string(), size, kMaxPickleBytes);
    return pickle::parse({static_cast<const char*>(bytes.get()), size}, path.string());
  }

  // Collects the tensors below `value`.
  void collect(const pickle::Value& value, const std::string& name, int depth) {
    require<IoError>(depth < kMaxNesting, "{}: its dictionaries lie too deep in one another", path.string());
    require<IoError>(++num_entries <= kMaxEntries && name.size() <= kMaxNameBytes,
                     "{}: its dictionaries hold more than {} entries, or names of more than {} bytes", path.string(),
                     kMaxEntries, kMaxNameBytes);
    if (const auto* dict = std::get_if<pickle::Dict>(&value.data)) {
      for (const auto& [key, item] : dict->items) {
        collect(*item, name.empty() ? key_text(*key) : fmt::format("{}.{}", name, key_text(*key)), depth + 1);
      }
    } else if (const auto* tensor = std::get_if<pickle::Tensor>(&value.data)) {
      require<IoError>(is_contiguous(*tensor), "{}: tensor {} is not contiguous", path.string(), name);
      entries.emplace(name, *tensor);
    }
  }

  std::filesystem::path path;
  std::unique_ptr<caffe2::serialize::PyTorchStreamReader> reader;
  std::map<std::string, uint32_t> crcs;  // of the records by name
  std::map<std::string, pickle::Tensor> entries;
  int64_t num_entries = 0;  // visited, those that are no tensors too
  std::mutex mutex;         // guards what follows: the record that was read last, as tensors are read in many pieces
  std::string last_key;
  Record last;
};

TorchFile::TorchFile(const std::filesystem::path& path) : path_(path), archive_(std::make_unique<Archive>(path)) {
  const auto object = archive_->parse();
  archive_->collect(*object.root, "", 0);
  for (const auto& [name, entry] : archive_->entries) {
    const auto dtype = dtype_of_storage(entry.storage_type);
    TensorInfo info{.name = name, .dtype = dtype, .shape = entry.shape};
    if (dtype == at::ScalarType::Undefined) {
      info.unread_dtype = entry.storage_type;
    } else {
      info.num_bytes = static_cast<uint64_t>(c10::multiply_integers(entry.shape)) * c10::elementSize(dtype);
    }
    tensors_.push_back(std::move(info));
  }
}

TorchFile::~TorchFile() = default;

std::vector<std::string> TorchFile::texts(std::span<const std::string> keys) const {
  const auto object = archive_->parse();
  const pickle::Value* value = nullptr;
  for (size_t i = 0; i < keys.size() && value == nullptr; ++i) value = at_key(*object.root, keys[i]);
  if (value == nullptr) return {};
  if (const auto* text = std::get_if<std::string>(&value->data)) return {*text};
  const auto* list = std::get_if<pickle::Sequence>(&value->data);
  if (list == nullptr) return {};
  std::vector<std::string> found;
  size_t num_bytes = 0;  // a list may name one long text many times
  for (const auto* item : list->items) {
    const auto* text = std::get_if<std::string>(&item->data);
    if (text == nullptr) return {};
    num_bytes += text->size() + sizeof *text;
    require<IoError>(num_bytes <= kMaxPickleBytes, "{}: its texts have more than {} bytes", place(), kMaxPickleBytes);
    found.push_back(*text);
  }
  return found;
}

void TorchFile::read(const std::string& name, int64_t begin, const at::Tensor& out) const {
  const TensorInfo& info = find_tensor(*this, name);
  check_read(*this, info, begin, out);
  const pickle::Tensor& entry = archive_->entries.at(name);
  const std::lock_guard lock(archive_->mutex);
  if (archive_->last_key != entry.storage) {
    archive_->last = archive_->record("data/" + entry.storage);
    archive_->last_key = entry.storage;
  }
  const auto& [bytes, num_bytes] = archive_->last;
  const auto width = static_cast<int64_t>(c10::elementSize(info.dtype));
  const int64_t end = entry.offset + c10::multiply_integers(info.shape);
  require<IoError>(end <= static_cast<int64_t>(num_bytes) / width, "{}: {} reaches beyond the end of its storage",
                   place(), name);
  auto* from = static_cast<char*>(bytes.get()) + (entry.offset + begin) * width;
  out.copy_(at::from_blob(from, out.sizes(), at::TensorOptions(info.dtype)));
}

}  // namespace fgm
