// SPDX-License-Identifier: Apache-2.0
//
// World: what a simulated port has instead of a kernel: a network of TCP endpoints, a clock that
// moves only when told to, and one seeded source of chance. Same seed and same calls, same world.
//
// A program makes a World first; ports made after it on the same thread live in it. Everything in
// one world happens on that thread. Who drives it (a test) steps ports that are Runnable, delivers
// what is due, and moves the clock when nothing else is left to do.
//
// What the network does that a test asked for by its odds is counted in `faults`: a run that counts
// none must lose nothing.
#ifndef SLUICE_IO_SIM_WORLD_H_
#define SLUICE_IO_SIM_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/clock.h"
#include "engine/base/outcome.h"
#include "engine/base/prng.h"
#include "engine/io/sim/endpoint.h"
#include "sluice/address.h"

namespace sluice::io::sim {

// Chances in a thousand.
struct Odds {
  // How things happen: none of these is a fault.
  unsigned inline_completion = 300;  // what can complete does so inside its start call
  unsigned late_completion = 200;    // an operation gets a delay before it may complete
  unsigned lazy_completion = 300;    // what can complete waits for a later turn
  unsigned partial = 300;            // a transfer moves less than it could
  unsigned short_turn = 100;         // a turn runs few handlers
  unsigned late_cancel = 500;        // a cancelled operation lives on for a while
  unsigned cancel_loses = 300;       // and may then end as if it had not been cancelled
  unsigned reset_discards = 500;     // an RST destroys what was received and not read (Windows)
  unsigned await_tells_reset = 500;  // AwaitReadable ends with the reset instead of success
  unsigned delayed_control = 200;
  bool reset_told_once =
      false;  // after the first operation that fails with it, reads say FIN (Linux)
  // Faults.
  unsigned fail_accept = 0;
  unsigned fail_adopt = 0;
  unsigned fail_open = 0;
  unsigned fail_bind = 0;
  unsigned fail_connect = 0;
  unsigned fail_recv = 0;
  unsigned fail_send = 0;
  unsigned fail_pipe = 0;
  unsigned fail_await = 0;
  unsigned fail_shutdown = 0;
  unsigned fail_control = 0;
  unsigned lost_control = 0;  // never completes unless cancelled
  unsigned lost_syn = 0;
  unsigned network_reset = 0;  // of a delivered segment: both ends see RST instead
};

struct WorldOptions {
  std::uint64_t seed = 1;
  Odds odds;
  Nanos latency_max = 2 * kMillisecond;
  Nanos completion_delay_max = 20 * kMillisecond;
  std::size_t window = 16 * 1024;  // bytes on the way and unread, one direction
  std::size_t write_room = 1;      // a send waits until so much of the window is free
  bool reuse_handles = true;       // the lowest free handle first, as descriptors are
  std::size_t handles_max = 1 << 20;
  std::size_t tcp_ports_max = 20000;  // ephemeral ports of the machine
  // A port that would wait drives the world itself until it has something to do or its deadline
  // comes. For programs that know nothing of worlds, as the contract suite.
  bool self_driven = false;
};

// What a driver asks of a port.
class Stepped {
 public:
  virtual ~Stepped() = default;
  // A turn now would do something, or the port's wait is over.
  virtual bool Runnable() = 0;
  // When it will be Runnable if nothing else happens; Never if not by itself.
  virtual Instant WakesAt() = 0;
};

class World {
 public:
  // Becomes the world of this thread. REQUIRES: the thread has none.
  explicit World(const WorldOptions& options);
  // REQUIRES: every port in it is gone.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Null when this thread has none.
  static World* Current();

  const WorldOptions& options() const { return options_; }
  Odds& odds() { return options_.odds; }
  Prng& prng() { return prng_; }
  bool Chance(unsigned per_mille) { return per_mille != 0 && prng_.Chance(per_mille, 1000); }
  // Like Chance, and counted: somebody's connection may suffer for it.
  bool Fault(unsigned per_mille);
  std::uint64_t faults() const { return faults_; }
  void CountFault() { ++faults_; }
  // A number that depends on everything that happened so far.
  std::uint64_t fingerprint() const { return fingerprint_; }
  void Note(std::uint64_t what) { fingerprint_ = (fingerprint_ ^ what) * 0x100000001B3ULL; }

  // ---- Clock ----
  Instant now() const { return now_; }
  // When the network next has something to deliver; Never if it has nothing.
  Instant NextDelivery() const { return events_.empty() ? Instant::Never() : events_.top().at; }
  // REQUIRES: not back.
  void MoveClock(Instant to);
  // Delivers one thing that is due; false when nothing is.
  bool DeliverOne();
  // Lets time pass until `port` is Runnable, `until` at the latest, or nothing is left to happen.
  void LetPass(Stepped& port, Instant until);
  // What one turn takes, so that a program that never waits gets somewhere too.
  void PassTurn();

