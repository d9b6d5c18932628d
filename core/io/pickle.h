#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fgm::pickle {

struct Value;
using ValuePtr = Value*;  // owned by the Object

// None, a float, a bool: nothing that a reader of weights needs.
struct Plain {};
struct Sequence {  // a tuple or a list
  std::vector<ValuePtr> items;
};
struct Dict {
  std::vector<std::pair<ValuePtr, ValuePtr>> items;
};
struct Global {  // "torch.FloatStorage"
  std::string name;
};
struct Tensor {
  std::string storage_type;  // "torch.FloatStorage"
  std::string storage;       // its key: the record data/<key>
  int64_t offset = 0;        // elements
  std::vector<int64_t> shape, strides;
};

struct Value {
  std::variant<Plain, int64_t, std::string, Sequence, Dict, Global, Tensor> data;
};

// Owns all values, which may refer to one another in any way, circles included.
struct Object {
  std::deque<Value> values;
  const Value* root = nullptr;
};

// The object that Python's pickle (protocol 2, as torch.save() writes it) describes, without running any of it: the
// functions it may name are those that make tensors and ordered dictionaries, and these are known here. IoError
// beginning with `place` for any other function or class, naming it, and for bytes that are no such pickle; no input
// may crash it.
Object parse(std::string_view bytes, const std::string& place);

}  // namespace fgm::pickle
