// SPDX-License-Identifier: Apache-2.0
#include "engine/io/thread.h"

#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "engine/io/linux/errors.h"

namespace sluice::io {
namespace {

constexpr std::size_t kNameMax = 15;  // pthread_setname_np(3), without the zero byte

}  // namespace

void NameThisThread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, kNameMax).c_str());
}

OsError PinThisThread(absl::Span<const int> processors) {
  int highest = 0;
  for (const int processor : processors) {
    if (processor < 0) return ErrorOf(EINVAL);
    if (processor > highest) highest = processor;
  }
  // A set of the size that is needed, also beyond the 1024 of cpu_set_t.
  std::vector<cpu_set_t> set(static_cast<std::size_t>(highest) / CPU_SETSIZE + 1);
  const std::size_t bytes = set.size() * sizeof(cpu_set_t);
  CPU_ZERO_S(bytes, set.data());
  for (const int processor : processors) {
    CPU_SET_S(static_cast<std::size_t>(processor), bytes, set.data());
  }
  return ErrorOf(pthread_setaffinity_np(pthread_self(), bytes, set.data()));
}

}  // namespace sluice::io
