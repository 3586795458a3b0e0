// SPDX-License-Identifier: Apache-2.0
#include "sluice/bytes.h"

#include "engine/base/check.h"
#include "engine/memory/chain.h"

namespace sluice {

std::size_t Bytes::size() const { return chain_.size(); }

bool Bytes::Next(Position* position, absl::string_view* slice) const {
  const memory::SliceNode* node =
      chain_.NodeAfter(static_cast<const memory::SliceNode*>(position->node), position->begun);
  position->begun = true;
  position->node = node;
  if (node == nullptr) return false;
  *slice = absl::string_view(reinterpret_cast<const char*>(node->slice.data()), node->slice.size());
  return true;
}

bool Bytes::MutableNext(Position* position, char** data, std::size_t* size) {
  absl::string_view slice;
  if (!Next(position, &slice)) return false;
  // The bytes are the slab's, which is not const; only the view of them was.
  *data = const_cast<char*>(slice.data());
  *size = slice.size();
  return true;
}

std::size_t Bytes::CopyOut(std::size_t offset, void* bytes, std::size_t count) const {
  return chain_.CopyOut(offset, bytes, count);
}

bool Bytes::Append(const Bytes& from, std::size_t offset, std::size_t count) {
  return chain_.AppendShared(from.chain_, offset, count);
}

bool Bytes::AppendCopy(absl::string_view bytes) {
  return chain_.AppendCopy(bytes.data(), bytes.size(), room_);
}

void Bytes::RemovePrefix(std::size_t count) { chain_.RemovePrefix(count); }

void Bytes::Clear() { chain_.Clear(); }

}  // namespace sluice
