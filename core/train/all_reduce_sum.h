#pragma once

#include <functional>
#include <initializer_list>
#include <span>

#include "core/train/step.h"

namespace fgm {

// Adds up the ranks' values element by element, in the order of the ranks, so that every rank ends with the same bits.
// Collective. Empty: a job of one rank, the values are the sums.
using AllReduceSum = std::function<void(std::span<double> values)>;

// Replaces report.values[key] of each of `keys`, this rank's share, by the sum over the ranks.
void sum_over_ranks(const AllReduceSum& sum, std::initializer_list<const char*> keys, StepReport& report);

}  // namespace fgm
