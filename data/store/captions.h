#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fgm {

// The texts of what a run trains on, one a record, in memory or on the disk. All member functions may run on any number
// of threads at once.
class Captions {
 public:
  virtual ~Captions() = default;
  virtual int64_t size() const = 0;
  // `index` in [0, size()). DamageError where the text on the disk is damaged, IoError where it cannot be read.
  virtual std::string caption(int64_t index) const = 0;
  // Calls `see` for all of them in their order, with a text that is good until it returns. IoError where one
  // is damaged or cannot be read.
  virtual void each_caption(const std::function<void(std::string_view)>& see) const = 0;

  // Whether an index vouches for them, so that a start need not read all.
  virtual bool is_indexed() const { return false; }

  // The first `count` of them, or all that there are.
  std::vector<std::string> first(int64_t count) const;
};

class CaptionList : public Captions {
 public:
  explicit CaptionList(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  int64_t size() const override { return std::ssize(texts_); }
  std::string caption(int64_t index) const override { return texts_.at(static_cast<size_t>(index)); }
  void each_caption(const std::function<void(std::string_view)>& see) const override {
    for (const auto& text : texts_) see(text);
  }

 private:
  std::vector<std::string> texts_;
};

}  // namespace fgm
