#pragma once

#include <ATen/record_function.h>

#include <atomic>
#include <memory>
#include <string_view>

namespace fgm::support {

// Counts the matrix products of linear layers, forward and backward, of all threads while it lives. One at a time.
class MatmulCounter {
 public:
  MatmulCounter() {
    num_products() = 0;
    const auto count = [](const at::RecordFunction& f) -> std::unique_ptr<at::ObserverContext> {
      const std::string_view name = f.name();
      if (name == "aten::mm" || name == "aten::addmm" || name == "mkldnn::_linear_pointwise") ++num_products();
      return nullptr;
    };
    handle_ = at::addGlobalCallback(at::RecordFunctionCallback(count).scopes({at::RecordScope::FUNCTION}));
  }
  ~MatmulCounter() { at::removeCallback(handle_); }
  MatmulCounter(const MatmulCounter&) = delete;
  MatmulCounter& operator=(const MatmulCounter&) = delete;

  int count() const { return num_products(); }

 private:
  static std::atomic<int>& num_products() {
    static std::atomic<int> number{0};
    return number;
  }
  at::CallbackHandle handle_;
};

}  // namespace fgm::support
