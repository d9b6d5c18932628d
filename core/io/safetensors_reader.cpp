#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_header.h"

namespace fgm {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian and is mapped as it is");

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    require<IoError>(fd_ >= 0, "cannot open {}: {}", path.string(), std::generic_category().message(errno));
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

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
  require<IoError>(mapped != MAP_FAILED, "cannot map {}: {}", path.string(), std::generic_category().message(errno));
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

at::Tensor SafetensorsFile::view(const std::string& name) const {
  const auto it = mapping_->index.find(name);
  if (it == mapping_->index.end()) {
    std::vector<std::string> names;
    for (const auto& info : tensors()) names.push_back(info.name);
    const auto near = nearest(name, names);
    throw IoError(fmt::format("{} has no tensor '{}'{}", path().string(), name,
                              near ? fmt::format("; did you mean '{}'?", *near) : ""));
  }
  const TensorInfo& info = tensors()[it->second];
  const char* bytes = mapping_->data + info.begin;
  // Bytes other than 0 and 1 are no valid bools, and a file of another writer may be unaligned: those are copied.
  if (info.dtype == at::kBool) {
    return at::from_blob(const_cast<char*>(bytes), info.shape, at::kByte).ne(0);
  }
  if (reinterpret_cast<uintptr_t>(bytes) % c10::elementSize(info.dtype) != 0) {
    auto copy = at::empty(info.shape, info.dtype);
    std::memcpy(copy.data_ptr(), bytes, info.end - info.begin);
    return copy;
  }
  return at::from_blob(
      const_cast<char*>(bytes), info.shape, [keep = mapping_](void*) {}, info.dtype);
}

}  // namespace fgm
