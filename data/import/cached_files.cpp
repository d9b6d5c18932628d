#include "data/import/internal/cached_files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <regex>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "core/io/npz.h"
#include "core/io/torch_file.h"
#include "data/import/internal/caption_rules.h"

// N prompts, L context tokens, J context width, P pooled width
namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEmbeddingsEnding = "_sd3_te.npz", kLatentsEnding = "_sd3.npz";
constexpr int64_t kClipTokens = 77;

using Names = std::vector<std::string>;
using Arrays = std::map<std::string, at::Tensor>;

const Names kPromptKeys = {"prompts", "prompt", "captions", "caption"};

bool is_torch_name(const fs::path& path) {
  return path.extension() == ".pt" || path.extension() == ".pth";
}

std::vector<fs::path> find_cached(const fs::path& from, std::string_view ending) {
  const auto is_wanted = [&](const fs::path& path) {
    return path.filename().string().ends_with(ending) || is_torch_name(path);
  };
  std::error_code error, ignored;
  std::vector<fs::path> paths;
  if (!fs::is_directory(from)) {
    require<ConfigError>(is_wanted(from), "--from {} is neither a folder nor a file *{}, *.pt or *.pth", from.string(),
                         ending);
    return {from};
  }
  for (auto it = fs::recursive_directory_iterator(from, error); !error && it != fs::recursive_directory_iterator();
       it.increment(error)) {
    if (is_of_tools(it->path().filename())) {
      it.disable_recursion_pending();
    } else if (is_wanted(it->path()) && !it->is_directory(ignored)) {
      paths.push_back(it->path());
    }
  }
  if (error) throw IoError(fmt::format("cannot read the folder '{}'", from.string()), error);
  require<ConfigError>(!paths.empty(), "--from '{}' holds no files *{} of sd-scripts, and none *.pt or *.pth",
                       from.string(), ending);
  std::ranges::sort(paths);
  return paths;
}

// The array, of `num_dims` dimensions, that has the first of `names` that is there.
at::Tensor find_array(const Arrays& arrays, const Names& names, int64_t num_dims, const fs::path& path) {
  const auto name = std::ranges::find_if(names, [&](const auto& each) { return arrays.contains(each); });
  require<IoError>(name != names.end(), "{}: it has no '{}'", path.string(), fmt::join(names, "' or '"));
  const auto& array = arrays.at(*name);
  require<IoError>(at::isFloatingType(array.scalar_type()) && array.dim() == num_dims && array.numel() > 0,
                   "{}: '{}' is {} [{}], not floating-point numbers of {} dimensions", path.string(), *name,
                   at::toString(array.scalar_type()), fmt::join(array.sizes(), ", "), num_dims);
  return array;
}

// What sd-scripts encodes of a caption file. An empty one is the empty prompt.
std::string caption_beside(const fs::path& npz, size_t ending) {
  const auto name = npz.string();
  const auto stem = name.substr(0, name.size() - ending);
  for (const auto& text_ending : caption_endings(CaptionSource::kFile)) {
    const auto file = stem + text_ending;
    std::error_code ignored;
    if (!fs::exists(file, ignored)) continue;
    const auto bytes = read_file(file);
    const auto lines = lines_of(decode_text(bytes, file));
    return lines.empty() ? "" : to_nfc(trim(lines.front()));
  }
  throw IoError(fmt::format("{}: there is no caption beside it, {}.txt", name, stem));
}

Arrays read_arrays(const TorchFile& file, const Names& names, const fs::path& path) {
  Arrays arrays;
  for (const auto& info : file.tensors()) {
    if (std::ranges::find(names, info.name) == names.end()) continue;
    require<IoError>(info.unread_dtype.empty() && info.num_bytes <= fs::file_size(path),
                     "{}: '{}' is of another type than floats, or larger than the file", path.string(), info.name);
    auto array = at::empty(info.shape, info.dtype);
    file.read(info.name, 0, array);
    arrays.emplace(info.name, std::move(array));
  }
  return arrays;
}

std::vector<std::string> read_cached_prompts(const TorchFile& file, int64_t num_rows, const fs::path& path) {
  auto prompts = file.texts(kPromptKeys);
  require<IoError>(!prompts.empty(), "{}: it has no text or list of texts '{}'", path.string(),
                   fmt::join(kPromptKeys, "' or '"));
  require<IoError>(std::ssize(prompts) == num_rows, "{}: it has {} prompts and {} rows", path.string(), prompts.size(),
                   num_rows);
  for (auto& prompt : prompts) prompt = to_nfc(trim(decode_text(prompt, path.string() + ": a prompt")));
  return prompts;
}

