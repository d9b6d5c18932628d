#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace fgm {

// The name that a file has while several processes write it: OUT.partial.
std::filesystem::path partial_file(const std::filesystem::path& out);

// The first entry that differs between what was begun and what is wanted, with both values; "" when none does.
std::string difference_of_provenance(const nlohmann::json& begun, const nlohmann::json& wanted);

// What differs between the prompts of a file that was begun and those that are wanted; "" for nothing.
std::string difference_of_prompts(const std::filesystem::path& partial, std::span<const std::string> prompts);

// Gives the partial file its name, when it is on the disk; an older file of that name is replaced. IoError.
void publish_partial(const std::filesystem::path& out);

}  // namespace fgm
