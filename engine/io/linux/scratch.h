// SPDX-License-Identifier: Apache-2.0
//
// A plain struct inside the bytes that an operation reserves for its backend. It begins to live
// when it is written.
#ifndef SLUICE_IO_LINUX_SCRATCH_H_
#define SLUICE_IO_LINUX_SCRATCH_H_

#include <cstddef>
#include <new>
#include <type_traits>

namespace sluice::io {

template <typename T, std::size_t kSize>
T& In(std::byte (&bytes)[kSize]) {
  static_assert(sizeof(T) <= kSize);
  static_assert(alignof(T) <= 8);
  static_assert(std::is_trivially_copyable_v<T>);
  return *std::launder(reinterpret_cast<T*>(bytes));
}

}  // namespace sluice::io

#endif  // SLUICE_IO_LINUX_SCRATCH_H_
