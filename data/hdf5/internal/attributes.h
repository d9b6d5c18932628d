#pragma once

#include <string>

#include "data/hdf5/h5_file.h"

namespace fgm {

// On a dataset, what its elements are where HDF5's own type does not say.
inline constexpr auto kElementAttribute = "dtype";

// Of an attribute that is one integer. IoError when it is something else; `what` names it in messages.
int64_t read_int(const H5Handle& attribute, const std::string& what);
// Of an attribute that is one string, of fixed or variable length. IoError when it is something else.
std::string read_string(const H5Handle& attribute, const std::string& what);

// A string of variable length, or of just its own.
void write_string(const H5Handle& object, const std::string& name, const std::string& utf8, const std::string& what);
void write_fixed_string(const H5Handle& object, const std::string& name, const std::string& utf8,
                        const std::string& what);

}  // namespace fgm
