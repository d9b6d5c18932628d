#include "data/hdf5/internal/check_hdf5.h"

#include <vector>

#include "core/base/error.h"

namespace fgm {
namespace {

herr_t collect(unsigned, const H5E_error2_t* entry, void* reasons) {
  if (entry->desc != nullptr) static_cast<std::vector<std::string>*>(reasons)->emplace_back(entry->desc);
  return 0;
}

// The library buries the operating system's own words in a line of file positions, with the time and a line break.
std::string shorten(const std::string& reason) {
  constexpr std::string_view kMarker = "error message = '";
  const size_t begin = reason.find(kMarker);
  if (begin == std::string::npos) return reason;
  const size_t end = reason.find('\'', begin + kMarker.size());
  return reason.substr(begin + kMarker.size(), end - begin - kMarker.size());
}

}  // namespace

void prepare_hdf5() {
  static const herr_t without_exit_handler = H5dont_atexit();
  static_cast<void>(without_exit_handler);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

void throw_hdf5(std::string_view call, const std::string& what) {
  std::vector<std::string> reasons;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, collect, &reasons);
  std::string reason = reasons.empty() ? "no reason given" : reasons.front();
  if (reasons.size() > 1) reason += ": " + shorten(reasons.back());
  throw IoError(fmt::format("{}: {} failed: {}", what, call, reason));
}

}  // namespace fgm
