// SPDX-License-Identifier: Apache-2.0
//
// Bytes: a piece of a stream as it was received: slices in the engine's own buffers, in order. What
// an inspector reads and changes. Nothing here copies payload but what has Copy in its name, and
// what those copy is counted (`bytes_copied`).
//
// Valid during the call that it was given to, on that thread only; not to be kept.
#ifndef SLUICE_BYTES_H_
#define SLUICE_BYTES_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace sluice {

namespace memory {
class Chain;  // internal to the engine
class Slice;
}  // namespace memory

class Bytes {
 public:
  // Internal: the engine makes them.
  explicit Bytes(memory::Chain& chain, memory::Slice* room = nullptr)
      : chain_(chain), room_(room) {}
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  std::size_t size() const;
  bool empty() const { return size() == 0; }

  // Walks over the slices, none of them empty:
  //   Bytes::Position at;
  //   for (absl::string_view slice; data.Next(&at, &slice);) ...
  // The slices may be written to in place (MutableNext); what is written is what is sent. Changing
  // the number of bytes ends the walk.
  struct Position {
    const void* node = nullptr;
    bool begun = false;
  };
  bool Next(Position* position, absl::string_view* slice) const;
  bool MutableNext(Position* position, char** data, std::size_t* size);

  // Copies up to `count` bytes from `offset` on out of it; returns how many.
  std::size_t CopyOut(std::size_t offset, void* bytes, std::size_t count) const;

  // Adds `count` bytes of `from`, from `offset` on, at the end. They are shared, not copied. False
  // when the engine has no link for them now (law 5): nothing was added. REQUIRES: both were given
  // to the same call; offset + count <= from.size(); not itself.
  bool Append(const Bytes& from, std::size_t offset, std::size_t count);
  // Adds a copy of `bytes` at the end. False when the worker's buffers are used up: nothing was
  // added.
  bool AppendCopy(absl::string_view bytes);
  // Drops bytes at the beginning. REQUIRES: count <= size().
  void RemovePrefix(std::size_t count);
  void Clear();

  // Internal.
  memory::Chain& chain() const { return chain_; }

 private:
  memory::Chain& chain_;
  memory::Slice* const room_;  // for small copies; may be null
};

}  // namespace sluice

#endif  // SLUICE_BYTES_H_
