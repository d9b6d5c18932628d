#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/hdf5/h5_file.h"
#include "data/store/internal/layout.h"
#include "data/store/positioned_file.h"

namespace fgm {

// Where images or samples lie. IoError naming the file `name` unless there is one of a sensible shape for each prompt.
H5Extent read_extent(const H5File& file, const layout::Rows& rows, const std::string& name, int64_t num_prompts);

// Reads them all. What is wrong with them, and what to do, when their digest is not `expected`.
std::optional<std::string> problem_of_rows(const PositionedFile& data, const layout::Rows& rows, const H5Extent& extent,
                                           const std::string& expected);

}  // namespace fgm
