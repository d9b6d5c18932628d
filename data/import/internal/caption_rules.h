#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "data/import/pack_images.h"

// Which names are images, captions or neither, and what a caption's bytes mean: in a folder as in an archive.
namespace fgm {

std::string lower(std::string text);

// Names that begin with a dot, and those that file managers, archives, file systems, network drives and notebooks
// leave.
bool is_of_tools(const std::filesystem::path& name);

// Of endings in lower case, ".jpg": of any image, and of those that can be read.
bool is_image_ending(const std::string& ending);
bool is_readable_ending(const std::string& ending);

// The endings of the files beside an image that may hold its caption, the best first; none where they do not.
const std::vector<std::string>& caption_endings(CaptionSource source);

// The caption that a file beside the image holds. IoError or ConfigError naming `name`.
std::string caption_in(std::string_view bytes, const std::string& name, const PackOptions& options);
// The one that the folder of this name gives. IoError.
std::string caption_of_class(const std::string& folder);

}  // namespace fgm
