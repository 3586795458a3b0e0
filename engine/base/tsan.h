// SPDX-License-Identifier: Apache-2.0
//
// What ThreadSanitizer must be told, because it does not see into the kernel. Nothing without TSan.
//
// To TSan the kernel is a few threads of its own here. A start call hands the operation over
// (release) and the completion takes it back (acquire); at both moments the kernel uses the
// buffers, in TSan's eyes, on a thread of its own. So whoever touches a receive buffer, or writes
// to a send buffer, while it is the kernel's is reported as a race, also when that is the port's
// own thread (law 3). Not always: two operations that share one of the kernel's threads may make
// each other's order. Order is made for one operation, by its address, and for nothing else: a port
// handed over without order is still a race.
#ifndef SLUICE_BASE_TSAN_H_
#define SLUICE_BASE_TSAN_H_

#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_THREAD__)
#define SLUICE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TSAN 1
#endif
#endif
#ifndef SLUICE_TSAN
#define SLUICE_TSAN 0
#endif

#if SLUICE_TSAN

// Of <sanitizer/tsan_interface.h>; the two for ranges are in the runtime but in no header.
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void* __tsan_get_current_fiber(void);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_read_range(void* address, unsigned long size);
void __tsan_write_range(void* address, unsigned long size);
}

#define SLUICE_TSAN_ACQUIRE(address) __tsan_acquire(address)
#define SLUICE_TSAN_RELEASE(address) __tsan_release(address)

namespace sluice {

// The kernel, for one port. Used by one thread at a time.
class TsanKernel {
 public:
  TsanKernel() {
    // Now, because what comes before a thread's making is in order with it.
    for (void*& fiber : fibers_) fiber = __tsan_create_fiber(0);
  }
  TsanKernel(const TsanKernel&) = delete;
  TsanKernel& operator=(const TsanKernel&) = delete;
  ~TsanKernel() {
    for (void* fiber : fibers_) __tsan_destroy_fiber(fiber);
  }

  // The kernel uses these bytes for `operation`, between its Arm and its Finish.
  void Writes(void* operation, void* data, std::size_t size) {
    Use<&__tsan_write_range>(operation, data, size);
  }
  void Reads(void* operation, void* data, std::size_t size) {
    Use<&__tsan_read_range>(operation, data, size);
  }

 private:
  static constexpr std::size_t kFibers = 16;  // 4 bits

  // Nothing of ours may be instrumented in here, or it would count as the kernel's doing.
  template <void (*kRange)(void*, unsigned long)>
  __attribute__((no_sanitize("thread"), noinline)) void Use(void* operation, void* data,
                                                            std::size_t size) {
    constexpr unsigned kNoSync = 1;
    const auto number = reinterpret_cast<std::uintptr_t>(operation);
    void* const fiber = fibers_[number * 0x9E3779B97F4A7C15u >> 60];
    void* const caller = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber, kNoSync);
    __tsan_acquire(operation);
    kRange(data, size);
    __tsan_release(operation);
    __tsan_switch_to_fiber(caller, kNoSync);
  }

  void* fibers_[kFibers] = {};
};

}  // namespace sluice

#else  // !SLUICE_TSAN

#define SLUICE_TSAN_ACQUIRE(address) static_cast<void>(0)
#define SLUICE_TSAN_RELEASE(address) static_cast<void>(0)

namespace sluice {

class TsanKernel {
 public:
  void Writes(void*, void*, std::size_t) {}
  void Reads(void*, void*, std::size_t) {}
};

}  // namespace sluice

#endif  // SLUICE_TSAN

#endif  // SLUICE_BASE_TSAN_H_
