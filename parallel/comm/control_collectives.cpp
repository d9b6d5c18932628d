#include "parallel/comm/control_collectives.h"

#include <algorithm>
#include <sstream>
#include <system_error>

#include "core/base/error.h"
#include "core/base/number.h"

namespace fgm {
namespace {

at::Tensor bytes_of(std::string& text) {
  return at::from_blob(text.data(), {static_cast<int64_t>(text.size())}, at::kByte);
}

// What became of `body`: the exit code in decimal, a blank and the message; "" for success.
std::string outcome_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return fmt::format("{} {}", error.exit_code(), error.what());
  } catch (const std::system_error& error) {
    return fmt::format("{} {}", static_cast<int>(exit_code_of(error.code())), error.what());
  } catch (const std::exception& error) {
    return fmt::format("{} {}", static_cast<int>(kExitCrash), error.what());
  }
  return "";
}

// The first line in which two different texts differ, of each; "" where a text has ended.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  std::istringstream lines_a(a), lines_b(b);
  std::string line_a, line_b;
  while (line_a == line_b) {
    line_a.clear(), line_b.clear();
    std::getline(lines_a, line_a), std::getline(lines_b, line_b);
  }
  return {line_a, line_b};
}

int exit_code_in(const std::string& outcome) {
  return parse_number<int>(leading_digits(outcome)).value_or(kExitCrash);
}

}  // namespace

std::vector<std::string> all_gather_strings(Communicator& control, const std::string& mine) {
  const auto lengths = at::empty({control.size()}, at::kLong);
  control.all_gather_into(lengths, at::full({1}, static_cast<int64_t>(mine.size()), at::kLong)).wait();
  const auto longest = lengths.max().item<int64_t>();
  std::string padded = mine, all(static_cast<size_t>(longest * control.size()), '\0');
  padded.resize(static_cast<size_t>(longest));
  control.all_gather_into(bytes_of(all), bytes_of(padded)).wait();
  std::vector<std::string> texts;
  for (int64_t rank = 0; rank < control.size(); ++rank) {
    texts.push_back(
        all.substr(static_cast<size_t>(rank * longest), static_cast<size_t>(lengths[rank].item<int64_t>())));
  }
  return texts;
}

void require_same_lines(Communicator& control, const std::string& mine) {
  const auto texts = all_gather_strings(control, mine);
  for (size_t rank = 1; rank < texts.size(); ++rank) {
    if (texts[rank] == texts[0]) continue;
    const auto [expected, found] = first_difference(texts[0], texts[rank]);
    throw AgreedError(fmt::format("rank {} has '{}' where rank 0 has '{}'; give all ranks the same command and files",
                                  rank, found, expected),
                      kExitConfig);
  }
}

std::string broadcast_string(Communicator& control, const std::string& text) {
  const auto length = at::full({1}, static_cast<int64_t>(text.size()), at::kLong);
  control.broadcast(length, 0).wait();
  std::string result = text;
  result.resize(static_cast<size_t>(length.item<int64_t>()));
  control.broadcast(bytes_of(result), 0).wait();
  return result;
}

void throw_on_all_ranks(Communicator& control, const std::function<void()>& body) {
  const auto outcomes = all_gather_strings(control, outcome_of(body));
  const auto has_failed = [](const std::string& outcome) { return !outcome.empty(); };
  auto failure = std::ranges::find_if(
      outcomes, [&](const auto& outcome) { return has_failed(outcome) && exit_code_in(outcome) == kExitDoNotRequeue; });
  if (failure == outcomes.end()) failure = std::ranges::find_if(outcomes, has_failed);
  if (failure == outcomes.end()) return;
  const std::string message = failure->substr(failure->find(' ') + 1);
  const auto rank = failure - outcomes.begin();
  throw AgreedError(rank == 0 ? message : fmt::format("rank {}: {}", rank, message), exit_code_in(*failure));
}

void on_first_rank(Communicator& control, const std::function<void()>& body) {
  throw_on_all_ranks(control, [&] {
    if (control.rank() == 0) body();
  });
}

}  // namespace fgm
