// SPDX-License-Identifier: Apache-2.0
//
// The three control codes of WFP connect redirection for a program's own sockets. No OS header is
// needed: sockets are numbers, errors are the numbers Winsock gives.
//
// There are three forms of each call:
//   blocking             QueryRecords, QueryContext, SetRecords below (no OVERLAPPED). The Read and
//                        Carry functions also grow the buffer and say what the many numbers mean.
//   completion routine   RoutineCall below: the answer arrives in an alertable wait of the thread
//                        that issued the call.
//   completion port      what the engine itself does, for sockets of its ports: Port::Control
//                        (engine/io/port.h) is the overlapped call, and redirect::WfpRedirector
//                        (engine/redirect/wfp) asks both queries at once, grows, confirms and
//                        carries. Without a port of the engine it would have no port to complete
//                        on.
//
// Behind a socket of the emulated platform (sluice/emulated.h) the platform answers; otherwise the
// kernel. On anything but Windows every call fails with kNotSupported: there the emulated platform
// is reached through the engine's ports only.
//
// Layered service providers. The codes go down the provider chain (WSPIoctl), and a provider in
// between may interfere: one that does not know a code may refuse it (10045), and one that derives
// the direction of the buffers from the code may drop the result, because all three codes have the
// "in" bit alone although two of them move data out. Such a program should ask BaseSocket for the
// handle of the base provider (SIO_BASE_HANDLE, which layers must not intercept) and call with
// that; close the original, never the base handle. A records query on a socket that was not
// redirected is the test: 10022 is the right answer, 10045 means that somebody is in the way.
#ifndef SLUICE_WFP_H_
#define SLUICE_WFP_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace sluice::wfp {

// SIO_QUERY_WFP_CONNECTION_REDIRECT_RECORDS, _CONTEXT, SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS.
inline constexpr std::uint32_t kQueryRecordsCode = 0x980000DC;
inline constexpr std::uint32_t kQueryContextCode = 0x980000DD;
inline constexpr std::uint32_t kSetRecordsCode = 0x980000DE;
// Options 60 and 70 at level 0 (IPv4) and 41 (IPv6): the same for datagrams, as ancillary data.
inline constexpr int kRecordsOption = 60;
inline constexpr int kContextOption = 70;

inline constexpr std::uint32_t kNotSupported = 10045;  // WSAEOPNOTSUPP
inline constexpr std::uint32_t kRecordsFirst = 4096;   // a first buffer that fits most records
inline constexpr std::uint32_t kReplyMax = 64 * 1024;  // no answer is larger

using NativeSocket = std::uintptr_t;  // a SOCKET

// One answer, as it came.
struct Answer {
  // 0: done. A Winsock number otherwise (10022: no record, or no context, or a malformed argument;
  // 10013: not elevated; 10014 or 122: the buffer is too small).
  std::uint32_t error = 0;
  // Length of the result. On failure the size that is needed, or 0, or nothing meaningful: trust it
  // only if it is larger than the buffer was.
  std::uint32_t bytes = 0;

  bool ok() const { return error == 0; }
};

// ---- Blocking: any thread, several at a time. The socket need not be overlapped. ----

// On the accepted socket of a redirected connection, any time before it is closed.
Answer QueryRecords(NativeSocket accepted, void* out, std::uint32_t size);
Answer QueryContext(NativeSocket accepted, void* out, std::uint32_t size);
// On a new socket, before bind and connect. The process must be elevated.
Answer SetRecords(NativeSocket onward, const void* records, std::uint32_t size);

// What an answer means, whatever number it came with.
enum class Verdict : std::uint8_t {
  kOk,
  kAbsent,       // not delivered by redirection, or its record was lost; asking again never helps
  kDenied,       // not elevated
  kUnsupported,  // the provider lacks the code
  kGone,         // peer or socket gone
  kRejected,     // SET only: the records were refused
  kFailed,
};
// Static text.
const char* VerdictText(Verdict verdict);

struct Reply {
  Verdict verdict = Verdict::kFailed;
  std::uint32_t error = 0;  // the last number
  std::string bytes;        // with kOk only, and then not empty
};
// As above, with buffers that grow up to kReplyMax. An answer that may mean "too small" as well as
// "absent" is confirmed by one query at kReplyMax. These allocate.
Reply ReadRecords(NativeSocket accepted);
Reply ReadContext(NativeSocket accepted);
// What ReadRecords gave, byte for byte. On anything but kOk do not use the socket.
Verdict CarryRecords(NativeSocket onward, absl::string_view records);

// The handle of the base provider, for the calls above. Fails with a Winsock number; `*base` is
// then `socket`.
Answer BaseSocket(NativeSocket socket, NativeSocket* base);

// ---- Completion routine ----

// One call at a time, on one thread: the one that issues it must also wait, and must not end before
// the handler has run. The socket is overlapped and associated with no completion port. Buffers
// belong to the call until its handler runs.
class RoutineCall {
 public:
  using Handler = void (*)(void* user, const Answer& answer);

  RoutineCall(Handler handler, void* user);
  // REQUIRES: idle. Aborts otherwise, because the kernel still writes here.
  ~RoutineCall();
  RoutineCall(const RoutineCall&) = delete;
  RoutineCall& operator=(const RoutineCall&) = delete;

  // 0: the handler will run, once, inside a Wait of this thread, also when the answer is known
  // already. Otherwise a Winsock number, and it never runs. REQUIRES: idle.
  std::uint32_t QueryRecords(NativeSocket accepted, void* out, std::uint32_t size);
  std::uint32_t QueryContext(NativeSocket accepted, void* out, std::uint32_t size);
  std::uint32_t SetRecords(NativeSocket onward, const void* records, std::uint32_t size);

  // Asks that the call end soon, with 995 unless it ends otherwise; the handler still runs. Closing
  // the socket does the same (but not on the emulated platform). Harmless when idle.
  void Cancel();
  // No call under way. True again right before the handler runs, which may issue the next call.
  bool idle() const { return !busy_; }

  // Waits alertably: runs the handlers of calls of this thread that have ended, and any other
  // routine queued to it. True if something ran, false after `milliseconds` without. SleepEx and
  // the like do the same.
  static bool Wait(std::uint32_t milliseconds);

 private:
  friend struct RoutineAccess;
  std::uint32_t Issue(NativeSocket socket, std::uint32_t code, const void* in,
                      std::uint32_t in_size, void* out, std::uint32_t out_size);

  const Handler handler_;
  void* const user_;
  NativeSocket socket_ = 0;
  bool busy_ = false;
  std::uint32_t bytes_ = 0;  // as the system reports it; lives as long as the call
  alignas(std::max_align_t) unsigned char overlapped_[48] = {};
};

}  // namespace sluice::wfp

#endif  // SLUICE_WFP_H_
