#include <algorithm>
#include <climits>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/io/safetensors_dtype.h"
#include "core/io/strict_json.h"
#include "launch/checkpoint/manifest.h"

namespace fgm {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 5;  // manifest, tensors, one tensor, its slices, one slice
constexpr size_t kNonceDigits = 16;
constexpr size_t kDigestDigits = 32;

// An object of the manifest and what to call it in an error: "data", "files.student-00000-of-00001.safetensors".
class Members {
 public:
  Members(const json& object, std::string name) : object_(object), name_(std::move(name)) {
    require<IoError>(object.is_object(), "{} is not an object", name_.empty() ? "it" : name_);
  }

  bool contains(const char* key) const { return object_.contains(key); }
  const json& get(const char* key) const {
    const auto it = object_.find(key);
    require<IoError>(it != object_.end(), "'{}' is missing", path_of(key));
    return *it;
  }
  Members object(const char* key) const { return {get(key), path_of(key)}; }
  const json& list(const char* key) const {
    require<IoError>(get(key).is_array(), "'{}' is not a list", path_of(key));
    return get(key);
  }
  std::string text(const char* key) const {
    require<IoError>(get(key).is_string(), "'{}' is not a text", path_of(key));
    return get(key).get<std::string>();
  }
  std::string hex(const char* key, size_t digits) const {
    const std::string value = text(key);
    require<IoError>(value.size() == digits && value.find_first_not_of("0123456789abcdef") == std::string::npos,
                     "'{}' is not {} hexadecimal digits", path_of(key), digits);
    return value;
  }
  int64_t number(const char* key, int64_t least = 0) const { return to_number(get(key), path_of(key), least); }

  // Calls `read(key, object)` for each member, all of which are objects.
  template <typename Read>
  void for_each(const Read& read) const {
    for (const auto& [key, value] : object_.items()) read(key, Members(value, path_of(key)));
  }

  static int64_t to_number(const json& value, const std::string& name, int64_t least) {
    require<IoError>(value.is_number_integer(), "'{}' is not a whole number", name);
    const bool is_too_large = value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX};
    require<IoError>(!is_too_large && value.get<int64_t>() >= least, "'{}' = {} is out of range", name, value.dump());
    return value.get<int64_t>();
  }

  std::string path_of(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }

 private:
  const json& object_;
  std::string name_;
};

int64_t num_elements(const std::vector<int64_t>& shape, const std::string& name) {
  int64_t product = 1;
  bool is_empty = false, overflows = false;
  for (const int64_t size : shape) {
    is_empty |= size == 0;
    overflows |= __builtin_mul_overflow(product, std::max<int64_t>(size, 1), &product);
  }
  require<IoError>(!overflows, "'{}' overflows 64 bits", name);
  return is_empty ? 0 : product;
}

FileDigest read_file_entry(const std::string& name, const Members& members) {
  const bool is_plain = std::filesystem::path(name).filename() == name && name != "." && name != "..";
  require<IoError>(is_plain, "files names '{}', which is no plain file name", name);
  return {static_cast<uint64_t>(members.number("bytes")), members.hex("xxh128", kDigestDigits)};
}

void require_whole(const ManifestTensor& tensor, const Members& members) {
  int64_t end = 0;
  for (const auto& slice : tensor.slices) {
    require<IoError>(slice.begin == end && slice.end >= slice.begin,
                     "'{}': a slice is [{}, {}), expected one from {} on", members.path_of("slices"), slice.begin,
                     slice.end, end);
    end = slice.end;
  }
  const int64_t expected = num_elements(tensor.shape, members.path_of("shape"));
  require<IoError>(end == expected, "'{}' hold {} of the {} elements", members.path_of("slices"), end, expected);
}

ManifestTensor read_tensor(const std::string& key, const Members& members, const Manifest& manifest) {
  ManifestTensor tensor;
  tensor.role = members.text("role");
  tensor.name = members.text("name");
  require<IoError>(manifest_key(tensor.role, tensor.name) == key, "'{}' is named {}/{}", members.path_of("name"),
                   tensor.role, tensor.name);
  const auto dtype = parse_safetensors_dtype(members.text("dtype"));
  require<IoError>(dtype.has_value(), "'{}' = {} is unknown", members.path_of("dtype"), members.text("dtype"));
  tensor.dtype = *dtype;
  for (const auto& size : members.list("shape")) {
    tensor.shape.push_back(Members::to_number(size, members.path_of("shape"), 0));
  }
  for (const auto& entry : members.list("slices")) {
    const Members slice(entry, members.path_of("slices"));
    tensor.slices.push_back({slice.text("file"), slice.number("begin"), slice.number("end")});
    require<IoError>(manifest.files.contains(tensor.slices.back().file), "'{}' is not listed under files",
                     slice.path_of("file"));
  }
  require_whole(tensor, members);
  return tensor;
}

void read_run(const Members& root, Manifest& m) {
  m.version = root.text("version");
  m.step = root.number("step");
  m.command = root.object("phase").text("name");
  m.estimator_update = root.object("phase").number("estimator_update");
  m.nonce = root.object("attempt").hex("nonce", kNonceDigits);
  m.restart = root.object("attempt").number("restart");
  m.world = root.number("world", 1);
  require<IoError>(m.world <= INT_MAX, "'world' = {} is out of range", m.world);
  const int64_t replicate = root.object("mesh").number("replicate", 1), shard = root.object("mesh").number("shard", 1);
  require<IoError>(m.world % shard == 0 && m.world / shard == replicate, "'mesh' is {} x {}, for {} ranks", replicate,
                   shard, m.world);
  m.mesh = {static_cast<int>(replicate), static_cast<int>(shard)};
  m.seed = root.number("seed");
  m.threads = root.number("threads");
  m.config = root.text("config");
  const Members data = root.object("data");
  m.data = {data.text("store"), data.number("size"), data.number("epoch"), data.number("position")};
  if (data.contains("captions_xxh128")) m.data.captions_xxh128 = data.hex("captions_xxh128", kDigestDigits);
  if (root.contains("teacher")) {
    const Members teacher = root.object("teacher");
    m.teacher = {teacher.text("path"), teacher.hex("xxh128", kDigestDigits)};
  }
}

Manifest read_manifest(const json& document) {
  const Members root(document, "");
  const int64_t format = root.number("format", 1);
  require<IoError>(format <= Manifest::kFormat, "its format {} is newer than this fgm, which reads {}", format,
                   Manifest::kFormat);
  Manifest m;
  read_run(root, m);
  root.object("networks").for_each([&](const std::string& role, const Members& network) {
    m.updates[role] = network.number("updates");
  });
  root.object("files").for_each(
      [&](const std::string& name, const Members& file) { m.files[name] = read_file_entry(name, file); });
  root.object("tensors").for_each(
      [&](const std::string& key, const Members& tensor) { m.tensors[key] = read_tensor(key, tensor, m); });
  return m;
}

}  // namespace

Manifest parse_manifest(std::string_view json, const std::filesystem::path& path) {
  try {
    return read_manifest(parse_strict_json(json, kMaxDepth));
  } catch (const IoError& error) {
    throw DamageError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

}  // namespace fgm
