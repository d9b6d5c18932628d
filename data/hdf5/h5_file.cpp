#include "data/hdf5/h5_file.h"

#include "core/base/error.h"
#include "data/hdf5/file_guard.h"
#include "data/hdf5/internal/attributes.h"
#include "data/hdf5/internal/check_hdf5.h"
#include "data/hdf5/internal/elements.h"

namespace fgm {
namespace {

H5Handle unlocked_access(const std::string& what) {
  auto access = owned(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate", what);
  check_hdf5(H5Pset_file_locking(access.get(), false, true), "H5Pset_file_locking", what);
  return access;
}

H5Handle create_file(const std::filesystem::path& path, uint64_t user_block_bytes) {
  prepare_hdf5();
  const auto what = fmt::format("'{}'", path.string());
  const auto access = unlocked_access(what);
  const auto creation = owned(H5Pcreate(H5P_FILE_CREATE), "H5Pcreate", what);
  check_hdf5(H5Pset_userblock(creation.get(), user_block_bytes), "H5Pset_userblock", what);
  return owned(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), "H5Fcreate", what);
}

std::vector<int64_t> shape_of(const H5Handle& space, const std::string& what) {
  const int rank = check_hdf5(H5Sget_simple_extent_ndims(space.get()), "H5Sget_simple_extent_ndims", what);
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  check_hdf5(H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr), "H5Sget_simple_extent_dims", what);
  return {sizes.begin(), sizes.end()};
}

// The number of bytes, which a hostile shape cannot make overflow: each dataset fits into its file.
uint64_t num_bytes(std::span<const int64_t> shape, size_t element_bytes, uint64_t file_bytes, const std::string& what) {
  uint64_t bytes = element_bytes;
  for (const int64_t size : shape) {
    if (size == 0) return 0;
    require<IoError>(static_cast<uint64_t>(size) <= file_bytes / bytes,
                     "{}: its shape needs more than the file's {} bytes; the file is damaged or incomplete", what,
                     file_bytes);
    bytes *= static_cast<uint64_t>(size);
  }
  return bytes;
}

bool is_marked_bfloat16(const H5Handle& dataset, const std::string& what) {
  if (check_hdf5(H5Aexists(dataset.get(), kElementAttribute), "H5Aexists", what) == 0) return false;
  const auto attribute = owned(H5Aopen(dataset.get(), kElementAttribute, H5P_DEFAULT), "H5Aopen", what);
  return read_string(attribute, what) == name_of(H5Element::kBFloat16);
}

}  // namespace

H5Handle::~H5Handle() {
  if (id_ >= 0) H5Idec_ref(id_);
}

H5Handle& H5Handle::operator=(H5Handle&& other) noexcept {
  std::swap(id_, other.id_);
  return *this;
}

struct H5File::Dataset {
  H5Handle id;
  H5Extent extent;
};

H5File H5File::open_read_only(const std::filesystem::path& path) {
  check_guard(path);
  prepare_hdf5();
  const auto what = fmt::format("'{}' is no readable HDF5 file, copy or make it again", path.string());
  const auto access = unlocked_access(what);
  return {path, owned(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), "H5Fopen", what)};
}

H5File H5File::create(const std::filesystem::path& path) {
  return {path, create_file(path, /*user_block_bytes=*/0)};
}

H5File H5File::create_with_guard(const std::filesystem::path& path) {
  return {path, create_file(path, kGuardBytes)};
}

std::string H5File::describe(const std::string& object) const {
  return fmt::format("'{}', {}", path_.string(), object);
}

bool H5File::has_attribute(const std::string& name) const {
  return check_hdf5(H5Aexists(file_.get(), name.c_str()), "H5Aexists", describe(name)) > 0;
}

bool H5File::has_dataset(const std::string& name) const {
  return check_hdf5(H5Lexists(file_.get(), name.c_str(), H5P_DEFAULT), "H5Lexists", describe(name)) > 0;
}

