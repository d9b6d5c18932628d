#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/eval/shapes/detector.h"
#include "core/eval/shapes/request.h"
#include "core/eval/shapes/undecided.h"

namespace fgm::shapes {

// GenEval's rule for "a <relation> b" (evaluate_images.py, relative_position): the offset of the centres,
// less a tenth of the two widths on each axis, has more than half of the offset's length in the named
// direction. A diagonal neighbour may be both left and above.
bool holds(Relation relation, const Detection& a, const Detection& b);

// Whether an image with these shapes is what was asked for: of each object the exact count, in the named
// colour, in the named relation, and nothing else. In GenEval an extra object fails only in counting, and
// there only one of the counted class. Here it fails everywhere: GenEval chooses from 80 classes and we from 3, so a
// image cluttered with one shape of each kind would pass half of the captions unread.
bool is_faithful(const Request& request, std::span<const Detection> detections);

// What the detector says of one image.
struct Judgement {
  Category category;  // of its caption
  bool is_faithful = false;
  // Which kind stands at which place of the lattice, sorted; of a free place on the lattice the nearest one.
  std::vector<int> layout = {};
  ObjectCount objects = {};
};

// Judges image i against prompts[i]; images uint8 [N, S, S, 3]. Nothing unless every prompt is a caption of
// the grammar (photographs have no exact detector), nor without any prompt.
std::optional<std::vector<Judgement>> judge(std::span<const std::string> prompts, const at::Tensor& images_NHWC);

struct CategoryScore {
  Category category;
  int64_t num_images = 0;
  int64_t num_faithful = 0;

  double value() const { return static_cast<double>(num_faithful) / static_cast<double>(num_images); }
};

struct Scores {
  std::vector<CategoryScore> categories;  // those that occur, in the order of Category

  // GenEval's overall: the mean of the categories' scores, however many images each has.
  double overall() const;
};

Scores scores_of(std::span<const Judgement> judgements);

// scores_of() what judge() says, and nothing where that says nothing.
std::optional<Scores> score(std::span<const std::string> prompts, const at::Tensor& images_NHWC);

}  // namespace fgm::shapes
