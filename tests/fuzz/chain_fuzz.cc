// SPDX-License-Identifier: Apache-2.0
//
// Chains, slices and a slab against strings. The input is a program: an operation a byte, its
// operands behind it. Three chains share six chunks of sixteen bytes, so that chunks and links run
// out. After each step every chain must hold what its string holds, the slab must count exactly the
// chunks and links that are named, and at the end nothing may be left.
#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/memory/chain.h"
#include "engine/memory/slab.h"

namespace {

using sluice::memory::Chain;
using sluice::memory::Slab;
using sluice::memory::SlabOptions;
using sluice::memory::Slice;

constexpr std::uint32_t kChunkBytes = 16;
constexpr std::uint32_t kChunks = 6;
constexpr std::size_t kLinks = 4 * kChunks;  // Slab's own rule
constexpr std::size_t kChains = 3;
constexpr std::size_t kHand = 4;  // slices kept outside of chains

// A run of bytes as a chain shows it.
struct Piece {
  const std::byte* data = nullptr;
  std::size_t size = 0;
};

class Machine {
 public:
  Machine() {
    // The first chunk taken is the first in memory, so chunks can be told apart by address.
    base_ = slab_.Take().data();
  }

  void Run(const std::uint8_t* program, std::size_t size) {
    program_ = program;
    end_ = program + size;
    while (program_ != end_) {
      Step(Next());
      Audit();
    }
    for (Chain& chain : chains_) chain.Clear();
    landing_.Reset();
    for (Slice& slice : hand_) slice.Reset();
    SLUICE_CHECK(slab_.used() == 0);
    SLUICE_CHECK(slab_.nodes_used() == 0);
  }

 private:
  std::uint8_t Next() { return program_ == end_ ? std::uint8_t{0} : *program_++; }
  std::size_t Below(std::size_t bound) { return bound == 0 ? 0 : Next() % bound; }
  std::size_t NextChain() { return Below(kChains); }

  void Step(std::uint8_t operation) {
    switch (operation % 12) {
      case 0:
        return Take();
      case 1:
        return Receive();
      case 2:
        return Keep();
      case 3:
        return AppendKept();
      case 4:
        return PrependKept();
      case 5:
        return AppendChain();
      case 6:
        return RemovePrefix();
      case 7:
        return SplitPrefix();
      case 8:
        return CopyIn();
      case 9:
        return CopyOut();
      case 10:
        return Drop();
      default:
        return MoveChain();
    }
  }

  // A fresh chunk to receive into.
  void Take() {
    landing_.Reset();
    const bool free = slab_.available() > 0;
    landing_ = slab_.Take();
    SLUICE_CHECK(static_cast<bool>(landing_) == free);
    SLUICE_CHECK(landing_.size() == (free ? kChunkBytes : 0));
  }

  // Writes into the room of the landing chunk, as the kernel does; what is named already stays.
  std::string Land(std::size_t count) {
    std::string text(count, '\0');
    for (char& c : text) c = static_cast<char>(++serial_);
    if (count > 0) std::memcpy(landing_.data(), text.data(), count);
    return text;
  }

  void Receive() {
    const std::size_t c = NextChain();
    const std::size_t count = Below(landing_.size() + 1);
    if (!landing_) return;
    const std::string text = Land(count);
    Slice part = landing_.Part(0, count);
    landing_.RemovePrefix(count);
    Append(c, std::move(part), text);
  }

  // Appending merges exactly with a last slice that ends where this one begins, in the same chunk;
  // else it takes a link, and fails exactly when there is none.
  void Append(std::size_t c, Slice slice, const std::string& text) {
    Chain& chain = chains_[c];
    const Piece last = LastOf(chain);
    const bool merges = last.size > 0 && last.data + last.size == slice.data() &&
                        ChunkOf(last.data + last.size - 1) == ChunkOf(slice.data());
    const std::size_t slices = chain.slices();
    const bool possible = text.empty() || merges || slab_.nodes_used() < kLinks;
    SLUICE_CHECK(chain.Append(std::move(slice)) == possible);
    if (possible) models_[c] += text;
    SLUICE_CHECK(chain.slices() == slices + (possible && !merges && !text.empty() ? 1 : 0));
  }

  // Keeps a part of the landing chunk outside of any chain.
  void Keep() {
    const std::size_t h = Below(kHand);
    const std::size_t count = Below(landing_.size() + 1);
    if (!landing_) return;
    kept_[h] = Land(count);
    hand_[h] = landing_.Part(0, count);
    landing_.RemovePrefix(count);
  }

  void AppendKept() {
    const std::size_t c = NextChain();
    const std::size_t h = Below(kHand);
    if (!hand_[h]) return;
    const std::size_t begin = Below(kept_[h].size() + 1);
    const std::size_t count = Below(kept_[h].size() - begin + 1);
    Append(c, hand_[h].Part(begin, count), kept_[h].substr(begin, count));
  }

  void PrependKept() {
    const std::size_t c = NextChain();
    const std::size_t h = Below(kHand);
    const bool possible = kept_[h].empty() || !hand_[h] || slab_.nodes_used() < kLinks;
    const Slice copy = hand_[h];
    SLUICE_CHECK(chains_[c].Prepend(copy) == possible);
    if (possible && copy) models_[c].insert(0, kept_[h]);
  }

