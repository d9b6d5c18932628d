#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/fields.h"

namespace fgm {
namespace {

struct Case {
  const char* key;
  const char* value;
  const char* message;
};

// The one message of each kind of limit, and a value of every key that has one.
const Case kImpossible[] = {
    {"method.init_time", "1.5", "method.init_time = 1.5 is not in (0, 1]"},
    {"method.init_time", "0", "method.init_time = 0 is not in (0, 1]"},
    {"optimizer.lr", "0", "optimizer.lr = 0 is not above 0"},
    {"student.beta1", "1", "student.beta1 = 1 is not in [0, 1)"},
    {"estimator.beta2", "-0.1", "estimator.beta2 = -0.1 is not in [0, 1)"},
    {"student.ema", "1", "student.ema = 1 is not in [0, 1)"},
    {"student.ema", "", "student.ema is empty; 0 means no average"},
    {"optimizer.ema", "0.9,0.99,1", "optimizer.ema = 1 is not in [0, 1)"},
    {"estimator.ema", "0.9,0", "estimator.ema = 0.9,0: 0 means no average and stands alone; take it out of the list"},
    {"student.ema", "0.9, 0.99, 0.90",
     "student.ema = 0.9,0.99,0.9 has the decay 0.9 twice, and averages are told apart by their decays"},
    {"estimator.eps", "0", "estimator.eps = 0 is not above 0"},
    {"optimizer.clip", "-1", "optimizer.clip = -1 is negative; 0 means no clipping"},
    {"optimizer.weight_decay", "-1", "optimizer.weight_decay = -1 is negative"},
    {"optimizer.warmup", "-1", "optimizer.warmup = -1 is negative"},
    {"train.time_std", "0", "train.time_std = 0 is not above 0"},
    {"method.time_std", "-1", "method.time_std = -1 is not above 0"},
    {"train.steps", "0", "train.steps = 0 is not at least 1"},
    {"train.batch", "0", "train.batch = 0 is not at least 1"},
    {"train.caption_dropout", "1.1", "train.caption_dropout = 1.1 is not in [0, 1]"},
    {"method.estimator_steps", "0", "method.estimator_steps = 0 is not at least 1"},
    {"method.estimator_warmup", "1000000",
     "method.estimator_warmup = 1000000 leaves none of method.steps = 300 to the student"},
    {"method.teacher_guidance", "-1", "method.teacher_guidance = -1 is negative; 1 means no guidance"},
    {"run.seed", "-1", "run.seed = -1 is negative"},
    {"run.log_every", "0", "run.log_every = 0 is not at least 1"},
    {"model.head_width", "0", "model.head_width = 0 is not at least 1"},
    {"model.dual_attention_blocks", "4",
     "model.dual_attention_blocks names block 4, which is not one of 0 to 3 (model.depth = 4)"},
    {"model.dual_attention_blocks", "1,1", "model.dual_attention_blocks names block 1 twice"},
    {"model.context_width", "32", "model.context_width = 32 differs from text.context_width = 64"},
    {"sample.steps", "0", "sample.steps = 0 is not at least 1"},
    {"shapes.resolution", "16", "shapes.resolution = 16 is not in [24, 32]"},
};

TEST(Validate, ImpossibleValueIsAnErrorNamingKeyValueAndLimit) {
  for (const auto& impossible : kImpossible) {
    Config config;
    set(config, {impossible.key, impossible.value, ""});
    try {
      config.validate();
      ADD_FAILURE() << impossible.key << " = " << impossible.value << " was accepted";
    } catch (const ConfigError& error) {
      EXPECT_STREQ(error.what(), impossible.message);
    }
  }
}

TEST(Validate, AUNetOfClassesNeedsTheirNames) {
  Config config;
  config.model = UNetConfig{.num_classes = 3};
  config.text.pooled_width = 3;
  EXPECT_THROW(config.validate(), ConfigError);
  config.text.labels = "cat, dog, ship";
  EXPECT_NO_THROW(config.validate());
}

TEST(Validate, DefaultsArePossible) {
  EXPECT_NO_THROW(Config().validate());
}

}  // namespace
}  // namespace fgm
