#include "launch/job/distill_start.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/flow/student_generator.h"
#include "core/methods/distill_loss.h"
#include "core/train/roles.h"
#include "data/import/prompt_list.h"
#include "data/pipeline/store_batch_source.h"
#include "launch/coordinator/resume.h"
#include "launch/job/distill_networks.h"
#include "launch/job/held_out_scores.h"
#include "launch/job/network_start.h"
#include "launch/job/training_data.h"
#include "launch/job/training_run.h"
#include "launch/runtime/run_folder.h"
#include "launch/sampling/image_sampler.h"
#include "launch/text/text_encoder.h"
#include "launch/weights/decoder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// Whether the path of `key` is missing where it may be: a plan is made before weights and store are there, and notes
// what is missing instead of opening it. What the command line names must be there.
bool is_missing(const std::string& key, const std::string& path, const StartContext& context, DistillStart& start) {
  std::error_code ignored;
  const bool is_unset = path.empty();
  const bool is_there = !is_unset && fs::status(path, ignored).type() != fs::file_type::not_found;
  if (is_there || !context.may_lack || !context.may_lack(key)) return false;
  start.missing.push_back(is_unset ? fmt::format("{} is not set", key)
                                   : fmt::format("{} = {} is not there yet", key, path));
  return true;
}

// Whether batches hold what data.store has beside captions.
bool has_images_from_store(const MethodConfig& method) {
  return needs_images(method) || method.is_regression();
}

bool is_store_missing(const StartContext& context, DistillStart& start) {
  const std::string& list = start.config.data.store;
  if (list.empty()) return is_missing("data.store", list, context, start);
  return std::ranges::count_if(files_of_stores(list), [&](const auto& file) {
           return is_missing("data.store", file.string(), context, start);
         }) > 0;
}

// What a regression's student learns is the guidance of its pairs, whatever the user gave; exports tell it.
void adopt_guidance(const StoreSet& pairs, MethodConfig& method) {
  const auto guidance_of = [](const Store& store) { return store.provenance().value("guidance", nlohmann::json()); };
  const auto& first = pairs.stores()[0];
  const auto guidance = guidance_of(first);
  for (const auto& store : pairs.stores()) {
    require<ConfigError>(guidance_of(store) == guidance,
                         "'{}' holds pairs of guidance {}, and '{}' of {}; give data.store files of one guidance",
                         store.path().string(), guidance_of(store).dump(), first.path().string(), guidance.dump());
  }
  if (guidance.is_number()) method.teacher_guidance = guidance.get<double>();
}

void open_text(const StartContext& context, DistillStart& start) {
  TextConfig& text = start.config.text;
  const auto stores = text.stores();
  const auto num_missing =
      std::ranges::count_if(stores, [&](const auto& path) { return is_missing("text.store", path, context, start); });
  if (num_missing > 0) text.store.clear();
  if (!text.model.empty() && is_missing("text.model", text.model, context, start)) text.model.clear();
  text = with_encoders(text);
}

void open_captions(const StartContext& context, DistillStart& start) {
  const Config& config = start.config;
  const std::string& list = config.method.captions;
  if (list.empty()) {
    if (is_store_missing(context, start)) return;
    start.stores = open_stores(config.data);
    if (config.method.is_regression()) adopt_guidance(*start.stores, start.config.method);
    start.captions = {start.stores->place(), start.stores, start.stores->digest()};
    return;
  }
  require<ConfigError>(!has_images_from_store(config.method),
                       "method.captions = {}: this method.loss has its captions from data.store, beside its images; "
                       "leave method.captions empty",
                       list);
  if (list != kScenes && is_missing("method.captions", list, context, start)) return;
  auto texts = captions_of(read_prompt_list(list, {.key = "method.captions"}).prompts);
  auto digest = digest_texts(texts).hex();
  start.captions = {list, std::make_shared<const CaptionList>(std::move(texts)), std::move(digest)};
}

void open_teacher(const StartContext& context, DistillStart& start) {
  Config& config = start.config;
  require<ConfigError>(
      !config.teacher.weights.empty(),
      "teacher.weights is not set; give the run folder of `fgm train`, Stable Diffusion 3 weights, or a U-Net's file");
  const auto place = context.find_weights(config.teacher.weights, role::kTeachers);
  start.teacher = open_weights(place);
  adopt_teacher_settings(*start.teacher, config);
  require_network(config.model, *start.teacher->source);
  if (!config.run.makes_images()) return;
  start.decoder = find_decoder(config.sample.vae, place.path, *start.teacher);
  if (start.decoder || !makes_latents(config.model)) return;
  require<ConfigError>(config.run.eval_every == 0,
                       "run.eval_every = {}: there is no autoencoder for the latents (sample.vae)",
                       config.run.eval_every);
  spdlog::warn("no sample grids: there is no autoencoder for the latents (sample.vae)");
  config.run.sample_every = 0;
}

