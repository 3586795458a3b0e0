// SPDX-License-Identifier: Apache-2.0
//
// Machine: the emulated kernel behind real sockets. It knows each socket's endpoint, hands records
// from the connecting socket to the accepted one, and answers control codes, at once or later.
// ProcessFront is the io::Platform that ports see: one process of the machine.
//
// Endpoints are spread over shards by handle; a shard's lock is held while one of its endpoints is
// used, and never together with another shard's. Callouts run under the lock of the connecting
// endpoint only, so they may take their time but must not call the machine.
#ifndef SLUICE_REDIRECT_EMULATED_MACHINE_H_
#define SLUICE_REDIRECT_EMULATED_MACHINE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "engine/base/mutex.h"
#include "engine/io/platform.h"
#include "engine/redirect/emulated/kernel.h"
#include "engine/redirect/emulated/pended.h"
#include "engine/redirect/emulated/syn_table.h"

namespace sluice::emulated {

class Machine {
 public:
  explicit Machine(const PlatformOptions& options);

  Kernel& kernel() { return kernel_; }
  PendedControls& pended() { return pended_; }
  SynTable& syns() { return syns_; }

  void Opened(const ProcessOptions& process, io::NativeHandle socket, Family family);
  void Bound(io::NativeHandle socket, const Address& local);
  void Listening(io::NativeHandle socket, const Address& local);
  void Closing(io::NativeHandle socket);
  io::ConnectDecision Connecting(io::NativeHandle socket, const Address& local,
                                 const Address& remote);
  void BeginSyn(io::NativeHandle socket);
  void EndSyn(io::NativeHandle socket, const Address& local);
  void Connected(io::NativeHandle socket, OsError error);
  void Accepted(const ProcessOptions& process, io::NativeHandle socket, const Address& local,
                const Address& peer);
  io::ControlAnswer Control(const io::ControlRequest& request, io::ControlReply* reply);

  // For tests: runs `visit` on a socket's endpoint; false if there is none.
  bool Visit(io::NativeHandle socket, const std::function<void(Endpoint&)>& visit);
  std::size_t sockets() const;

 private:
  struct Socket {
    Endpoint endpoint;
    bool announce = false;  // its SYN is of interest to an accepting side here
    HopList tag;            // for the SYN; given away by BeginSyn
    Address syn_to;
    SynTable::Ticket ticket;  // of the SYN that left
  };
  struct alignas(64) Shard {
    mutable Mutex mutex;
    absl::flat_hash_map<io::NativeHandle, std::unique_ptr<Socket>> sockets ABSL_GUARDED_BY(mutex);
  };
  static constexpr std::size_t kShards = 16;

  static io::ControlReply AnswerPended(void* self, const io::ControlRequest& request);

  Shard& ShardOf(io::NativeHandle socket);
  static Socket* Find(Shard& shard, io::NativeHandle socket)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);
  void Insert(io::NativeHandle handle, std::unique_ptr<Socket> socket);
  io::ControlReply Answer(const io::ControlRequest& request);
  HopList AdoptForeign(const Config& config, const Address& local, const Address& peer);

  Kernel kernel_;
  SynTable syns_;
  std::array<Shard, kShards> shards_;
  const ProcessOptions foreign_process_;  // who adopted connections come from
  PendedControls pended_;                 // last: its thread uses all of the above
};

// Any thread; lives as long as its platform.
class ProcessFront final : public io::Platform {
 public:
  ProcessFront(Machine& machine, const ProcessOptions& options)
      : machine_(machine), options_(options) {}

  void OnOpened(io::NativeHandle socket, Family family) override {
    machine_.Opened(options_, socket, family);
  }
  void OnBound(io::NativeHandle socket, const Address& local) override {
    machine_.Bound(socket, local);
  }
  void OnListening(io::NativeHandle socket, const Address& local, int /*backlog*/) override {
    machine_.Listening(socket, local);
  }
  void OnClosing(io::NativeHandle socket) override { machine_.Closing(socket); }
  io::ConnectDecision OnConnecting(io::NativeHandle socket, const Address& local,
                                   const Address& remote) override {
    return machine_.Connecting(socket, local, remote);
  }
  void BeginSyn(io::NativeHandle socket) override { machine_.BeginSyn(socket); }
  void EndSyn(io::NativeHandle socket, const Address& local) override {
    machine_.EndSyn(socket, local);
  }
  void OnConnected(io::NativeHandle socket, OsError error) override {
    machine_.Connected(socket, error);
  }
  void OnAccepted(io::NativeHandle socket, io::NativeHandle /*listener*/, const Address& local,
                  const Address& peer) override {
    machine_.Accepted(options_, socket, local, peer);
  }
  io::ControlAnswer Control(const io::ControlRequest& request, io::ControlReply* reply) override {
    return machine_.Control(request, reply);
  }
  void CancelControl(void* ticket) override { machine_.pended().Cancel(ticket); }

 private:
  Machine& machine_;
  const ProcessOptions options_;
};

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_MACHINE_H_
