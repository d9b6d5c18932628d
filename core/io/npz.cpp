#include "core/io/npz.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <cstring>
#include <limits>
#include <optional>
#include <regex>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/zip.h"

// The zip format: core/io/zip.h, and PKWARE's APPNOTE.TXT, section 4.3.7 (local header).
// The .npy format: numpy's enhancement proposal 1.
namespace fgm {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr size_t kLocalBytes = 30;
constexpr uint16_t kStored = 0, kDeflated = 8;
constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr size_t kLargestHeader = 4096;  // numpy's take about 100; std::regex recurses once a character

struct ZipEntry {
  std::string name;
  uint16_t method;
  uint32_t crc;
  uint32_t packed;
  uint32_t unpacked;
  std::string_view data;
};

ZipEntry read_entry(const FileBytes& zip, size_t at) {
  if (zip.number<uint32_t>(at) != kZipDirectoryEntry) zip.fail("the zip directory is damaged");
  ZipEntry entry{.name = std::string(zip.part(at + kZipEntryBytes, zip.number<uint16_t>(at + 28))),
                 .method = zip.number<uint16_t>(at + 10),
                 .crc = zip.number<uint32_t>(at + 16),
                 .packed = zip.number<uint32_t>(at + 20),
                 .unpacked = zip.number<uint32_t>(at + 24),
                 .data = {}};
  const auto local = zip.number<uint32_t>(at + 42);
  if (entry.packed == kInZip64 || entry.unpacked == kInZip64 || local == kInZip64) zip.fail("it is larger than 4 GiB");
  if ((zip.number<uint16_t>(at + 8) & 1) != 0) zip.fail("it is encrypted");
  if (zip.number<uint32_t>(local) != kLocalHeader) zip.fail("the header of '" + entry.name + "' is damaged");
  const size_t skipped = size_t{zip.number<uint16_t>(local + 26)} + zip.number<uint16_t>(local + 28);
  entry.data = zip.part(local + kLocalBytes + skipped, entry.packed);
  return entry;
}

// Deflate grows its input at most 1032-fold, so a header that promises more is damaged.
std::optional<std::string> inflate_raw(std::string_view packed, size_t size) {
  if (size > 1032 * packed.size() + 1032) return std::nullopt;
  std::string out(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(size);
  const int status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (status != Z_STREAM_END || stream.total_out != size) return std::nullopt;
  return out;
}

std::string unpack(const FileBytes& zip, const ZipEntry& entry) {
  if (entry.method != kStored && entry.method != kDeflated) {
    zip.fail(fmt::format("'{}' is packed by method {}; stored and deflated ones are read", entry.name, entry.method));
  }
  auto bytes =
      entry.method == kStored ? std::optional(std::string(entry.data)) : inflate_raw(entry.data, entry.unpacked);
  if (!bytes || bytes->size() != entry.unpacked || crc32_of(*bytes) != entry.crc) {
    zip.fail("'" + entry.name + "' is damaged");
  }
  return std::move(*bytes);
}

// The tensor type of NumPy's name for a dtype ("<f4"); nothing where read_npz() reads no such arrays.
std::optional<at::ScalarType> dtype_of(const std::string& descr) {
  static const std::map<std::string, at::ScalarType> kTypes = {
      {"<f8", at::kDouble}, {"<f4", at::kFloat}, {"<f2", at::kHalf}, {"<i8", at::kLong}, {"<i4", at::kInt},
      {"<i2", at::kShort},  {"|i1", at::kChar},  {"|u1", at::kByte}, {"|b1", at::kByte}};
  const auto found = kTypes.find(descr);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

// The sizes of "(2048, 2048)", "(3,)" or "()", all of whose elements together have `num_bytes`.
std::vector<int64_t> parse_shape(const std::string& text, size_t element_bytes, size_t num_bytes,
                                 const FileBytes& npy) {
  static const std::regex number(R"(\d{1,10})");
  std::vector<int64_t> shape;
  size_t expected = element_bytes;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), number); it != std::sregex_iterator(); ++it) {
    shape.push_back(std::stoll(it->str()));
    if (shape.back() > static_cast<int64_t>(num_bytes)) npy.fail("its shape does not fit its size");
    expected *= static_cast<size_t>(shape.back());
    if (expected > num_bytes) npy.fail("its shape does not fit its size");
  }
  if (expected != num_bytes) npy.fail("its shape does not fit its size");
  return shape;
}

