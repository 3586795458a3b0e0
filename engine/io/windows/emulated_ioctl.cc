// SPDX-License-Identifier: Apache-2.0
#include "engine/io/windows/emulated_ioctl.h"

#include <atomic>

#include "engine/base/check.h"
#include "engine/io/windows/emulated_registry.h"
#include "engine/io/windows/errors.h"
#include "engine/io/windows/system.h"

namespace sluice::io {
namespace {

// hEvent with its low bit set: no packet for this request (see GetQueuedCompletionStatus).
constexpr ULONG_PTR kNoPacketBit = 1;

HANDLE EventOf(const OVERLAPPED& overlapped) {
  return reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(overlapped.hEvent) & ~kNoPacketBit);
}

bool WantsPacket(const OVERLAPPED& overlapped) {
  return (reinterpret_cast<ULONG_PTR>(overlapped.hEvent) & kNoPacketBit) == 0;
}

// The ticket stands in Offset and OffsetHigh, which Winsock leaves to the service provider, so that
// CancelEmulated finds it. Never 0.
void StoreTicket(OVERLAPPED* overlapped, std::uint64_t ticket) {
  overlapped->Offset = static_cast<DWORD>(ticket);
  overlapped->OffsetHigh = static_cast<DWORD>(ticket >> 32);
}

std::uint64_t TicketOf(const OVERLAPPED& overlapped) {
  return (std::uint64_t{overlapped.OffsetHigh} << 32) | overlapped.Offset;
}

void* ToPlatform(std::uint64_t ticket) {
  return reinterpret_cast<void*>(static_cast<ULONG_PTR>(ticket));
}

std::uint64_t FromPlatform(void* ticket) { return reinterpret_cast<ULONG_PTR>(ticket); }

// 0 for success. What WSAGetLastError says after a failure at once.
std::uint32_t InlineNumber(const ControlReply& reply) {
  return reply.literal != 0 ? reply.literal : WinsockNumber(reply.status);
}

// What goes into Internal and the packet.
NtStatus PacketStatus(const ControlReply& reply) {
  return reply.literal != 0 ? StatusOfNumber(reply.literal) : reply.status;
}

struct RoutineCall {
  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
  OVERLAPPED* overlapped;
  DWORD error;
  DWORD bytes;
};

void CALLBACK RunRoutine(ULONG_PTR parameter) {
  auto* call = reinterpret_cast<RoutineCall*>(parameter);
  const RoutineCall copy = *call;
  delete call;
  copy.routine(copy.error, copy.bytes, copy.overlapped, 0);
}

void QueueRoutine(const PendingControl& pending, const ControlReply& reply) {
  auto* call =
      new RoutineCall{pending.routine, pending.overlapped, InlineNumber(reply), reply.information};
  // Fails when the issuing thread is gone: nobody is left to run the routine, as with the kernel.
  if (QueueUserAPC(&RunRoutine, pending.thread, reinterpret_cast<ULONG_PTR>(call)) == 0)
    delete call;
}

// As the I/O manager ends a request: status block first, then whatever wakes its owner. Nothing of
// the OVERLAPPED is touched once its owner may know.
void Deliver(const PendingControl& pending, const ControlReply& reply, bool packet) {
  const NtStatus status = PacketStatus(reply);
  OVERLAPPED* overlapped = pending.overlapped;
  // WSAGetOverlappedResult reports Offset as flags (Wine 8). Somebody who reads results that way
  // has no port; with a port Offset stays, for CancelEmulated on the owner's thread.
  if (pending.port == nullptr) StoreTicket(overlapped, 0);
  overlapped->InternalHigh = reply.information;
  std::atomic_ref<ULONG_PTR>(overlapped->Internal).store(status, std::memory_order_release);
  if (pending.routine != nullptr) {
    QueueRoutine(pending, reply);
    CloseHandle(pending.thread);
    return;
  }
  if (pending.event != nullptr) SetEvent(pending.event);
  if (packet) {
    const LONG queued =
        Nt().set_io_completion(pending.port, reinterpret_cast<PVOID>(pending.key), overlapped,
                               static_cast<LONG>(status), reply.information);
    SLUICE_CHECK(queued >= 0);  // else the operation would never end
  }
}

void CompleteRequest(void* ticket, ControlReply reply) {
  PendingControl pending;
  // Exactly once is the platform's promise (platform.h).
  SLUICE_CHECK(TakePending(FromPlatform(ticket), &pending));
  Deliver(pending, reply, pending.packet);
}

HANDLE OpenIssuingThread() {
  const HANDLE thread = OpenThread(THREAD_SET_CONTEXT, FALSE, GetCurrentThreadId());
  SLUICE_CHECK(thread != nullptr);
  return thread;
}

PendingControl Describe(const EmulatedSocket& entry, OVERLAPPED* overlapped,
                        LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  PendingControl pending;
  pending.platform = entry.platform;
  pending.overlapped = overlapped;
  pending.routine = routine;
  pending.port = entry.port;
  pending.key = entry.key;
  if (routine != nullptr) {
    pending.thread = OpenIssuingThread();
  } else {
    pending.event = EventOf(*overlapped);
    pending.packet = entry.port != nullptr && WantsPacket(*overlapped);
  }
  return pending;
}

int Fail(std::uint32_t number) {
  WSASetLastError(static_cast<int>(number));
  return SOCKET_ERROR;
}

// `*answered` is false if the platform does not know the code.
int AnswerSynchronous(const EmulatedSocket& entry, const ControlRequest& request,
                      LPDWORD bytes_returned, bool* answered) {
  ControlReply reply;
  const ControlAnswer answer = entry.platform->Control(request, &reply);
  SLUICE_CHECK(answer != ControlAnswer::kPended);  // platform.h: never without `complete`
  *answered = answer == ControlAnswer::kDone;
  if (!*answered) return 0;
  // The information field of a failure, too: how a caller learns the size it needs.
  *bytes_returned = reply.information;
  const std::uint32_t number = InlineNumber(reply);
  return number == 0 ? 0 : Fail(number);
}

int AnswerOverlapped(const EmulatedSocket& entry, ControlRequest request, LPDWORD bytes_returned,
                     OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                     bool* answered) {
  const PendingControl pending = Describe(entry, overlapped, routine);
  if (pending.event != nullptr) ResetEvent(pending.event);
  // All of it before the platform may complete the request on another thread.
  const std::uint64_t ticket = AddPending(pending);
  StoreTicket(overlapped, ticket);
  std::atomic_ref<ULONG_PTR>(overlapped->Internal).store(kStatusPending, std::memory_order_release);
  request.ticket = ToPlatform(ticket);
  request.complete = &CompleteRequest;

  ControlReply reply;
  const ControlAnswer answer = entry.platform->Control(request, &reply);
  *answered = answer != ControlAnswer::kUnknown;
  // From here on neither the OVERLAPPED nor the ticket may be touched: both may be gone.
  if (answer == ControlAnswer::kPended) return Fail(WSA_IO_PENDING);

  PendingControl taken;
  SLUICE_CHECK(TakePending(ticket, &taken));
  StoreTicket(overlapped, 0);
  const std::uint32_t number = *answered ? InlineNumber(reply) : 0;
  if (!*answered || number != 0) {
    // The I/O manager writes no status block for a request that failed at once, and queues nothing.
    if (taken.thread != nullptr) CloseHandle(taken.thread);
    overlapped->Internal = 0;
    if (!*answered) return 0;
    if (bytes_returned != nullptr) *bytes_returned = reply.information;
    return Fail(number);
  }
  // Before the packet: with it the storage may go.
  if (bytes_returned != nullptr) *bytes_returned = reply.information;
  Deliver(taken, reply, taken.packet && !entry.skip_on_success);
  return 0;
}

}  // namespace

