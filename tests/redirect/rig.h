// SPDX-License-Identifier: Apache-2.0
//
// Rig: an emulated machine with real sockets for the rows of the redirect test matrix: an
// application, one vendor (A) with its proxy's listener, and an origin that connects are meant for.
// One thread drives both ports, the proxy's and the application's.
//
// A control is asked for in four ways, and every row that asks one runs in all of them.
#ifndef SLUICE_TESTS_REDIRECT_RIG_H_
#define SLUICE_TESTS_REDIRECT_RIG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/port.h"
#include "engine/memory/buffer_pool.h"
#include "engine/redirect/control_codes.h"
#include "engine/redirect/emulated/machine.h"
#include "engine/redirect/emulated/platform_impl.h"
#include "engine/redirect/redirector.h"
#include "gtest/gtest.h"
#include "sluice/emulated.h"

namespace sluice::emulated {

enum class Way {
  kSync,    // no OVERLAPPED: the caller waits
  kInline,  // overlapped, answered at once
  kPend,    // overlapped, answered by a packet
  kRandom,  // either
};
inline constexpr Way kWays[] = {Way::kSync, Way::kInline, Way::kPend, Way::kRandom};
std::string WayName(Way way);

// One answer of a control code. `number` is Winsock's if it came at once, Win32's if by packet.
struct Answer {
  std::uint32_t number = 0;
  std::uint32_t bytes = 0;
  bool at_once = true;

  bool ok() const { return number == 0; }
};
// Says whether the answer failed with this status, in the form that its way prescribes.
::testing::AssertionResult FailsWith(const Answer& answer, std::uint32_t at_once,
                                     std::uint32_t by_packet);

// The two ends of one connection.
struct Link {
  io::Socket* client = nullptr;    // the application's
  io::Socket* accepted = nullptr;  // the proxy's, or the origin's; null if nobody accepted
};

struct RigOptions {
  Way way = Way::kInline;
  Knobs knobs;
  ProcessOptions proxy;  // who owns the proxy's port
  bool manual_completion = false;
  bool with_vendor = true;  // A, listening at listener()
  Personality personality = Personality::kCooperative;
  std::string context;  // instead of the standard one, if not empty
  Family family = Family::kV4;
};

class Rig {
 public:
  explicit Rig(const RigOptions& options = RigOptions());
  explicit Rig(Way way, const Knobs& knobs = Knobs());
  // Closes everything and expects that nothing is left: no operation, no socket, no endpoint, no
  // record on its way.
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  io::Port& proxy_port() { return *proxy_port_; }
  io::Port& app_port() { return *app_port_; }
  Machine& machine() { return MachineOf(*platform); }
  io::Socket& listener() { return *listener_; }
  io::Socket& origin() { return *origin_; }
  Address destination() const { return origin_->local(); }

  bool RunUntil(const std::function<bool()>& done);
  void RunFor(Nanos duration);

  // Sockets belong to the rig; closed with it if not before.
  io::Socket& Open(io::Port& port, Family family);
  io::Socket& Listen(io::Port& port, Family family);
  void Close(io::Socket& socket);
  Outcome Connect(io::Socket& socket, const Address& remote);
  // Null when nothing comes.
  io::Socket* Accept(io::Socket& listener);
  bool Send(io::Socket& socket, const std::string& bytes);
  // One receive; empty at the end of the stream or after a reset.
  std::string Receive(io::Socket& socket, Outcome* outcome = nullptr);

  // A fresh application socket connects to the origin; with a vendor the proxy accepts it.
  Link ConnectApplication();
  // A fresh application socket connects to the proxy's listener itself.
  Link ConnectDirectly();
  // A second vendor (lighter) with a listener of its own, and a connection redirected twice: by A,
  // and then by B on A's onward connect. `accepted` is B's.
  Link ConnectThroughTwo();

  Answer Ask(io::Socket& socket, std::uint32_t code, const void* in, std::size_t in_size, void* out,
             std::size_t out_size);
  Answer QueryRecords(io::Socket& socket, std::string* out);
  Answer QueryContext(io::Socket& socket, std::string* out);
  Answer SetRecords(io::Socket& socket, const std::string& blob);
  // The whole blob of a redirected connection.
  std::string BlobOf(io::Socket& accepted);
  // Hops that a socket would carry now.
  std::uint32_t Installed(io::Socket& socket);

  redirect::WorkerView worker() { return redirect::WorkerView{proxy_port_.get(), &buffers}; }

  std::unique_ptr<Platform> platform;
  memory::BufferPool buffers;
  bool expect_faults = false;

 private:
  struct Owned {
    io::Port* port = nullptr;
    io::Socket socket;
  };

  io::Port& PortOf(const io::Socket& socket);
  io::Socket& Own(io::Port& port);

  const RigOptions options_;
  io::Platform* proxy_front_ = nullptr;
  std::unique_ptr<io::Port> proxy_port_;
  std::unique_ptr<io::Port> app_port_;
  std::vector<std::unique_ptr<Owned>> sockets_;
  io::Socket* listener_ = nullptr;
  io::Socket* origin_ = nullptr;
};

inline std::string WayParamName(const ::testing::TestParamInfo<Way>& info) {
  return WayName(info.param);
}

class WayTest : public ::testing::TestWithParam<Way> {};

}  // namespace sluice::emulated

#define SLUICE_ALL_WAYS(suite)                                                          \
  INSTANTIATE_TEST_SUITE_P(Ways, suite, ::testing::ValuesIn(::sluice::emulated::kWays), \
                           ::sluice::emulated::WayParamName)

#endif  // SLUICE_TESTS_REDIRECT_RIG_H_
