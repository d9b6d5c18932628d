#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fgm {

// Owns one HDF5 identifier of any kind (hid_t is an int64_t); negative when empty.
class H5Handle {
 public:
  explicit H5Handle(int64_t id = -1) : id_(id) {}
  ~H5Handle();
  H5Handle(H5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  H5Handle& operator=(H5Handle&& other) noexcept;
  int64_t get() const { return id_; }
  int64_t release() { return std::exchange(id_, -1); }

 private:
  int64_t id_;
};

// Where a dataset of bytes lies: read it with pread at `offset`, without the library.
struct H5Extent {
  std::vector<int64_t> shape;
  uint64_t offset = 0;  // bytes from the start of the file
  uint64_t bytes = 0;
  bool is_high_byte_first = false;  // never, but of extent_of_integers()
};

// What a dataset's elements are. bfloat16, which HDF5 has no type for, is uint16 with an attribute "dtype" on the
// dataset; float16 and float32 are IEEE 754's. All of them have the low byte first; so have the integers that extent()
// is asked for.
enum class H5Element { kUint8, kUint64, kFloat16, kBFloat16, kFloat32 };

// "uint8", "bfloat16", ...
std::string_view name_of(H5Element element);
int64_t bytes_of(H5Element element);

// An HDF5 file of root attributes and contiguous datasets: all that a store is made of.
// Names are paths from the root ("prompts/blob"). Use a file on the thread that opened it: the library keeps
// one error stack a thread. Every failure is an IoError naming the file, the object and the library's own
// reason, on one line.
class H5File {
 public:
  // Compares the guard of a file that has one first. Takes no lock, so that a read-only or a network file system without locks will do: a store never changes
  // once it has its name.
  static H5File open_read_only(const std::filesystem::path& path);
  static H5File create(const std::filesystem::path& path);
  // The same with room for a guard (data/hdf5/file_guard.h).
  static H5File create_with_guard(const std::filesystem::path& path);

  bool has_attribute(const std::string& name) const;
  bool has_dataset(const std::string& name) const;  // of the root group
  int64_t int_attribute(const std::string& name) const;
  std::string string_attribute(const std::string& name) const;  // fixed or variable length

  // The dataset must have such elements, be contiguous and unfiltered, and lie within the file.
  H5Extent extent(const std::string& name, H5Element element) const;
  // The same of integers whose bytes may have either order.
  H5Extent extent_of_integers(const std::string& name, H5Element element) const;
  // Which of the floating-point elements the dataset has.
  H5Element float_element(const std::string& name) const;

  void write_attribute(const std::string& name, int64_t value);
  void write_attribute(const std::string& name, const std::string& utf8);
  // A string that lies in the header itself, of at most 64,000 bytes: HDF5 1.10 writes beyond its buffers when it reads
  // one of variable length from a damaged file.
  void write_fixed_attribute(const std::string& name, const std::string& utf8);
  void write_bytes(const std::string& name, std::span<const std::byte> bytes, std::span<const int64_t> shape);
  void write_uint64(const std::string& name, std::span<const uint64_t> values);

  // A dataset that write_rows() fills. A row is a slice of its first dimension; write_rows() writes rows `first`,
  // first + 1, ...: as many as `bytes` holds of its elements.
  void create(const std::string& name, H5Element element, std::span<const int64_t> shape);
  void write_rows(const std::string& name, int64_t first, std::span<const std::byte> bytes);
  // A dataset whose bytes have their place in the file at once, for pwrite at its extent() after close(). What they are
  // until then is the file system's: zeros, as a rule.
  void create_in_place(const std::string& name, H5Element element, std::span<const int64_t> shape);

  // Writes what the library still holds. A destructor could not report a full disk.
  void close();

 private:
  H5File(std::filesystem::path path, H5Handle file) : path_(std::move(path)), file_(std::move(file)) {}
  struct Dataset;
  Dataset open_dataset(const std::string& name, H5Element element) const;
  H5Handle create_dataset(const std::string& name, int64_t file_type, std::span<const int64_t> shape,
                          bool is_in_place = false);
  void write_dataset(const std::string& name, int64_t file_type, int64_t memory_type, const void* data,
                     std::span<const int64_t> shape);
  std::string describe(const std::string& object) const;

  std::filesystem::path path_;
  H5Handle file_;
};

}  // namespace fgm