int64_t H5File::int_attribute(const std::string& name) const {
  const auto what = describe("attribute " + name);
  return read_int(owned(H5Aopen(file_.get(), name.c_str(), H5P_DEFAULT), "H5Aopen", what), what);
}

std::string H5File::string_attribute(const std::string& name) const {
  const auto what = describe("attribute " + name);
  return read_string(owned(H5Aopen(file_.get(), name.c_str(), H5P_DEFAULT), "H5Aopen", what), what);
}

H5File::Dataset H5File::open_dataset(const std::string& name, H5Element element) const {
  const auto what = describe("dataset " + name);
  Dataset dataset{owned(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen", what), {}};
  const auto type = owned(H5Dget_type(dataset.id.get()), "H5Dget_type", what);
  require<IoError>(is_of(type, element, what), "{}: expected elements of type {}; write it as docs/data_format.md says",
                   what, name_of(element));
  const auto space = owned(H5Dget_space(dataset.id.get()), "H5Dget_space", what);
  const uint64_t file_bytes = std::filesystem::file_size(path_);
  auto& extent = dataset.extent;
  extent.shape = shape_of(space, what);
  extent.bytes = num_bytes(extent.shape, H5Tget_size(type.get()), file_bytes, what);
  if (extent.bytes == 0) return dataset;

  extent.offset = H5Dget_offset(dataset.id.get());
  require<IoError>(extent.offset != HADDR_UNDEF,
                   "{}: expected one contiguous block of bytes; write it without chunks, compression or external files",
                   what);
  require<IoError>(extent.offset <= file_bytes && extent.bytes <= file_bytes - extent.offset,
                   "{}: needs bytes {} to {} of a file of {}; it is truncated, copy or make it again", what,
                   extent.offset, extent.offset + extent.bytes, file_bytes);
  return dataset;
}

H5Extent H5File::extent(const std::string& name, H5Element element) const {
  auto extent = extent_of_integers(name, element);
  require<IoError>(!extent.is_high_byte_first,
                   "{}: its {} have the high byte first; write them with the low byte first",
                   describe("dataset " + name), name_of(element));
  return extent;
}

H5Extent H5File::extent_of_integers(const std::string& name, H5Element element) const {
  auto dataset = open_dataset(name, element);
  const auto type = owned(H5Dget_type(dataset.id.get()), "H5Dget_type", describe("dataset " + name));
  dataset.extent.is_high_byte_first = H5Tget_size(type.get()) > 1 && H5Tget_order(type.get()) == H5T_ORDER_BE;
  return std::move(dataset.extent);
}

H5Element H5File::float_element(const std::string& name) const {
  const auto what = describe("dataset " + name);
  const auto dataset = owned(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen", what);
  const auto type = owned(H5Dget_type(dataset.get()), "H5Dget_type", what);
  for (const auto element : {H5Element::kFloat32, H5Element::kFloat16}) {
    if (is_of(type, element, what)) return element;
  }
  require<IoError>(
      is_of(type, H5Element::kBFloat16, what) && is_marked_bfloat16(dataset, what),
      "{}: expected float32, float16, or uint16 with the attribute {} = {}, with the low byte first; write "
      "it as docs/data_format.md says",
      what, kElementAttribute, name_of(H5Element::kBFloat16));
  return H5Element::kBFloat16;
}

void H5File::write_attribute(const std::string& name, int64_t value) {
  const auto what = describe("attribute " + name);
  const auto space = owned(H5Screate(H5S_SCALAR), "H5Screate", what);
  const auto attribute = owned(
      H5Acreate2(file_.get(), name.c_str(), H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), "H5Acreate", what);
  check_hdf5(H5Awrite(attribute.get(), H5T_NATIVE_INT64, &value), "H5Awrite", what);
}

void H5File::write_attribute(const std::string& name, const std::string& utf8) {
  write_string(file_, name, utf8, describe("attribute " + name));
}

void H5File::write_fixed_attribute(const std::string& name, const std::string& utf8) {
  write_fixed_string(file_, name, utf8, describe("attribute " + name));
}

H5Handle H5File::create_dataset(const std::string& name, int64_t file_type, std::span<const int64_t> shape,
                                bool is_in_place) {
  const auto what = describe("dataset " + name);
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const auto space =
      owned(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), "H5Screate_simple", what);
  const auto link = owned(H5Pcreate(H5P_LINK_CREATE), "H5Pcreate", what);
  check_hdf5(H5Pset_create_intermediate_group(link.get(), 1), "H5Pset_create_intermediate_group", what);
  const auto layout = owned(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate", what);
  if (is_in_place) {
    check_hdf5(H5Pset_alloc_time(layout.get(), H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time", what);
    check_hdf5(H5Pset_fill_time(layout.get(), H5D_FILL_TIME_NEVER), "H5Pset_fill_time", what);
  }
  return owned(H5Dcreate2(file_.get(), name.c_str(), file_type, space.get(), link.get(), layout.get(), H5P_DEFAULT),
               "H5Dcreate", what);
}

void H5File::write_dataset(const std::string& name, int64_t file_type, int64_t memory_type, const void* data,
                           std::span<const int64_t> shape) {
  const auto dataset = create_dataset(name, file_type, shape);
  check_hdf5(H5Dwrite(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "H5Dwrite",
             describe("dataset " + name));
}

void H5File::write_bytes(const std::string& name, std::span<const std::byte> bytes, std::span<const int64_t> shape) {
  write_dataset(name, H5T_STD_U8LE, H5T_NATIVE_UINT8, bytes.data(), shape);
}

void H5File::write_uint64(const std::string& name, std::span<const uint64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  write_dataset(name, H5T_STD_U64LE, H5T_NATIVE_UINT64, values.data(), {&count, 1});
}

void H5File::create(const std::string& name, H5Element element, std::span<const int64_t> shape) {
  create_dataset(name, file_type(element, describe("dataset " + name)).get(), shape);
}

void H5File::create_in_place(const std::string& name, H5Element element, std::span<const int64_t> shape) {
  const auto what = describe("dataset " + name);
  const auto dataset = create_dataset(name, file_type(element, what).get(), shape, /*is_in_place=*/true);
  if (element != H5Element::kBFloat16) return;
  write_fixed_string(dataset, kElementAttribute, std::string(name_of(element)), what);
}

void H5File::write_rows(const std::string& name, int64_t first, std::span<const std::byte> bytes) {
  const auto what = describe("dataset " + name);
  const auto dataset = owned(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen", what);
  const auto file_space = owned(H5Dget_space(dataset.get()), "H5Dget_space", what);
  const auto shape = shape_of(file_space, what);
  std::vector<hsize_t> start(shape.size(), 0), count(shape.begin(), shape.end());
  const auto type = owned(H5Dget_type(dataset.get()), "H5Dget_type", what);  // `bytes` are as they lie in the file
  hsize_t row_bytes = H5Tget_size(type.get());
  for (size_t i = 1; i < count.size(); ++i) row_bytes *= count[i];
  start[0] = static_cast<hsize_t>(first);
  count[0] = bytes.size() / row_bytes;
  check_hdf5(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
             "H5Sselect_hyperslab", what);
  const auto memory_space =
      owned(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), "H5Screate_simple", what);
  check_hdf5(H5Dwrite(dataset.get(), type.get(), memory_space.get(), file_space.get(), H5P_DEFAULT, bytes.data()),
             "H5Dwrite", what);
}

void H5File::close() {
  const auto what = fmt::format("'{}'", path_.string());
  check_hdf5(H5Fflush(file_.get(), H5F_SCOPE_LOCAL), "H5Fflush", what);
  check_hdf5(H5Fclose(file_.release()), "H5Fclose", what);
}

}  // namespace fgm
