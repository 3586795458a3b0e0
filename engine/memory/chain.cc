// SPDX-License-Identifier: Apache-2.0
#include "engine/memory/chain.h"

#include <algorithm>
#include <cstring>

namespace sluice::memory {

std::size_t Chain::slices() const {
  std::size_t count = 0;
  for (const SliceNode* node = first_; node != nullptr; node = node->next) ++count;
  return count;
}

bool Chain::Append(Slice slice) {
  const std::size_t count = slice.size();
  if (count == 0) return true;
  if (last_ != nullptr && last_->slice.Extend(slice)) {
    size_ += count;
    return true;
  }
  SliceNode* node = slab_->TakeNode();
  if (node == nullptr) return false;
  node->slice = std::move(slice);
  if (last_ == nullptr) {
    first_ = node;
  } else {
    last_->next = node;
  }
  last_ = node;
  size_ += count;
  SLUICE_AUDIT(Valid());
  return true;
}

bool Chain::Prepend(Slice slice) {
  const std::size_t count = slice.size();
  if (count == 0) return true;
  SliceNode* node = slab_->TakeNode();
  if (node == nullptr) return false;
  node->slice = std::move(slice);
  node->next = first_;
  first_ = node;
  if (last_ == nullptr) last_ = node;
  size_ += count;
  SLUICE_AUDIT(Valid());
  return true;
}

void Chain::Append(Chain& other) {
  SLUICE_CHECK(this != &other);
  SLUICE_CHECK(slab_ == other.slab_);
  if (other.first_ == nullptr) return;
  // A dribbling sender fills one chunk with many receives; unmerged, each would keep a link.
  if (last_ != nullptr && last_->slice.Extend(other.first_->slice)) {
    size_ += other.first_->slice.size();
    other.PopFront();
    if (other.first_ == nullptr) return;
  }
  if (last_ == nullptr) {
    first_ = other.first_;
  } else {
    last_->next = other.first_;
  }
  last_ = std::exchange(other.last_, nullptr);
  other.first_ = nullptr;
  size_ += std::exchange(other.size_, 0);
  SLUICE_AUDIT(Valid());
}

void Chain::PopFront() {
  SliceNode* node = first_;
  first_ = node->next;
  if (first_ == nullptr) last_ = nullptr;
  size_ -= node->slice.size();
  slab_->GiveBackNode(node);
}

void Chain::RemovePrefix(std::size_t count) {
  SLUICE_CHECK(count <= size_);
  while (count > 0) {
    const std::size_t front = first_->slice.size();
    if (front > count) {
      first_->slice.RemovePrefix(count);
      size_ -= count;
      break;
    }
    PopFront();
    count -= front;
  }
  SLUICE_AUDIT(Valid());
}

bool Chain::SplitPrefix(std::size_t count, Chain& front) {
  SLUICE_CHECK(count <= size_);
  SLUICE_CHECK(this != &front);
  // The one slice that is cut needs a second link; take it first, so that failing changes nothing.
  std::size_t whole = 0;
  for (const SliceNode* node = first_; node != nullptr; node = node->next) {
    if (whole + node->slice.size() > count) break;
    whole += node->slice.size();
  }
  SliceNode* cut = nullptr;
  if (whole < count) {
    cut = slab_->TakeNode();
    if (cut == nullptr) return false;
  }
  while (count > 0) {
    SliceNode* node = first_;
    const std::size_t size = node->slice.size();
    if (size > count) {
      cut->slice = node->slice.Part(0, count);
      node->slice.RemovePrefix(count);
      node = cut;
    } else {
      first_ = node->next;
      if (first_ == nullptr) last_ = nullptr;
      node->next = nullptr;
    }
    const std::size_t moved = node->slice.size();
    size_ -= moved;
    count -= moved;
    if (front.last_ == nullptr) {
      front.first_ = node;
    } else {
      front.last_->next = node;
    }
    front.last_ = node;
    front.size_ += moved;
  }
  SLUICE_AUDIT(Valid());
  SLUICE_AUDIT(front.Valid());
  return true;
}

bool Chain::AppendShared(const Chain& other, std::size_t offset, std::size_t count) {
  SLUICE_CHECK(this != &other);
  SLUICE_CHECK(slab_ == other.slab_);
  SLUICE_CHECK(offset <= other.size_ && count <= other.size_ - offset);
  Chain shared(*slab_);
  for (const SliceNode* node = other.first_; count > 0; node = node->next) {
    const std::size_t size = node->slice.size();
    if (offset >= size) {
      offset -= size;
      continue;
    }
    const std::size_t part = std::min(size - offset, count);
    if (!slab_->CanSpareNode() || !shared.Append(node->slice.Part(offset, part))) return false;
    count -= part;
    offset = 0;
  }
  Append(shared);
  return true;
}

bool Chain::AppendCopy(const void* bytes, std::size_t count, Slice* room) {
  Slice own;
  Slice& into = room == nullptr ? own : *room;
  const std::size_t rest = count - std::min(count, into.size());
  const std::size_t chunks = (rest + slab_->chunk_bytes() - 1) / slab_->chunk_bytes();
  // And a link for what goes into the room.
  if (chunks > slab_->available() || !slab_->CanSpareNodes(chunks + (into ? 1 : 0))) return false;
  const auto* from = static_cast<const std::byte*>(bytes);
  Chain copy(*slab_);
  while (count > 0) {
    if (!into) into = slab_->Take();
    const std::size_t part = std::min(count, into.size());
    std::memcpy(into.data(), from, part);
    slab_->copied_bytes += part;
    SLUICE_CHECK(copy.Append(into.Part(0, part)));
    into.RemovePrefix(part);
    if (into.size() == 0) into.Reset();
    from += part;
    count -= part;
  }
  Append(copy);
  return true;
}

void Chain::Clear() {
  while (first_ != nullptr) PopFront();
}

bool Chain::CopyIn(const void* bytes, std::size_t count, std::size_t* taken) {
  const auto* from = static_cast<const std::byte*>(bytes);
  *taken = 0;
  while (*taken < count) {
    Slice chunk = slab_->Take();
    if (!chunk) return false;
    const std::size_t part = std::min(count - *taken, chunk.size());
    std::memcpy(chunk.data(), from + *taken, part);
    slab_->copied_bytes += part;
    if (!Append(chunk.Part(0, part))) return false;
    *taken += part;
  }
  return true;
}

std::size_t Chain::CopyOut(std::size_t offset, void* bytes, std::size_t count) const {
  auto* to = static_cast<std::byte*>(bytes);
  std::size_t done = 0;
  for (const SliceNode* node = first_; node != nullptr && done < count; node = node->next) {
    const std::size_t size = node->slice.size();
    if (offset >= size) {
      offset -= size;
      continue;
    }
    const std::size_t part = std::min(size - offset, count - done);
    std::memcpy(to + done, node->slice.data() + offset, part);
    done += part;
    offset = 0;
  }
  slab_->copied_bytes += done;
  return done;
}

bool Chain::Valid() const {
  std::size_t bytes = 0;
  const SliceNode* tail = nullptr;
  for (const SliceNode* node = first_; node != nullptr; node = node->next) {
    if (node->slice.size() == 0) return false;
    bytes += node->slice.size();
    tail = node;
  }
  return bytes == size_ && tail == last_;
}

}  // namespace sluice::memory