void choose_sample_shape(const StartKey& student, DistillStart& start) {
  const MethodConfig& method = start.config.method;
  const auto& shape = start.teacher->info.sample_shape;
  const std::vector<int64_t> given = {shape[0], method.sample_size, method.sample_size};
  start.sample_shape = method.sample_size > 0 ? given : shape;
  const std::string what =
      method.sample_size > 0
          ? "method.sample_size"
          : fmt::format("{}: its sample size (method.sample_size is another choice)", start.teacher->source->place());
  check_image_size(start.config.model, start.sample_shape[1], start.sample_shape[2], what);
  if (method.sample_size > 0 || !start.student) return;
  const auto& of_start = start.student->info.sample_shape;
  require<ConfigError>(of_start == shape,
                       "{} = {} makes images of {}, the teacher of {}; method.sample_size can say which", student.key,
                       student.value, fmt::join(of_start, " x "), fmt::join(shape, " x "));
}

// Requires what the values of the method's keys mean for this student and these data.
void check_method(const DistillStart& start) {
  const MethodConfig& method = start.config.method;
  check_mean(generator_of(method), start.sample_shape[0]);
  if (!start.stores || !has_images_from_store(method)) return;
  const Store& store = start.stores->stores()[0];  // the others hold images of its size
  const auto chw = method.is_regression() ? store.sample_shape() : network_shape(store);
  require<ConfigError>(chw == start.sample_shape,
                       "{}: its {} are {} (channels x height x width), and the student makes {}", store.path().string(),
                       store.kind(), fmt::join(chw, " x "), fmt::join(start.sample_shape, " x "));
  if (!store.has_latents()) return;
  require<ConfigError>(store.latent_info().buckets.size() == 1,
                       "{}: its latents have {} sizes, and the student makes one; encode images without --buckets",
                       store.path().string(), store.latent_info().buckets.size());
  if (start.decoder) require_same_vae(store, *start.decoder);
}

BatchSourceOptions batch_options(const Config& config, int64_t rank, int64_t num_ranks) {
  return {.global_batch = config.method.batch,
          .rank = rank,
          .world = num_ranks,
          .seed = static_cast<uint64_t>(config.run.seed),
          .needs_images = needs_images(config.method),
          .needs_pairs = config.method.is_regression(),
          .prefetch = config.data.prefetch,
          .max_bad = config.data.max_bad};
}

void check_batches_and_captions(const DistillStart& start, const StartContext& context) {
  const Config& config = start.config;
  // A plan may be for more ranks than there are now.
  const auto batches = batch_options(config, /*rank=*/0, std::max(context.num_ranks, config.mesh.shard));
  start.stores ? check_batches(*start.stores, batches) : check_batches(batches);
  const bool is_fixed = start.teacher && !start.teacher->is_external;
  check_captions(*start.captions->texts, config.text, start.captions->place, is_fixed);
}

void open_reference(const StartContext& context, DistillStart& start) {
  const Config& config = start.config;
  const bool is_wanted = config.run.eval_every > 0 && start.teacher;
  if (!is_wanted || is_missing("run.eval_reference", config.run.eval_reference, context, start)) return;
  const auto shape = image_shape(start.sample_shape, start.decoder ? &start.decoder->config : nullptr);
  start.held_out = open_held_out(config.run, config.text, shape, !start.teacher->is_external);
}

}  // namespace

DistillStart check_distillation(const Config& given, const StartContext& context) {
  DistillStart start{.config = given};
  const Config& config = start.config;
  const bool has_run = !config.run.dir.empty();  // the folder is made by the start
  if (has_run || !is_missing("run.dir", "", context, start)) check_run_folder(config);
  open_text(context, start);
  open_captions(context, start);
  if (!is_missing("teacher.weights", config.teacher.weights, context, start)) open_teacher(context, start);
  const StartKey of_student = open_starts(context, start);
  if (start.captions) check_batches_and_captions(start, context);
  if (start.teacher) {
    choose_sample_shape(of_student, start);
    check_method(start);
  }
  open_reference(context, start);
  if (start.missing.empty()) {
    check_resume(context, saved_run(start), config.method.steps);
  } else if (config.run.resume != "never") {
    resume_candidates("", config.run.resume);  // requires that a PATH is there
  }
  return start;
}

SavedRun saved_run(const DistillStart& start) {
  const Config& config = start.config;
  return {.command = "distill",
          .config = config,
          .sample_shape = start.sample_shape,
          .threads = 1,
          .store = start.captions->place,
          .store_size = start.captions->texts->size(),
          .captions_xxh128 = config.method.captions.empty() ? "" : start.captions->digest,
          .samples_per_step = config.method.batch * config.method.batches_per_step(),
          .teacher = std::nullopt};
}

StoreBatchSource batch_source(const DistillStart& start, std::shared_ptr<const TextEncoder> encoder,
                              const World& world) {
  auto options = batch_options(start.config, world.rank(), world.size());
  options.wait = wait_unless_stopped(world);
  options.is_pinned = world.device().is_cuda();
  if (start.stores) return {start.stores, std::move(encoder), options};
  return {start.captions->texts, std::move(encoder), options};
}

}  // namespace fgm
