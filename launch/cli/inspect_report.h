#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace fgm {

// What "fgm inspect" says about a file. IoError naming the file and what is wrong with it when it is damaged.

// {format: "safetensors", path, metadata{}, tensors[{name, role, shape, dtype, bytes, mean, std, non_finite}],
//  totals{tensors, values, bytes, non_finite}}; role is the file's metadata "role", or "weights".
nlohmann::ordered_json inspect_weights(const std::filesystem::path& path);
std::string weights_text(const nlohmann::ordered_json& report);

// {format: "store", path, kind, records, image_shape[H, W, C], prompts[the first few], provenance{}}
nlohmann::ordered_json inspect_store(const std::filesystem::path& path);
std::string store_text(const nlohmann::ordered_json& report);

}  // namespace fgm
