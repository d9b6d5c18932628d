#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fgm {

// 64-bit xxHash (XXH3) of a byte string. Stable across machines and versions: it keys word embeddings and streams.
uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

// Classic XXH64 with seed 0, as `xxh64sum` prints it: what a store keeps beside each of its variable-size records.
uint64_t xxh64(std::string_view bytes);

// 128-bit xxHash (XXH3) fed piece by piece; the digest that checkpoints and stores carry.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  void update(std::span<const std::byte> bytes);
  // 32 lower-case hexadecimal digits, canonical (big-endian) order, as `xxh128sum` prints them.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The digest of texts, each with a NUL behind it, and what adds one of them.
void add_text(Digest& digest, std::string_view text);
Digest digest_texts(std::span<const std::string> texts);

}  // namespace fgm