CachedEmbeddings read_sd_scripts_embeddings(const fs::path& path) {
  const Arrays arrays = read_npz(path);
  for (const char* flag : {"apply_lg_attn_mask", "apply_t5_attn_mask"}) {
    const auto found = arrays.find(flag);
    require<IoError>(found == arrays.end() || !found->second.any().item<bool>(),
                     "{}: it was encoded with an attention mask ({}), and SD3's pipelines have none; cache it without",
                     path.string(), flag);
  }
  const auto row = [&](const char* name, int64_t num_dims) {
    return find_array(arrays, {name}, num_dims, path).unsqueeze(0);
  };
  return {.prompts = {caption_beside(path, kEmbeddingsEnding.size())},
          .shape = {},
          .rows = {.clip = row("lg_out", 2), .t5 = row("t5_out", 2), .pooled = row("lg_pooled", 1)}};
}

// CLIP's rows are those that diffusers puts above T5's: as wide as the pooled vectors, which come of the same widths,
// and zero beyond.
CachedEmbeddings read_torch_embeddings(const fs::path& path) {
  const TorchFile file(path);
  const Names contexts = {"prompt_embeds", "context"}, pooleds = {"pooled_prompt_embeds", "pooled"};
  Names wanted = contexts;
  wanted.insert(wanted.end(), pooleds.begin(), pooleds.end());
  const Arrays arrays = read_arrays(file, wanted, path);
  const auto context_NLJ = find_array(arrays, contexts, 3, path), pooled_NP = find_array(arrays, pooleds, 2, path);
  const int64_t length = context_NLJ.size(1), width = context_NLJ.size(2), clip_width = pooled_NP.size(1);
  require<IoError>(context_NLJ.size(0) == pooled_NP.size(0) && length > kClipTokens && clip_width <= width,
                   "{}: context [{}] and pooled [{}] are not [N, 77 + T, J] and [N, P]", path.string(),
                   fmt::join(context_NLJ.sizes(), ", "), fmt::join(pooled_NP.sizes(), ", "));
  const auto clip = context_NLJ.narrow(1, 0, kClipTokens);
  require<IoError>(clip.narrow(2, clip_width, width - clip_width).count_nonzero().item<int64_t>() == 0,
                   "{}: the first 77 rows of its context are not zero beyond {} values, so they are no CLIP's",
                   path.string(), clip_width);
  return {.prompts = read_cached_prompts(file, pooled_NP.size(0), path),
          .shape = {},
          .rows = {.clip = clip.narrow(2, 0, clip_width),
                   .t5 = context_NLJ.narrow(1, kClipTokens, length - kClipTokens),
                   .pooled = pooled_NP}};
}

}  // namespace

std::vector<fs::path> find_cached_embeddings(const fs::path& from) {
  return find_cached(from, kEmbeddingsEnding);
}

std::vector<fs::path> find_cached_latents(const fs::path& from) {
  return find_cached(from, kLatentsEnding);
}

CachedEmbeddings read_cached_embeddings(const fs::path& path) {
  auto cached = is_torch_name(path) ? read_torch_embeddings(path) : read_sd_scripts_embeddings(path);
  const auto& rows = cached.rows;
  cached.shape = {.clip_tokens = rows.clip.size(1),
                  .clip_width = rows.clip.size(2),
                  .t5_tokens = rows.t5.size(1),
                  .t5_width = rows.t5.size(2),
                  .pooled_width = rows.pooled.size(1),
                  .context_width = rows.t5.size(2)};
  require<IoError>(cached.shape.clip_width <= cached.shape.context_width,
                   "{}: its CLIP rows are {} wide and T5's {}, which SD3 has the other way round", path.string(),
                   cached.shape.clip_width, cached.shape.context_width);
  return cached;
}

CachedLatents read_cached_latents(const fs::path& path) {
  CachedLatents cached;
  if (is_torch_name(path)) {
    const TorchFile file(path);
    const auto latents = find_array(read_arrays(file, {"latents"}, path), {"latents"}, 4, path);
    return {.prompts = read_cached_prompts(file, latents.size(0), path), .latents = latents.unbind()};
  }
  // image_1024x0768_sd3.npz has the latents of image.png, 1024 pixels wide. In it are those of one size or several by
  // their own heights and widths, or, as older versions wrote it, of one without; their mirror images are left out.
  static const std::regex name(R"(_\d{1,9}x\d{1,9}_sd3\.npz$)"), key(R"(latents(_\d{1,9}x\d{1,9})?)");
  const auto file_name = path.filename().string();
  std::smatch ending;
  require<IoError>(std::regex_search(file_name, ending, name),
                   "{}: its name does not end in the image's size, as those of sd-scripts do (_1024x0768_sd3.npz)",
                   path.string());
  const Arrays arrays = read_npz(path);
  const auto caption = caption_beside(path, static_cast<size_t>(ending.length()));
  for (const auto& entry : arrays) {
    if (!std::regex_match(entry.first, key)) continue;
    cached.latents.push_back(find_array(arrays, {entry.first}, 3, path));
    cached.prompts.push_back(caption);
  }
  require<IoError>(!cached.prompts.empty(), "{}: it has no 'latents_<h>x<w>' or 'latents'", path.string());
  return cached;
}

}  // namespace fgm
