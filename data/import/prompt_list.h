#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

struct Prompt {
  std::string caption;
  std::string metadata;  // a JSON object with at least "prompt"
};

inline constexpr const char* kScenes = "scenes";

struct PromptListOptions {
  std::string column = "";              // "": "prompt", else "caption", else "text", whichever there is
  int64_t max_bad = 0;                  // lines that cannot be used: so many are named in the log and left out
  std::string key = "the prompt list";  // what names the file, for messages: "sample.prompts"
};

struct PromptList {
  std::vector<Prompt> prompts;  // at least one, in the order of the file
  int64_t num_bad = 0;          // lines that were left out
};

// The prompts of a file, whose ending, in any case, says what it is:
//   .h5          a store: its captions, as they stand there
//   .jsonl       an object a line, such as GenEval's evaluation_metadata.jsonl; the prompt is its member `column`
//   .json        one array of such objects or of texts
//   .csv, .tsv   a header line, then a record a line; RFC 4180's quotes, so a field may hold separators and line ends
//   any other    text with a prompt a line; '#' is a character like any other
// And of no file: kScenes names the training captions of the scene grammar, as many of each category
// (shapes::balanced_captions). Prompts of files are trimmed and in Unicode's normal form C; empty lines do not count.
// A prompt's metadata is its object, or that of its record's columns; where the column has another name, with the
// prompt as "prompt".
// A line that is no object, lacks the column, or has another number of fields than the header is bad: one more of them
// than `max_bad` is a ConfigError naming file and line. What may damage the rest of a file, too, is an error at once:
// IoError for another encoding than UTF-8, NUL, and a quote that is never closed, ConfigError for a .json that is no
// array, a column that is missing or asked for in a file without columns, and an empty list.
PromptList read_prompt_list(const std::filesystem::path& path, const PromptListOptions& options = {});

// The prompt of one object as a line of a .jsonl file holds it. ConfigError beginning with `place`.
Prompt prompt_of_json(std::string_view object, const std::string& column, const std::string& place);

std::vector<std::string> captions_of(const std::vector<Prompt>& prompts);

// The captions of read_prompt_list().
std::vector<std::string> read_prompts(const std::filesystem::path& path, const std::string& column = "");

}  // namespace fgm
