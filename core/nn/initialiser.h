#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace fgm {

// Fills parameters in place. A random value depends on the seed and the parameter's name alone: on neither the order of
// the parameters, nor who else is initialised, nor (beyond rounding) their dtype. Random parameters are [out, in, ...]
// and are seen as the matrix [out, in x ...].
class Initialiser {
 public:
  explicit Initialiser(uint64_t seed) : seed_(seed) {}

  // Uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio, 2010).
  void xavier_uniform(const std::string& name, at::Tensor& parameter) const;
  void normal(const std::string& name, at::Tensor& parameter, double std) const;

 private:
  uint64_t seed_;
};

}  // namespace fgm
