#include "data/import/cifar10.h"

#include <array>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/pixels.h"

namespace fgm {
namespace {

constexpr int64_t kSide = 32, kImageBytes = kPixelChannels * kSide * kSide, kRecordBytes = 1 + kImageBytes;

// CIFAR-10's classes in the order of their labels.
constexpr std::array kClasses = {"airplane", "automobile", "bird",  "cat",  "deer",
                                 "dog",      "frog",       "horse", "ship", "truck"};

std::vector<std::string> batch_names(CifarSplit split) {
  if (split == CifarSplit::kTest) return {"test_batch.bin"};
  return {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
}

}  // namespace

StoreContents read_cifar10(const std::filesystem::path& folder, CifarSplit split) {
  StoreContents contents{.kind = "images",
                         .provenance = {{"source", "fgm data cifar10"},
                                        {"folder", std::filesystem::absolute(folder).lexically_normal().string()},
                                        {"split", split == CifarSplit::kTest ? "test" : "train"}},
                         .prompts = {},
                         .images_NHWC = {}};
  std::vector<at::Tensor> batches;
  for (const auto& name : batch_names(split)) {
    const auto path = (folder / name).string();
    auto bytes = read_file(path);
    const auto size = std::ssize(bytes);
    require<IoError>(size > 0 && size % kRecordBytes == 0,
                     "{} has {} bytes, which is no number of records of {}: give the folder of CIFAR-10's binary "
                     "version (cifar-10-batches-bin)",
                     path, size, kRecordBytes);
    const auto records = at::from_blob(bytes.data(), {size / kRecordBytes, kRecordBytes}, at::kByte);
    for (int64_t i = 0; i < records.size(0); ++i) {
      const auto label = static_cast<unsigned char>(bytes[static_cast<size_t>(i * kRecordBytes)]);
      require<IoError>(label < kClasses.size(), "{}: record {} has the label {}, and CIFAR-10 has {} classes", path, i,
                       label, kClasses.size());
      contents.prompts.push_back(kClasses[label]);
    }
    const auto planes = records.narrow(1, 1, kImageBytes).reshape({-1, kPixelChannels, kSide, kSide});
    batches.push_back(planes.permute({0, 2, 3, 1}).contiguous());
  }
  contents.images_NHWC = at::cat(batches);
  return contents;
}

}  // namespace fgm
