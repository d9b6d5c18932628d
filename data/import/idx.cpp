#include "data/import/idx.h"

#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "core/base/error.h"
#include "core/io/output_path.h"
#include "core/io/pixels.h"
#include "data/store/store_writer.h"

namespace fgm {
namespace {

constexpr int64_t kPixelsAtOnce = int64_t{1} << 20;
constexpr int64_t kMostPixels = int64_t{1} << 14;  // on a side

// An IDX file of bytes, read from its front to its end. zlib reads plain files as they are.
class IdxFile {
 public:
  // Of `least_dims` to `most_dims` dimensions.
  IdxFile(const std::filesystem::path& path, uint8_t least_dims, uint8_t most_dims)
      : path_(path), file_(gzopen(path.c_str(), "rb"), gzclose) {
    if (file_ == nullptr) throw IoError(fmt::format("'{}'", path_.string()), last_error());
    std::array<uint8_t, 4> word;
    read(word);
    const uint8_t num_dims = word[3];
    require<IoError>(
        word[0] == 0 && word[1] == 0 && word[2] == 8 && num_dims >= least_dims && num_dims <= most_dims,
        "'{}' is no IDX file of bytes in {} dimensions: it begins with {:02x}", path_.string(),
        least_dims == most_dims ? fmt::to_string(least_dims) : fmt::format("{} or {}", least_dims, most_dims),
        fmt::join(word, " "));
    for (uint8_t i = 0; i < num_dims; ++i) {
      read(word);
      shape_.push_back(int64_t{word[0]} << 24 | int64_t{word[1]} << 16 | int64_t{word[2]} << 8 | int64_t{word[3]});
      require<IoError>(shape_.back() > 0, "'{}' is of {}", path_.string(), fmt::join(shape_, " x "));
    }
  }

  const std::vector<int64_t>& shape() const { return shape_; }
  const std::filesystem::path& path() const { return path_; }

  void read(std::span<uint8_t> out) {
    for (size_t done = 0; done < out.size();) {
      const auto most = static_cast<unsigned>(std::min<size_t>(out.size() - done, 1U << 30));
      const int count = gzread(file_.get(), out.data() + done, most);
      require<IoError>(count > 0, "'{}' {}; copy it again", path_.string(),
                       count == 0 ? "ends before its last value" : what_is_wrong());
      done += static_cast<size_t>(count);
    }
  }
  // Beyond the last value gzip has a check-sum.
  void require_end() {
    uint8_t surplus = 0;
    const int count = gzread(file_.get(), &surplus, 1);
    int code = Z_OK;
    gzerror(file_.get(), &code);  // of a check-sum that is cut short gzread tells nothing
    require<IoError>(count == 0 && code == Z_OK, "'{}' {}; copy it again", path_.string(),
                     count > 0 ? "goes on behind its last value" : what_is_wrong());
  }

 private:
  std::string what_is_wrong() const {
    int code = 0;
    return fmt::format("is damaged: {}", gzerror(file_.get(), &code));
  }

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file_;
  std::vector<int64_t> shape_;
};

// Both files, opened and checked, and the captions of the images that are wanted.
struct IdxPair {
  explicit IdxPair(const IdxOptions& options) : images(options.images, 3, 4), labels(options.labels, 1, 1) {
    const int64_t size = images.shape()[0], height = images.shape()[1], width = images.shape()[2];
    require<IoError>(labels.shape()[0] == size, "'{}' has {} images, '{}' {} labels", images.path().string(), size,
                     labels.path().string(), labels.shape()[0]);
    require<IoError>(images.shape().size() == 3 || images.shape()[3] == kPixelChannels,
                     "'{}' has images of {} channels; fgm takes grey ones, [N, H, W], and such of {}, [N, H, W, {}]",
                     images.path().string(), images.shape().back(), kPixelChannels, kPixelChannels);
    require<ConfigError>(options.count >= 0 && options.count <= size, "--count {}: '{}' has {} images", options.count,
                         images.path().string(), size);
    count = options.count == 0 ? size : options.count;
    require<IoError>(height <= kMostPixels && width <= kMostPixels,
                     "'{}' says that its images are of {} x {}, and fgm takes up to {} on a side",
                     images.path().string(), height, width, kMostPixels);
    side = options.resolution == 0 ? std::max(height, width) : options.resolution;
    require<ConfigError>(
        side >= height && side >= width && side <= kMostPixels && (side - height) % 2 == 0 && (side - width) % 2 == 0,
        "--resolution {}: '{}' has images of {} x {}, which need a side with as much black on one as on "
        "the other",
        side, images.path().string(), height, width);
    for (int64_t i = 0; i < size; ++i) {  // one by one: a damaged header may tell of any number
      uint8_t label = 0;
      labels.read({&label, 1});
      if (i >= count) continue;
      require<ConfigError>(label < options.captions.size(), "'{}': image {} has label {}, and --names has {} names",
                           labels.path().string(), i, label, options.captions.size());
      captions.push_back(options.captions[label]);
    }
    labels.require_end();
  }

  IdxFile images, labels;
  int64_t count = 0;  // of the images that are wanted
  int64_t side = 0;   // of the store's images
  std::vector<std::string> captions;
};

// The next images, [n, side, side, 3].
at::Tensor read_images(IdxPair& pair, int64_t count) {
  const int64_t height = pair.images.shape()[1], width = pair.images.shape()[2];
  const int64_t channels = pair.images.shape().size() == 3 ? 1 : kPixelChannels;
  const auto images = at::empty({count, height, width, channels}, at::kByte);
  pair.images.read({images.data_ptr<uint8_t>(), images.nbytes()});
  const int64_t above = (pair.side - height) / 2, beside = (pair.side - width) / 2;
  return at::constant_pad_nd(images, {0, 0, beside, beside, above, above}, 0).expand({-1, -1, -1, kPixelChannels});
}

StoreContents header_of(const IdxPair& pair, const IdxOptions& options) {
  return {.kind = "images",
          .provenance = {{"source", "fgm data idx"},
                         {"images", options.images.string()},
                         {"labels", options.labels.string()},
                         {"names", options.captions},
                         {"resolution", pair.side}},
          .prompts = pair.captions};
}

}  // namespace

void check_idx(const IdxOptions& options) {
  check_output_file(options.out);
  IdxPair pair(options);
}

int64_t import_idx(const IdxOptions& options) {
  check_output_file(options.out);
  IdxPair pair(options);
  StoreWriter writer(options.out, header_of(pair, options), {pair.side, pair.side, kPixelChannels});
  const int64_t at_once = std::max<int64_t>(1, kPixelsAtOnce / (pair.side * pair.side));
  for (int64_t first = 0; first < pair.count; first += at_once) {
    writer.append(read_images(pair, std::min(at_once, pair.count - first)));
  }
  if (pair.count == pair.images.shape()[0]) pair.images.require_end();
  writer.commit();
  return pair.count;
}

}  // namespace fgm
