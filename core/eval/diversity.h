#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/eval/captions.h"
#include "core/eval/resampling.h"
#include "core/eval/shapes/faithfulness.h"

namespace fgm {

// The expected number of different kinds among `num_drawn` things that are drawn without replacement from counts[k] of
// kind k (Hurlbert, The Nonconcept of Species Diversity, 1971): sum over k of 1 - C(n - counts[k], num_drawn) / C(n,
// num_drawn) of n in all, which are at least `num_drawn`.
double expected_distinct(std::span<const int64_t> counts, int64_t num_drawn);

// How often each layout occurs among a caption's faithful images: an unfaithful one would count as an idea of its own.
using LayoutCounts = std::map<std::vector<int>, int64_t>;
std::vector<LayoutCounts> count_layouts(const ImagesByCaption& captions, std::span<const shapes::Judgement> judgements);

// The mean number of different layouts over the captions with two faithful images; none where no caption has two.
std::optional<double> mean_layouts(std::span<const LayoutCounts> layouts);

// For each caption of which both have two faithful images the expected number of different layouts, ours over theirs
// (Cluster's sum over its weight), both among as many images as the one with fewer has: a model gains nothing from
// drawing more, and loses nothing by being less faithful.
Stratum layouts_against(std::span<const LayoutCounts> ours, std::span<const LayoutCounts> theirs);

// The standard deviation of features [N, D] within a caption, over all features together: the root of the sum of
// squared distances to the caption's mean over the sum of (images - 1). None where no caption has two images.
std::optional<double> spread_within(const ImagesByCaption& captions, const at::Tensor& features_ND);

}  // namespace fgm
