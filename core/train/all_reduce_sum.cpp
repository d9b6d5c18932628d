#include "core/train/all_reduce_sum.h"

#include <vector>

namespace fgm {

void sum_over_ranks(const AllReduceSum& sum, std::initializer_list<const char*> keys, StepReport& report) {
  if (!sum) return;
  std::vector<double> values;
  for (const char* key : keys) values.push_back(report.values.at(key));
  sum(values);
  size_t i = 0;
  for (const char* key : keys) report.values[key] = values[i++];
}

}  // namespace fgm
