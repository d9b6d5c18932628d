#include "launch/cli/encode_images.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/io/lock_file.h"
#include "core/io/output_path.h"
#include "launch/cli/output.h"
#include "launch/cli/pack_options.h"
#include "launch/text/encode_images.h"
#include "launch/weights/decoder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPatch = 2;  // of every released Stable Diffusion 3
constexpr int64_t kLatentResolution = 512;

// What the user asked for.
struct LatentRequest {
  std::string vae;
  fs::path out;
  std::vector<std::string> stores;  // of images that are packed already
  PackOptions pack;                 // of others
  at::ScalarType dtype;
  std::optional<uint64_t> sample_seed;
};

// While a folder or archives are packed, and while their images are encoded.
fs::path packed_folder(const fs::path& out, const char* ending) {
  fs::path folder = out;
  folder += ending;
  return folder;
}

LatentRequest latent_request_of(const Flags& flags, const VaeConfig& vae, const World& world) {
  LatentRequest request{.vae = flags.text("vae"),
                        .out = flags.text("out"),
                        .stores = {},
                        .pack = pack_options(flags),
                        .dtype = flags.choice<at::ScalarType>("dtype", kStoreDtypes, at::kHalf),
                        .sample_seed = {}};
  require<ConfigError>(is_file_name(request.out, {".h5"}), "--out {}: a store of latents ends in .h5",
                       request.out.string());
  const auto images = flags.text("images");
  if (images.ends_with(".h5")) {
    for (const char* flag : {"resolution", "buckets", "captions", "column", "max-pixels", "max-bad"}) {
      require<ConfigError>(!flags.has(flag), "--{} is of a folder or archives; the images of {} have their sizes", flag,
                           images);
    }
    request.stores = split(images, ',');
    return request;
  }
  request.pack.resolution = flags.whole_number("resolution", kLatentResolution);
  request.pack.out = packed_folder(request.out, ".packing");
  request.pack.num_threads = world.num_threads();
  request.pack.should_stop = [&world] { return world.has_stop_signal(); };
  const int64_t multiple = vae.downscale() * kPatch;
  const auto sizes = aspect_buckets(request.pack.resolution, multiple);
  const auto square = CropSize{request.pack.resolution, request.pack.resolution};
  request.pack.sizes = flags.has("buckets") ? sizes : std::vector{square};
  return request;
}

// Packs the images of a folder or of archives into a folder of stores, which gets its name when it is whole.
void pack_into(const PackOptions& options, const fs::path& packed) {
  fs::remove_all(options.out);
  const auto report = pack_images(options);
  for (const auto& image : report.skipped) spdlog::warn("skipped {}", image);
  spdlog::info("{}: {}", options.images.string(), report.summary());
  fs::rename(options.out, packed);
}

void require_packed_with(const PackOptions& options, const Store& store, const fs::path& packed) {
  const auto wanted = pack_provenance(options);
  for (const auto& [key, value] : wanted.items()) {
    require<ConfigError>(store.provenance().value(key, nlohmann::json()) == value,
                         "'{}' was packed with {} = {}, and {} is asked for; go on with what was begun, or remove it",
                         packed.string(), key, store.provenance().value(key, nlohmann::json()).dump(), value.dump());
  }
}

// The stores of the packed images, one a size, in the order of their names.
std::vector<Store> open_packed(const LatentRequest& request, World& world) {
  const auto packed = packed_folder(request.out, ".images");
  on_first_rank(world.control(), [&] {
    if (!fs::exists(packed)) pack_into(request.pack, packed);
  });
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(packed)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Store> stores;
  for (const auto& path : paths) {
    stores.emplace_back(path);
    require_packed_with(request.pack, stores.back(), packed);
  }
  require<ConfigError>(!stores.empty(), "'{}' is empty; remove it", packed.string());
  return stores;
}

std::vector<Store> open_stores(const LatentRequest& request) {
  std::vector<Store> stores;
  for (const auto& path : request.stores) stores.emplace_back(path);
  return stores;
}