at::Tensor parse_npy(std::string_view bytes, const std::string& place) {
  const FileBytes npy(bytes, place);
  if (npy.part(0, 6) != kNpyMagic) npy.fail("this is no .npy array");
  const bool is_version_1 = npy.number<uint8_t>(6) == 1;
  const size_t begin = is_version_1 ? 10 : 12;
  const size_t length = is_version_1 ? npy.number<uint16_t>(8) : npy.number<uint32_t>(8);
  if (length > kLargestHeader) npy.fail("the header of the .npy array is damaged");
  const std::string header(npy.part(begin, length));
  static const std::regex shape_of(R"re('shape'\s*:\s*\(([0-9,\s]*)\))re"), order(R"('fortran_order'\s*:\s*False)"),
      descr(R"re('descr'\s*:\s*'([^']*)')re");
  std::smatch shape, dtype;
  if (!std::regex_search(header, dtype, descr) || !dtype_of(dtype[1]) || !std::regex_search(header, order) ||
      !std::regex_search(header, shape, shape_of)) {
    npy.fail("the array is not of little-endian floats or integers in C order: " + header.substr(0, 100));
  }
  const auto data = bytes.substr(begin + length);
  const auto type = *dtype_of(dtype[1]);
  auto out = at::empty(parse_shape(shape[1], at::elementSize(type), data.size(), npy), type);
  std::memcpy(out.mutable_data_ptr(), data.data(), data.size());
  return out;
}

std::string npy_of(const at::Tensor& array) {
  check(array.scalar_type() == at::kDouble, "an .npz file is written of float64 arrays");
  const auto data = array.contiguous().cpu();
  auto header = fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}{}), }}",
                            fmt::join(data.sizes(), ", "), data.dim() == 1 ? "," : "");
  header.resize((header.size() + 10 + 1 + 63) / 64 * 64 - 11, ' ');  // the data begins at a multiple of 64
  header += '\n';
  std::string out(kNpyMagic);
  out += std::string("\x01\x00", 2);
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  out.append(static_cast<const char*>(data.const_data_ptr()), data.nbytes());
  return out;
}

template <typename... Numbers>
void append(std::string& out, Numbers... numbers) {
  (out.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
}

// What a local header and an entry of the directory share: version, flags, method, time, date (1 January 1980), sizes.
void append_common(std::string& out, const std::string& name, const std::string& data) {
  const auto size = static_cast<uint32_t>(data.size());
  append(out, uint16_t{20}, uint16_t{0}, kStored, uint16_t{0}, uint16_t{0x21}, crc32_of(data), size, size,
         static_cast<uint16_t>(name.size()), uint16_t{0});
}

}  // namespace

std::map<std::string, at::Tensor> read_npz(const std::filesystem::path& path) {
  const std::string file = read_file(path);
  const FileBytes zip(file, path.string());
  const size_t end = find_zip_end(zip);
  size_t at = zip.number<uint32_t>(end + 16);
  std::map<std::string, at::Tensor> arrays;
  for (int i = 0; i < zip.number<uint16_t>(end + 10); ++i) {
    const auto entry = read_entry(zip, at);
    const auto name = entry.name.ends_with(".npy") ? entry.name.substr(0, entry.name.size() - 4) : entry.name;
    arrays.emplace(name, parse_npy(unpack(zip, entry), fmt::format("{}: {}", path.string(), name)));
    at +=
        kZipEntryBytes + zip.number<uint16_t>(at + 28) + zip.number<uint16_t>(at + 30) + zip.number<uint16_t>(at + 32);
  }
  return arrays;
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& arrays) {
  std::string zip, directory;
  for (const auto& [key, array] : arrays) {
    const auto name = key + ".npy", data = npy_of(array);
    check(zip.size() + data.size() < std::numeric_limits<uint32_t>::max() - 4096,
          "an .npz file is written below 4 GiB");
    append(directory, kZipDirectoryEntry, uint16_t{20});
    append_common(directory, name, data);
    append(directory, uint16_t{0}, uint16_t{0}, uint16_t{0}, uint32_t{0}, static_cast<uint32_t>(zip.size()));
    directory += name;
    append(zip, kLocalHeader);
    append_common(zip, name, data);
    zip += name + data;
  }
  const auto begin = static_cast<uint32_t>(zip.size()), size = static_cast<uint32_t>(directory.size());
  const auto count = static_cast<uint16_t>(arrays.size());
  zip += directory;
  append(zip, kZipDirectoryEnd, uint16_t{0}, uint16_t{0}, count, count, size, begin, uint16_t{0});
  write_file(path, zip);
}

}  // namespace fgm