int WSAAPI EmulatedWsaIoctl(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out,
                            DWORD out_size, LPDWORD bytes_returned, LPWSAOVERLAPPED overlapped,
                            LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  EmulatedSocket entry;
  if (FindEmulated(socket, &entry)) {
    ControlRequest request;
    request.socket = socket;
    request.code = code;
    request.in = in;
    request.in_size = in_size;
    request.out = out;
    request.out_size = out_size;
    bool answered = false;
    int result = 0;
    if (overlapped != nullptr) {
      result = AnswerOverlapped(entry, request, bytes_returned, overlapped, routine, &answered);
    } else {
      // A routine without an OVERLAPPED cannot be called: WSAIoctl then works synchronously (C2
      // wants both absent). The count is mandatory there (C8).
      if (bytes_returned == nullptr) return Fail(WSAEFAULT);
      result = AnswerSynchronous(entry, request, bytes_returned, &answered);
    }
    if (answered) return result;
  }
  return SystemWsaIoctl(entry.skip_on_success, socket, code, in, in_size, out, out_size,
                        bytes_returned, overlapped, routine);
}

bool CancelEmulated(const OVERLAPPED* overlapped) {
  const std::uint64_t ticket = TicketOf(*overlapped);
  if (ticket == 0) return false;
  Platform* platform = nullptr;
  if (!FindPendingPlatform(ticket, &platform)) return false;
  // Outside any lock: the platform may complete the request inside this call. If it has done so
  // since, the ticket is one that it no longer knows; tickets are not used twice.
  platform->CancelControl(ToPlatform(ticket));
  return true;
}

}  // namespace sluice::io