LatentInfo latents_of(const LatentRequest& request, const Sd3Vae& vae, const ImagesBySize& images) {
  LatentInfo info{.buckets = images.buckets(),
                  .channels = vae.config.latent_channels,
                  .downscale = vae.config.downscale(),
                  .has_logvar = !request.sample_seed,
                  .dtype = request.dtype,
                  .provenance = {{"tool", "fgm encode"},
                                 {"version", version()},
                                 {"weights", request.vae},
                                 {"vae", vae_identity(vae)},
                                 {"images", images.digests()}}};
  if (request.sample_seed) info.provenance["sample_seed"] = *request.sample_seed;
  if (request.stores.empty()) info.provenance["packed"] = pack_provenance(request.pack);
  return info;
}

std::string bytes_of_latents(const LatentInfo& info) {
  std::string text;
  double bytes = 0;
  for (size_t i = 0; i < info.buckets.size(); ++i) {
    const auto& bucket = info.buckets[i];
    const auto values = static_cast<double>(c10::multiply_integers(info.row_shape(i)));
    const double each = values * static_cast<double>(c10::elementSize(info.dtype));
    bytes += each * static_cast<double>(bucket.size);
    text += fmt::format("{} images of {}: {} each\n", bucket.size, bucket.name(), human_bytes(each));
  }
  return text + fmt::format("{} images: {} in all\n", info.size(), human_bytes(bytes));
}

int encode_stores(const LatentRequest& request, const Sd3Vae& vae, const ImagesBySize& images, World& world) {
  const auto info = latents_of(request, vae, images);
  require_same_lines(world.control(), fmt::format("autoencoder = {}\nimages = {}", info.provenance["vae"].dump(),
                                                  info.provenance["images"].dump()));
  on_first_rank(world.control(), [&] {
    LatentWriter::prepare(request.out, info, images.prompts());
    spdlog::info("{}: {} images of {} sizes", request.out.string(), info.size(), info.buckets.size());
  });
  const bool is_done = encode_images(images, vae, request.sample_seed, LatentWriter(request.out), world);
  world.control().barrier();  // Every rank has written and closed the file, which rank 0 now reads.
  if (!is_done) {
    if (world.is_first()) {
      spdlog::error("interrupted; the same command goes on with {}", LatentWriter::partial_of(request.out).string());
    }
    return kExitRequeue;
  }
  on_first_rank(world.control(), [&] {
    LatentWriter::finish(request.out);
    if (request.stores.empty()) fs::remove_all(packed_folder(request.out, ".images"));
    spdlog::info("the latents are in {}", request.out.string());
  });
  return kExitDone;
}

}  // namespace

int encode_images_on(World& world, const Invocation& invocation) {
  const auto& flags = invocation.flags;
  const Sd3Vae vae = open_sd3_vae(flags.text("vae"));
  auto request = latent_request_of(flags, vae.config, world);
  if (flags.has("sample")) request.sample_seed = static_cast<uint64_t>(invocation.config.run.seed);
  on_first_rank(world.control(), [&] {
    check_output_file(request.out);
    for (const auto& store : request.stores) check_not_replaced(request.out, "--images", store);
  });
  const bool is_packed = !request.stores.empty();
  if (invocation.is_dry_run && !is_packed) {
    on_first_rank(world.control(), [&] { check_pack(request.pack); });
    return kExitDone;
  }
  std::optional<LockFile> lock;
  if (!invocation.is_dry_run) on_first_rank(world.control(), [&] { lock.emplace(request.out); });
  const ImagesBySize images(is_packed ? open_stores(request) : open_packed(request, world), vae.config);
  if (!invocation.is_dry_run) return encode_stores(request, vae, images, world);
  on_first_rank(world.control(), [&] { print_out(bytes_of_latents(latents_of(request, vae, images))); });
  return kExitDone;
}

}  // namespace fgm
