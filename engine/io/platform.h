// SPDX-License-Identifier: Apache-2.0
//
// Platform: what stands in for the kernel's redirect driver when there is none.
//
// On a machine with the real driver no Platform is installed: connects, accepts and control codes
// go to the kernel. With one installed (PortOptions::platform), the port tells it of each socket's
// life and hands it the control codes it knows, and completes them as the kernel would: at once,
// pended, or failed at once. On Windows the codes reach it through a function with WSAIoctl's
// signature and completion rules.
//
// Every method: any thread, several at a time. No method may call back into a port except through
// ControlRequest::complete.
#ifndef SLUICE_IO_PLATFORM_H_
#define SLUICE_IO_PLATFORM_H_

#include <cstdint>

#include "engine/base/outcome.h"
#include "engine/io/control_status.h"
#include "engine/io/socket.h"
#include "sluice/address.h"

namespace sluice::io {

// A control code's answer as a kernel driver gives it: a status and an information field. `literal`
// nonzero replaces the translated number (an emulator's way to try numbers no table produces).
struct ControlReply {
  NtStatus status = kStatusSuccess;
  std::uint32_t information = 0;
  std::uint32_t literal = 0;
};

struct ControlRequest {
  NativeHandle socket = kNoHandle;
  std::uint32_t code = 0;
  const void* in = nullptr;
  std::uint32_t in_size = 0;
  void* out = nullptr;
  std::uint32_t out_size = 0;
  // How a pended request ends; any thread, exactly once, possibly before Control has returned.
  // `ticket` is unique among pended requests. Null `complete`: a synchronous caller, never pend.
  void* ticket = nullptr;
  void (*complete)(void* ticket, ControlReply reply) = nullptr;
};

enum class ControlAnswer {
  kUnknown,  // not a code of this platform, or not a socket of its: let the OS answer
  kDone,     // *reply is the answer
  kPended,   // `complete` will be, or was, called
};

struct ConnectDecision {
  OsError error;   // not ok: the connect fails with this and nothing is sent
  Address remote;  // where the SYN goes instead
};

class Platform {
 public:
  virtual ~Platform() = default;

  // A stream socket was made (by Open or Listen; an accepted one is told by OnAccepted alone), now
  // listens, or is about to be closed. OnClosing comes before the handle can be reused, also for an
  // accepted socket that nobody adopts; requests pended on it must be completed with
  // kStatusCancelled.
  virtual void OnOpened(NativeHandle socket, Family family) = 0;
  virtual void OnBound(NativeHandle socket, const Address& local) = 0;
  virtual void OnListening(NativeHandle socket, const Address& local, int backlog) = 0;
  virtual void OnClosing(NativeHandle socket) = 0;

  // Before a connect leaves. A socket's `local` is empty when it is not bound.
  virtual ConnectDecision OnConnecting(NativeHandle socket, const Address& local,
                                       const Address& remote) = 0;
  // The SYN is about to leave. Between BeginSyn and EndSyn OnAccepted waits, so that what rides on
  // the SYN is known before the accepting side can ask for it. EndSyn's `local` is the connecting
  // end's address (a wildcard means: loopback, that port). EndSyn is called once for each BeginSyn,
  // with an empty `local` when nothing left. BeginSyn is called only after an OK OnConnecting.
  virtual void BeginSyn(NativeHandle socket) = 0;
  virtual void EndSyn(NativeHandle socket, const Address& local) = 0;
  virtual void OnConnected(NativeHandle socket, OsError error) = 0;
  // A listener gave birth to `socket`.
  virtual void OnAccepted(NativeHandle socket, NativeHandle listener, const Address& local,
                          const Address& peer) = 0;

  virtual ControlAnswer Control(const ControlRequest& request, ControlReply* reply) = 0;
  // Asks that a pended request end soon with kStatusCancelled; it may also end otherwise. Unknown
  // or finished tickets are ignored.
  virtual void CancelControl(void* ticket) = 0;
};

}  // namespace sluice::io

#endif  // SLUICE_IO_PLATFORM_H_
