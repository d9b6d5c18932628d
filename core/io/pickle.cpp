#include "core/io/pickle.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/base/error.h"
#include "core/base/text.h"

namespace fgm::pickle {
namespace {

// The machine that pickle.py documents, cut down to data.
class Machine {
 public:
  Machine(std::string_view bytes, const std::string& place) : bytes_(bytes), place_(place) {}

  Object run() {
    while (true) {
      const char opcode = take(1)[0];
      if (opcode == '.') break;
      step(opcode);
    }
    object_.root = pop();
    return std::move(object_);
  }

 private:
  static constexpr char kProtocol = '\x80', kTuple1 = '\x85', kTuple2 = '\x86', kTuple3 = '\x87', kTrue = '\x88',
                        kFalse = '\x89', kLong1 = '\x8a', kShortText = '\x8c';
  static constexpr size_t kMaxName = 256, kMaxDims = 64;

  void step(char opcode) {
    switch (opcode) {
      case kProtocol:
        take(1);
        return;
      case '(':
        marks_.push_back(stack_.size());
        return;
      case '}':
        return push(Dict{});
      case ']':
      case ')':
        return push(Sequence{});
      case 'N':
      case kTrue:
      case kFalse:
        return push(Plain{});
      case 'G':
        take(8);
        return push(Plain{});
      case 'K':
        return push(number(1));
      case 'M':
        return push(number(2));
      case 'J':
        return push(static_cast<int64_t>(static_cast<int32_t>(number(4))));
      case kLong1:
        return push(long_integer());
      case 'X':
        return push(std::string(take(static_cast<size_t>(number(4)))));
      case kShortText:
        return push(std::string(take(static_cast<size_t>(number(1)))));
      case 'c':
        return push(global());
      case 't':
        return push(Sequence{pop_to_mark()});
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push(Sequence{pop_many(static_cast<size_t>(opcode - kTuple1) + 1)});
      case 'q':
        memo_[number(1)] = top();
        return;
      case 'r':
        memo_[number(4)] = top();
        return;
      case 'h':
        return recall(number(1));
      case 'j':
        return recall(number(4));
      case 'a':
        return append(pop_many(1));
      case 'e':
        return append(pop_to_mark());
      case 's':
        return set(pop_many(2));
      case 'u':
        return set(pop_to_mark());
      case 'b':  // the attributes of an object: only ordered dictionaries have any, and these are not weights
        pop();
        top();
        return;
      case 'Q':  // a tensor's storage: ("storage", type, key, device, number of elements)
        top();
        return;
      case 'R':
        return call();
      default:
        fail(fmt::format("has the instruction 0x{:02x}, which weights do not need",
                         static_cast<unsigned>(static_cast<unsigned char>(opcode))));
    }
  }

  void call() {
    const auto arguments = pop(), function = pop();
    const auto& name = as<Global>(function, "a function").name;
    const auto& items = as<Sequence>(arguments, "a function's arguments").items;
    if (name == "collections.OrderedDict" && items.empty()) return push(Dict{});
    if (name == "torch._utils._rebuild_tensor_v2" && items.size() >= 4) return push(tensor(items));
    // They stand around a tensor in Python's files and a dictionary in LibTorch's, and change no value.
    const bool is_wrapper = name == "torch._utils._rebuild_parameter" || name == "torch.jit._pickle.restore_type_tag";
    if (is_wrapper && !items.empty()) return stack_.push_back(items[0]);
    fail(fmt::format("calls the Python function {}, which may run any code and is not run", printable(name)));
  }

  Tensor tensor(const std::vector<ValuePtr>& items) {
    const auto& storage = as<Sequence>(items[0], "a storage").items;
    if (storage.size() < 3) fail("has a tensor without a storage");
    const auto& type = as<Global>(storage[1], "a storage's type").name;
    const auto& key = as<std::string>(storage[2], "a storage's key");
    // Without bounds a short pickle could have a long name, or a long shape, copied for each of its tensors.
    if (std::max(type.size(), key.size()) > kMaxName) fail("has a storage with too long a name");
    return {.storage_type = type,
            .storage = key,
            .offset = as<int64_t>(items[1], "an offset"),
            .shape = sizes(items[2]),
            .strides = sizes(items[3])};
  }

  std::vector<int64_t> sizes(ValuePtr value) {
    std::vector<int64_t> numbers;
    const auto& items = as<Sequence>(value, "a shape").items;
    if (items.size() > kMaxDims) fail("has a tensor of too many dimensions");
    for (const auto& item : items) numbers.push_back(as<int64_t>(item, "a size"));
    return numbers;
  }

  void append(std::vector<ValuePtr> values) {
    auto& items = as<Sequence>(top(), "a list").items;
    items.insert(items.end(), values.begin(), values.end());
  }

  void set(const std::vector<ValuePtr>& values) {
    if (values.size() % 2 != 0) fail("has a key without a value");
    auto& items = as<Dict>(top(), "a dictionary").items;
    for (size_t i = 0; i < values.size(); i += 2) items.emplace_back(values[i], values[i + 1]);
  }

  void recall(int64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("refers to what it has not told");
    stack_.push_back(found->second);
  }

  template <typename T>
  T& as(ValuePtr value, const char* what) {
    auto* data = std::get_if<T>(&value->data);
    if (data == nullptr) fail(fmt::format("has something else where {} belongs", what));
    return *data;
  }

  template <typename T>
  void push(T data) {
    stack_.push_back(&object_.values.emplace_back(Value{std::move(data)}));
  }
  ValuePtr top() const {
    if (stack_.empty()) fail("takes more from its stack than there is");
    return stack_.back();
  }
  ValuePtr pop() {
    const auto value = top();
    stack_.pop_back();
    return value;
  }
  std::vector<ValuePtr> pop_many(size_t count) {
    if (count > stack_.size()) fail("takes more from its stack than there is");
    std::vector<ValuePtr> values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }
  std::vector<ValuePtr> pop_to_mark() {
    if (marks_.empty() || marks_.back() > stack_.size()) fail("takes more from its stack than there is");
    const size_t mark = marks_.back();
    marks_.pop_back();
    return pop_many(stack_.size() - mark);
  }

  std::string_view take(size_t count) {
    if (count > bytes_.size()) fail("is cut short");
    const auto taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::string_view line() {
    const auto end = bytes_.find('\n');
    if (end == std::string_view::npos) fail("is cut short");
    const auto taken = take(end);
    take(1);
    return taken;
  }
  Global global() {
    const std::string module(line());
    return {fmt::format("{}.{}", module, line())};
  }
  int64_t number(size_t num_bytes) {
    uint64_t value = 0;
    const auto bytes = take(num_bytes);
    std::memcpy(&value, bytes.data(), num_bytes);
    return static_cast<int64_t>(value);
  }
  int64_t long_integer() {
    const auto num_bytes = static_cast<size_t>(number(1));
    if (num_bytes > sizeof(int64_t)) fail("has an integer of more than 64 bits");
    if (num_bytes == 0) return 0;
    const size_t num_others = 8 * (sizeof(int64_t) - num_bytes);  // bits that the sign fills
    return number(num_bytes) << num_others >> num_others;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw IoError(fmt::format("{}: its pickle {}", place_, problem));
  }

  std::string_view bytes_;
  const std::string& place_;
  Object object_;
  std::vector<ValuePtr> stack_;
  std::vector<size_t> marks_;
  std::map<int64_t, ValuePtr> memo_;
};

}  // namespace

Object parse(std::string_view bytes, const std::string& place) {
  return Machine(bytes, place).run();
}

}  // namespace fgm::pickle
