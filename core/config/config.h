#pragma once

#include "core/config/sections.h"

namespace fgm {

// A whole run: what one config file holds, whichever of its sub-commands reads it.
struct Config {
  RunConfig run;
  MeshConfig mesh;
  ParallelConfig parallel;
  DataConfig data;
  TextConfig text;
  ModelConfig model;
  TrainConfig train;
  TeacherConfig teacher;
  MethodConfig method;
  SampleConfig sample;
  EvalConfig eval;
  ShapesConfig shapes;

  void visit(FieldVisitor& v);
  // ConfigError naming the first key whose value is impossible, alone or beside another.
  void validate() const;
};

}  // namespace fgm
