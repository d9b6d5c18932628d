#include "data/hdf5/internal/check_hdf5.h"

#include <cerrno>
#include <system_error>
#include <vector>

#include "core/base/error.h"
#include "core/base/number.h"

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

// Also in that line; without it the file, or what it is used for, is wrong.
std::error_code system_error_in(const std::string& reason) {
  constexpr std::string_view kMarker = "errno = ";
  const size_t at = reason.find(kMarker);
  const auto number = at == std::string::npos
                          ? std::nullopt
                          : parse_number<int>(leading_digits(std::string_view(reason).substr(at + kMarker.size())));
  return {number.value_or(EINVAL), std::generic_category()};
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
  if (reasons.empty()) reasons.emplace_back("no reason given");
  std::string reason = reasons.front();
  if (reasons.size() > 1) reason += ": " + shorten(reasons.back());
  throw IoError(fmt::format("{}: {} failed: {}", what, call, reason), exit_code_of(system_error_in(reasons.back())));
}

}  // namespace fgm
