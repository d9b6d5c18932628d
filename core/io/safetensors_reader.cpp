#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/base/error.h"
#include "core/io/descriptor.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_header.h"

namespace fgm {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian and is mapped as it is");

constexpr int64_t kPieceElements = int64_t{1} << 16;

bool is_aligned(const char* bytes, at::ScalarType dtype) {
  return reinterpret_cast<uintptr_t>(bytes) % c10::elementSize(dtype) == 0;
}

// Bytes other than 0 and 1 are no valid bools, and a file of another writer may be unaligned: a view cannot show those.
bool can_be_viewed(const char* bytes, at::ScalarType dtype) {
  return dtype != at::kBool && is_aligned(bytes, dtype);
}

// `num_elements` elements at `bytes`, as a tensor of their own.
at::Tensor copy_of(const char* bytes, int64_t num_elements, at::ScalarType dtype) {
  const auto copy = at::empty({num_elements}, dtype == at::kBool ? at::kByte : dtype);
  std::memcpy(copy.data_ptr(), bytes, copy.nbytes());
  return dtype == at::kBool ? copy.ne(0) : copy;
}

}  // namespace

struct SafetensorsFile::Mapping {
  explicit Mapping(const std::filesystem::path& file);
  ~Mapping() {
    if (base != nullptr) ::munmap(base, num_bytes);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  void map();
  void read_header();

  std::filesystem::path path;
  char* base = nullptr;
  size_t num_bytes = 0;
  const char* data = nullptr;
  SafetensorsHeader header;
  std::map<std::string, size_t> index;  // name to its place in header.tensors
};

SafetensorsFile::Mapping::Mapping(const std::filesystem::path& file) : path(file) {}

void SafetensorsFile::Mapping::map() {
  const Descriptor file(path);
  struct stat status {};
  require<IoError>(::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode), "{} is not a regular file",
                   path.string());
  require<IoError>(status.st_size >= 8, "{} has {} bytes: too short for a safetensors file", path.string(),
                   status.st_size);
  num_bytes = static_cast<size_t>(status.st_size);
  void* mapped = ::mmap(nullptr, num_bytes, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) throw IoError(fmt::format("cannot map {}", path.string()), last_error());
  base = static_cast<char*>(mapped);
}

void SafetensorsFile::Mapping::read_header() {
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, base, sizeof(header_bytes));
  require<IoError>(header_bytes <= kMaxSafetensorsHeader,
                   "{} announces a header of {} bytes (at most {}): not a safetensors file", path.string(),
                   header_bytes, kMaxSafetensorsHeader);
  require<IoError>(header_bytes <= num_bytes - 8, "{} announces a header of {} bytes but has {} left: it is cut short",
                   path.string(), header_bytes, num_bytes - 8);
  data = base + 8 + header_bytes;
  header = parse_safetensors_header(path, {base + 8, header_bytes}, num_bytes - 8 - header_bytes);
  for (size_t i = 0; i < header.tensors.size(); ++i) index.emplace(header.tensors[i].name, i);
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : mapping_(std::make_shared<Mapping>(path)) {
  mapping_->map();
  mapping_->read_header();
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const std::filesystem::path& SafetensorsFile::path() const {
  return mapping_->path;
}
const std::vector<TensorInfo>& SafetensorsFile::tensors() const {
  return mapping_->header.tensors;
}
const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return mapping_->header.metadata;
}
bool SafetensorsFile::contains(const std::string& name) const {
  return mapping_->index.contains(name);
}

const TensorInfo& SafetensorsFile::info(const std::string& name) const {
  const auto it = mapping_->index.find(name);
  if (it == mapping_->index.end()) throw_missing_tensor(*this, name);
  return tensors()[it->second];
}

at::Tensor SafetensorsFile::view(const std::string& name) const {
  const TensorInfo& tensor = info(name);
  const char* bytes = mapping_->data + tensor.begin;
  if (!can_be_viewed(bytes, tensor.dtype)) {
    return copy_of(bytes, c10::multiply_integers(tensor.shape), tensor.dtype).view(tensor.shape);
  }
  return at::from_blob(
      const_cast<char*>(bytes), tensor.shape, [keep = mapping_](void*) {}, tensor.dtype);
}

void SafetensorsFile::read(const std::string& name, int64_t begin, const at::Tensor& out) const {
  const TensorInfo& tensor = info(name);
  const int64_t total = c10::multiply_integers(tensor.shape);
  check(begin >= 0 && out.numel() <= total - begin && out.is_contiguous(), "read of [{}, {}) of the {} elements of {}",
        begin, begin + out.numel(), total, name);
  const auto width = static_cast<int64_t>(c10::elementSize(tensor.dtype));
  const char* bytes = mapping_->data + tensor.begin + begin * width;
  const auto flat_out = out.view(-1);
  if (can_be_viewed(bytes, tensor.dtype)) {
    flat_out.copy_(at::from_blob(const_cast<char*>(bytes), {out.numel()}, tensor.dtype));
    return;
  }
  for (int64_t done = 0; done < out.numel(); done += kPieceElements) {
    const int64_t count = std::min(kPieceElements, out.numel() - done);
    flat_out.narrow(0, done, count).copy_(copy_of(bytes + done * width, count, tensor.dtype));
  }
}

}  // namespace fgm
