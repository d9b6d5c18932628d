#include "core/config/config.h"

#include "core/base/error.h"

namespace fgm {

void Config::visit(FieldVisitor& v) {
  run.visit(v);
  mesh.visit(v);
  parallel.visit(v);
  data.visit(v);
  text.visit(v);
  model.visit(v);
  train.visit(v);
  teacher.visit(v);
  method.visit(v);
  sample.visit(v);
  eval.visit(v);
  shapes.visit(v);
}

void Config::validate() const {
  run.validate();
  mesh.validate();
  parallel.validate();
  data.validate();
  text.validate();
  model.validate();
  train.validate();
  teacher.validate();
  method.validate();
  sample.validate();
  eval.validate();
  shapes.validate();
  if (text.has_embeddings() && text.encoders.empty()) return;  // widths that the store or model has still to say
  require<ConfigError>(model.context_width() == 0 || model.context_width() == text.context_width,
                       "model.context_width = {} differs from text.context_width = {}", model.context_width(),
                       text.context_width);
  const char* key = model.kind == ModelKind::kUNet ? "num_classes" : "pooled_width";
  require<ConfigError>(model.pooled_width() == 0 || model.pooled_width() == text.pooled_width,
                       "model.{} = {} differs from text.pooled_width = {}", key, model.pooled_width(),
                       text.pooled_width);
  require<ConfigError>(model.kind != ModelKind::kUNet || model.unet.num_classes == 0 || !text.label_names().empty(),
                       "model.num_classes = {} needs text.labels, the classes' names in the network's order",
                       model.unet.num_classes);
}

}  // namespace fgm
