// SPDX-License-Identifier: Apache-2.0
//
// What every reader of first bytes must hold to, however they are sliced.
#ifndef SLUICE_TESTS_FUZZ_READERS_H_
#define SLUICE_TESTS_FUZZ_READERS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/base/check.h"
#include "engine/memory/chain.h"
#include "engine/memory/slab.h"
#include "sluice/reading.h"

namespace sluice::fuzz {

// The bytes at the ends of chunks, a slice each, so that none merge.
inline memory::Chain SlicedBy(memory::Slab& slab, const std::uint8_t* data, std::size_t size) {
  memory::Chain chain(slab);
  while (size > 0) {
    memory::Slice chunk = slab.Take();
    SLUICE_CHECK(chunk);
    const std::size_t part = std::min(size, chunk.size());
    std::memcpy(chunk.data() + chunk.size() - part, data, part);
    SLUICE_CHECK(chain.Append(chunk.Part(chunk.size() - part, part)));
    data += part;
    size -= part;
  }
  return chain;
}

template <typename Found>
void CheckReader(const std::uint8_t* data, std::size_t size, Reading (*read)(const Bytes&, Found*),
                 bool (*same)(const Found&, const Found&)) {
  if (size == 0) return;
  const std::size_t cut = *data++ * (size - 1) / 256;
  --size;
  memory::Slab whole(memory::SlabOptions{4096, 4});
  memory::Slab small(memory::SlabOptions{1, 4096});
  Found at_once;
  Found by_bytes;
  memory::Chain in_one = SlicedBy(whole, data, size);
  const Reading reading = read(Bytes(in_one), &at_once);
  {
    memory::Chain in_bytes = SlicedBy(small, data, size);
    SLUICE_CHECK(read(Bytes(in_bytes), &by_bytes) == reading);
  }
  SLUICE_CHECK(same(at_once, by_bytes));
  Found early;
  memory::Chain beginning = SlicedBy(small, data, cut);
  const Reading of_beginning = read(Bytes(beginning), &early);
  // What was said of a beginning is not taken back.
  if (of_beginning != Reading::kMore) SLUICE_CHECK(of_beginning == reading);
  if (of_beginning == Reading::kFound) SLUICE_CHECK(same(early, at_once));
}

}  // namespace sluice::fuzz

#endif  // SLUICE_TESTS_FUZZ_READERS_H_
