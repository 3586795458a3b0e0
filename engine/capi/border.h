// SPDX-License-Identifier: Apache-2.0
//
// Border: what every function of the C ABI does at its edge. Errors are absl::Status in here and
// become a number and a text there; nothing is thrown outwards (the room is compiled with
// exceptions for that alone), and what a callback throws ends in here.
#ifndef SLUICE_CAPI_BORDER_H_
#define SLUICE_CAPI_BORDER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sluice/address.h"
#include "sluice/sluice.h"

namespace sluice::capi {

// Each returns the code.
std::int32_t Fail(sluice_error* error, std::int32_t code, absl::string_view text,
                  std::int32_t os_code = 0);
std::int32_t Fail(sluice_error* error, const absl::Status& status);
inline std::int32_t Result(sluice_error* error, const absl::Status& status) {
  return status.ok() ? SLUICE_OK : Fail(error, status);
}
inline std::int32_t FailNull(sluice_error* error, absl::string_view argument) {
  return Fail(error, SLUICE_BAD_ARGUMENT, absl::StrCat(argument, ": is NULL"));
}

// Runs `work`, which returns a code.
template <typename Work>
std::int32_t Guarded(sluice_error* error, Work work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return Fail(error, SLUICE_NO_MEMORY, "out of memory");
  } catch (...) {
    return Fail(error, SLUICE_SYSTEM, "the C++ library threw");
  }
}
// The same for what returns something else.
template <typename Value, typename Work>
Value GuardedOr(Value otherwise, Work work) noexcept {
  try {
    return work();
  } catch (...) {
    return otherwise;
  }
}

// Stands around each callback: [control] functions are refused inside, where they would wait for
// themselves.
class CallbackScope {
 public:
  CallbackScope();
  ~CallbackScope();
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
};
// Not OK inside a callback.
absl::Status CheckControl();

// Text into a caller's buffer, as snprintf does.
std::size_t WriteText(absl::string_view text, char* buffer, std::size_t capacity);

inline absl::string_view ViewOf(const sluice_view& view) {
  return absl::string_view(static_cast<const char*>(view.data), view.size);
}
inline sluice_view ToView(absl::string_view text) { return sluice_view{text.data(), text.size()}; }

sluice_address ToC(const Address& address);
// False for what is no address; the empty one is one.
bool FromC(const sluice_address& address, Address* out);

inline absl::Duration TimeOf(std::int64_t nanos) {
  return nanos == SLUICE_FOREVER ? absl::InfiniteDuration() : absl::Nanoseconds(nanos);
}
inline std::int64_t NanosOf(absl::Duration duration) { return absl::ToInt64Nanoseconds(duration); }

// ---- Structs that begin with their size ----

inline constexpr std::uint32_t kSizeMin = 8;

absl::Status CheckSize(const void* given, std::uint32_t size, std::size_t known,
                       absl::string_view name);

// Over the defaults in *full, what `given` has; NULL has nothing. `name` is its place in messages,
// "" for the outermost.
template <typename T>
absl::Status Read(const T* given, absl::string_view name, T* full) {
  if (given == nullptr) return absl::OkStatus();
  // The object may be shorter than T.
  std::uint32_t size = 0;
  std::memcpy(&size, given, sizeof size);
  absl::Status checked = CheckSize(given, size, sizeof(T), name);
  if (!checked.ok()) return checked;
  std::memcpy(static_cast<void*>(full), given, std::min<std::size_t>(size, sizeof(T)));
  full->size = sizeof(T);
  return checked;
}

// What an _init function does. What the caller's struct has beyond ours is zero.
template <typename T>
void Init(T* out, std::size_t size, const T& defaults) {
  if (out == nullptr || size < kSizeMin) return;
  std::memset(static_cast<void*>(out), 0, size);
  std::memcpy(static_cast<void*>(out), &defaults, std::min(size, sizeof(T)));
  const auto told = static_cast<std::uint32_t>(size);
  std::memcpy(static_cast<void*>(out), &told, sizeof told);
}

// What a function fills in.
template <typename T>
std::int32_t Fill(T* out, T full, absl::string_view name, sluice_error* error) {
  if (out == nullptr) return FailNull(error, name);
  std::uint32_t size = 0;
  std::memcpy(&size, out, sizeof size);
  if (size < kSizeMin) {
    return Fail(
        error, SLUICE_BAD_ARGUMENT,
        absl::StrCat(name, ".size: is ", size, "; set it to sizeof *", name, " (", sizeof(T), ")"));
  }
  full.size = std::min(size, static_cast<std::uint32_t>(sizeof(T)));
  std::memcpy(static_cast<void*>(out), &full, full.size);
  return SLUICE_OK;
}

// Reads members of one struct; remembers the first that is wrong, by its name.
class Reader {
 public:
  explicit Reader(std::string prefix = "") : prefix_(std::move(prefix)) {}

  bool Bool(std::uint32_t value, absl::string_view field);
  // 0..last.
  std::int32_t Choice(std::int32_t value, std::int32_t last, absl::string_view field,
                      absl::string_view choices);
  std::uint16_t Short(std::uint32_t value, absl::string_view field);
  Address OneAddress(const sluice_address& address, absl::string_view field);
  std::string Text(const sluice_view& view, absl::string_view field);
  // A pointer with a count.
  bool List(const void* data, std::size_t count, absl::string_view field);
  void Need(bool holds, absl::string_view field, absl::string_view right);
  // What was found in a struct that this one points to.
  void Also(const absl::Status& status);

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

 private:
  const std::string prefix_;
  absl::Status status_;
};

}  // namespace sluice::capi

#endif  // SLUICE_CAPI_BORDER_H_