  void AppendChain() {
    const std::size_t to = NextChain();
    const std::size_t from = NextChain();
    if (to == from) return;
    chains_[to].Append(chains_[from]);
    models_[to] += std::exchange(models_[from], std::string());
  }

  void RemovePrefix() {
    const std::size_t c = NextChain();
    const std::size_t count = Below(models_[c].size() + 1);
    chains_[c].RemovePrefix(count);
    models_[c].erase(0, count);
  }

  void SplitPrefix() {
    const std::size_t from = NextChain();
    const std::size_t to = NextChain();
    const std::size_t count = Below(models_[from].size() + 1);
    if (from == to) return;
    const bool possible = !CutsASlice(chains_[from], count) || slab_.nodes_used() < kLinks;
    SLUICE_CHECK(chains_[from].SplitPrefix(count, chains_[to]) == possible);
    if (!possible) return;
    models_[to] += models_[from].substr(0, count);
    models_[from].erase(0, count);
  }

  void CopyIn() {
    const std::size_t c = NextChain();
    std::string text(Next() % 64, '\0');
    for (char& letter : text) letter = static_cast<char>(++serial_);
    std::size_t taken = 0;
    const bool all = chains_[c].CopyIn(text.data(), text.size(), &taken);
    SLUICE_CHECK(all == (taken == text.size()));
    SLUICE_CHECK(all || slab_.available() == 0 || slab_.nodes_used() == kLinks);
    models_[c] += text.substr(0, taken);
  }

  void CopyOut() {
    const std::size_t c = NextChain();
    const std::size_t offset = Next();
    // Of the exact size, so that a byte too many is seen.
    std::vector<char> out(Next() % 64);
    const std::size_t count = chains_[c].CopyOut(offset, out.data(), out.size());
    const std::string expected =
        offset < models_[c].size() ? models_[c].substr(offset, out.size()) : std::string();
    SLUICE_CHECK(count == expected.size());
    SLUICE_CHECK(std::equal(expected.begin(), expected.end(), out.begin()));
  }

  void Drop() {
    const std::uint8_t what = Next();
    if (what % 2 == 0) {
      hand_[what / 2 % kHand].Reset();
      kept_[what / 2 % kHand].clear();
    } else {
      chains_[what / 2 % kChains].Clear();
      models_[what / 2 % kChains].clear();
    }
  }

  void MoveChain() {
    const std::size_t c = NextChain();
    Chain moved(std::move(chains_[c]));
    SLUICE_CHECK(chains_[c].empty());
    SLUICE_CHECK(chains_[c].size() == 0);
    SLUICE_CHECK(moved.Valid());
    chains_[c].Append(moved);
  }

  std::size_t ChunkOf(const std::byte* data) const {
    return static_cast<std::size_t>(data - base_) / kChunkBytes;
  }

  static Piece LastOf(const Chain& chain) {
    Piece last;
    chain.ForEach([&](const std::byte* data, std::size_t size) {
      last = {data, size};
      return true;
    });
    return last;
  }

  static bool CutsASlice(const Chain& chain, std::size_t count) {
    chain.ForEach([&](const std::byte*, std::size_t size) {
      if (size > count) return false;
      count -= size;
      return true;
    });
    return count > 0;
  }

  void Audit() {
    std::bitset<kChunks> named;
    std::size_t links = 0;
    for (std::size_t c = 0; c < kChains; ++c) {
      const Chain& chain = chains_[c];
      SLUICE_CHECK(chain.Valid());
      SLUICE_CHECK(chain.size() == models_[c].size());
      SLUICE_CHECK(chain.empty() == models_[c].empty());
      std::string text;
      chain.ForEach([&](const std::byte* data, std::size_t size) {
        named.set(ChunkOf(data));
        ++links;
        text.append(reinterpret_cast<const char*>(data), size);
        return true;
      });
      SLUICE_CHECK(text == models_[c]);
    }
    if (landing_) named.set(NamedBy(landing_));
    for (const Slice& slice : hand_) {
      if (slice) named.set(NamedBy(slice));
    }
    SLUICE_CHECK(slab_.used() == named.count());
    SLUICE_CHECK(slab_.used() + slab_.available() == kChunks);
    SLUICE_CHECK(slab_.nodes_used() == links);
  }
  // An empty slice may stand behind the last byte of its chunk.
  std::size_t NamedBy(const Slice& slice) const { return ChunkOf(slice.chunk()->data); }

  Slab slab_{SlabOptions{kChunkBytes, kChunks}};
  const std::byte* base_ = nullptr;
  std::array<Chain, kChains> chains_{Chain(slab_), Chain(slab_), Chain(slab_)};
  std::array<std::string, kChains> models_;
  Slice landing_;  // room to receive into
  std::array<Slice, kHand> hand_;
  std::array<std::string, kHand> kept_;
  std::uint8_t serial_ = 0;
  const std::uint8_t* program_ = nullptr;
  const std::uint8_t* end_ = nullptr;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Machine machine;
  machine.Run(data, size);
  return 0;
}
