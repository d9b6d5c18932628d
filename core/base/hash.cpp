#include "core/base/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace fgm {

uint64_t hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t xxh64(std::string_view bytes) {
  return XXH64(bytes.data(), bytes.size(), 0);
}

struct Digest::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

Digest::Digest() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(state_->xxh);
}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

std::string Digest::hex() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(state_->xxh);
  return fmt::format("{:016x}{:016x}", digest.high64, digest.low64);
}

void add_text(Digest& digest, std::string_view text) {
  constexpr std::byte kEnd{0};
  digest.update(std::as_bytes(std::span(text)));
  digest.update({&kEnd, 1});
}

Digest digest_texts(std::span<const std::string> texts) {
  Digest digest;
  for (const auto& text : texts) add_text(digest, text);
  return digest;
}

}  // namespace fgm