  // ---- Sockets: what a kernel offers, without waiting. Handles as in io::Socket. ----
  OsError Open(Family family, NativeHandle* handle);
  OsError Bind(NativeHandle handle, const Address& local);
  // `dual_stack`: a v6 wildcard also takes IPv4.
  OsError Listen(NativeHandle handle, int backlog, bool dual_stack = false);
  // Gives the socket a local address and sends the SYN.
  OsError StartConnect(NativeHandle handle, const Address& remote);
  // REQUIRES: StartConnect succeeded. True once it is over, *error tells how.
  bool ConnectDone(NativeHandle handle, OsError* error);
  bool CanAccept(NativeHandle listener);
  // REQUIRES: CanAccept. Fails when handles are used up (the connection stays queued) or the
  // connection was reset meanwhile (it is gone).
  OsError Accept(NativeHandle listener, AcceptedSocket* accepted);

  bool IsConnected(NativeHandle handle) { return Of(handle).state == Endpoint::State::kConnected; }
  enum class ReadResult : std::uint8_t { kData, kEnd, kReset, kNothing };
  ReadResult Peek(NativeHandle handle);
  // An operation failed with the reset.
  void TellReset(NativeHandle handle) { Of(handle).reset_told = true; }
  // Takes up to `size` bytes when there are any.
  ReadResult Read(NativeHandle handle, void* to, std::size_t size, std::size_t* count);
  // True when Write would not take zero bytes for want of room.
  bool CanWrite(NativeHandle handle);
  OsError Write(NativeHandle handle, const void* from, std::size_t size, std::size_t* count);
  OsError ShutdownSend(NativeHandle handle);
  // FIN after what was written, or RST if something unread is left.
  void Close(NativeHandle handle);
  // RST; what has not arrived yet may be lost.
  void Abort(NativeHandle handle);
  // Both ends see RST.
  void KillConnection(NativeHandle handle);

  const Address& LocalOf(NativeHandle handle) { return Of(handle).local; }
  const Address& RemoteOf(NativeHandle handle) { return Of(handle).remote; }
  // Handles open now.
  std::size_t handles() const { return handles_open_; }
  std::size_t tcp_ports() const { return tcp_ports_; }

  // ---- Ports, in the order in which they were made; an ended one is null. ----
  void Register(Stepped* port) { ports_.push_back(port); }
  void Unregister(Stepped* port);
  const std::vector<Stepped*>& ports() const { return ports_; }

 private:
  enum class EventKind : std::uint8_t { kSyn, kSynAnswer, kSegment };
  struct Event {
    Instant at;
    std::uint64_t order = 0;
    EventKind kind = EventKind::kSegment;
    EndpointId id = kNoEndpoint;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  Endpoint& Of(NativeHandle handle);
  Endpoint& Get(EndpointId id) { return *endpoints_[id]; }
  Endpoint& Make(Family family);
  bool GiveHandle(Endpoint& endpoint);
  void TakeHandle(Endpoint& endpoint);
  void ReleasePort(Endpoint& endpoint);
  Endpoint* ListenerAt(const Address& address);
  std::uint16_t PortToward(const Address& remote);
  Nanos Latency() {
    return static_cast<Nanos>(prng_.Below(static_cast<std::uint64_t>(options_.latency_max) + 1));
  }
  void Schedule(Instant at, EventKind kind, EndpointId id);
  void Send(Endpoint& from, Segment::Kind kind, std::string bytes);
  void SendReset(Endpoint& from);
  void OnSyn(Endpoint& client);
  void OnSynAnswer(Endpoint& client);
  void OnSegment(Endpoint& from);
  void OnReset(Endpoint& to);

  WorldOptions options_;
  Prng prng_;
  Instant now_{kSecond};
  std::uint64_t order_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t fingerprint_ = 0xCBF29CE484222325ULL;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;  // by id
  std::vector<EndpointId> handles_;                   // by handle
  std::size_t handles_open_ = 0;
  std::size_t tcp_ports_ = 0;
  std::uint16_t next_tcp_port_ = 20000;                   // of who binds
  absl::flat_hash_map<Address, std::uint16_t> connects_;  // of who binds nothing, by destination
  std::vector<EndpointId> listeners_;
  std::priority_queue<Event> events_;
  std::vector<Stepped*> ports_;
};

}  // namespace sluice::io::sim

#endif  // SLUICE_IO_SIM_WORLD_H_
