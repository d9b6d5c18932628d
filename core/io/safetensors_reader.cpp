#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/base/error.h"
#include "core/io/descriptor.h"
#include "core/io/file_kind.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_header.h"

namespace fgm {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian and is read as it is");

constexpr int64_t kConvertedElements = int64_t{1} << 18;
constexpr uint64_t kLengthBytes = 8;  // before the header

struct stat status_of(const Descriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw IoError(fmt::format("cannot read {}", path.string()), last_error());
  return status;
}

bool are_same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

// Note [Weights are not mapped]: where a file is cut short or its disk fails, a mapping ends the process with SIGBUS,
// and what is written over it changes under the reader's hands. A read has an error for the first two, and says when
// the third has happened.
struct SafetensorsFile::File {
  explicit File(const std::filesystem::path& file_path);

  void read_header();
  void read_bytes(uint64_t begin, char* out, size_t num_bytes) const;
  void require_unchanged() const;
  [[noreturn]] void refuse(const std::string& otherwise) const;

  std::filesystem::path path;
  Descriptor descriptor;
  struct stat status;  // when it was opened
  uint64_t num_bytes = 0;
  uint64_t data = 0;  // where it begins
  SafetensorsHeader header;
  std::map<std::string, size_t> index;  // name to its place in header.tensors
};

SafetensorsFile::File::File(const std::filesystem::path& file_path)
    : path(file_path), descriptor(path), status(status_of(descriptor, path)) {
  require<IoError>(S_ISREG(status.st_mode), "{} is not a regular file", path.string());
  num_bytes = static_cast<uint64_t>(status.st_size);
  read_header();
}

// What it is instead of safetensors, or else `otherwise`.
void SafetensorsFile::File::refuse(const std::string& otherwise) const {
  throw IoError(fmt::format("{} {}", path.string(), what_it_is_instead(path).value_or(otherwise)));
}

void SafetensorsFile::File::read_header() {
  if (num_bytes <= kLengthBytes) refuse(fmt::format("has {} bytes: too short for a safetensors file", num_bytes));
  uint64_t header_bytes = 0;
  char first = '\0';  // of the header
  read_bytes(0, reinterpret_cast<char*>(&header_bytes), kLengthBytes);
  read_bytes(kLengthBytes, &first, 1);
  if (header_bytes == 0 || header_bytes > kMaxSafetensorsHeader) {
    refuse(fmt::format("announces a header of {} bytes (1 to {}): not a safetensors file", header_bytes,
                       kMaxSafetensorsHeader));
  }
  const auto download = unfinished_download(path);
  if (header_bytes > num_bytes - kLengthBytes) {
    const auto cut =
        fmt::format("announces a header of {} bytes but has {} left: it is cut short{}; copy or download it again",
                    header_bytes, num_bytes - kLengthBytes, download);
    require<IoError>(first != '{', "{} {}", path.string(), cut);
    refuse(cut);
  }
  data = kLengthBytes + header_bytes;
  std::string json(header_bytes, '\0');
  read_bytes(kLengthBytes, json.data(), json.size());
  header = parse_safetensors_header(path, json, num_bytes - data);
  require<IoError>(!download.starts_with(" (aria2"), "{} is not all there{}", path.string(), download);
  for (size_t i = 0; i < header.tensors.size(); ++i) index.emplace(header.tensors[i].name, i);
}

void SafetensorsFile::File::read_bytes(uint64_t begin, char* out, size_t size) const {
  for (size_t done = 0; done < size;) {
    const auto count = ::pread(descriptor.get(), out + done, size - done, static_cast<off_t>(begin + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw IoError(fmt::format("cannot read {}", path.string()), last_error());
    if (count == 0) break;  // it was longer when it was opened
    done += static_cast<size_t>(count);
  }
  require_unchanged();
}

void SafetensorsFile::File::require_unchanged() const {
  const auto now = status_of(descriptor, path);
  if (now.st_size == status.st_size && are_same(now.st_mtim, status.st_mtim)) return;
  throw IoError(fmt::format("{} was written over while it was read; leave it alone while fgm starts, and start again",
                            path.string()),
                kExitCrash);
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(std::make_unique<const File>(path)) {}
SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const std::filesystem::path& SafetensorsFile::path() const {
  return file_->path;
}
const std::vector<TensorInfo>& SafetensorsFile::tensors() const {
  return file_->header.tensors;
}
const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return file_->header.metadata;
}
bool SafetensorsFile::contains(const std::string& name) const {
  return file_->index.contains(name);
}

const TensorInfo& SafetensorsFile::info(const std::string& name) const {
  const auto it = file_->index.find(name);
  if (it == file_->index.end()) throw_missing_tensor(*this, name);
  return tensors()[it->second];
}

void SafetensorsFile::read(const std::string& name, int64_t begin, const at::Tensor& out) const {
  const TensorInfo& tensor = info(name);
  check_read(*this, tensor, begin, out);
  // Bytes other than 0 and 1 are no valid bools.
  const auto dtype = tensor.dtype == at::kBool ? at::kByte : tensor.dtype;
  const auto width = static_cast<int64_t>(c10::elementSize(dtype));
  const auto read_to = [&](int64_t first, const at::Tensor& to) {
    const auto at = file_->data + file_->header.begins[file_->index.at(name)] + static_cast<uint64_t>(first * width);
    file_->read_bytes(at, static_cast<char*>(to.data_ptr()), to.nbytes());
  };
  if (out.is_cpu() && out.scalar_type() == dtype && tensor.dtype != at::kBool) return read_to(begin, out);
  const auto flat_out = out.view(-1);
  const auto buffer = at::empty({std::min(kConvertedElements, out.numel())}, dtype);
  for (int64_t done = 0; done < out.numel(); done += kConvertedElements) {
    const auto piece = buffer.narrow(0, 0, std::min(kConvertedElements, out.numel() - done));
    read_to(begin + done, piece);
    flat_out.narrow(0, done, piece.numel()).copy_(tensor.dtype == at::kBool ? piece.ne(0) : piece);
  }
}

}  // namespace fgm
