// SPDX-License-Identifier: Apache-2.0
//
// What `doctor` asks the operating system itself, past io::Port: facts about this machine, and the
// redirect codes issued by hand so that nothing translates what the kernel answers. Implemented by
// os_facts_*.cc and os_probe_*.cc. Main thread.
#ifndef SLUICE_TOOLS_DOCTOR_OS_H_
#define SLUICE_TOOLS_DOCTOR_OS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/address.h"

namespace sluice::tool {

// ---- Facts ----

struct Provider {  // a Winsock provider for stream sockets
  std::string name;
  Family family = Family::kNone;
  bool layered = false;
  bool ifs = false;  // its sockets are real file handles
};

struct Product {  // something known to disturb redirection, seen by its service key or driver file
  std::string service;
  std::string what;
  std::string seen;   // how it was noticed
  std::string state;  // "running", "stopped" or "unknown"
  bool taps_loopback = false;
};

struct SystemFacts {
  std::string platform;  // "windows", "wine" or "linux"
  std::string system;    // name and version, for people
  std::string wine_version;
  bool elevated = false;
  std::string identity;  // what `elevated` was concluded from
  // Windows only.
  std::vector<Provider> providers;
  bool skip_on_success_v4 = false;
  bool skip_on_success_v6 = false;
  std::vector<Product> products;
  // Linux only: net.core.somaxconn and kernel.io_uring_disabled; -1 if unreadable.
  std::int64_t backlog_limit = -1;
  std::int64_t io_uring_disabled = -1;
};

SystemFacts LookAtSystem();

// ---- Raw probes ----

// A byte count that the call did not write.
inline constexpr std::uint32_t kCountUntouched = 0xFFFFFFFF;

// One call of WSAIoctl, getsockopt or the like, with what came back, untranslated.
struct RawRow {
  std::string family;     // "v4" or "v6"; the state may imply another
  std::string state;      // of the socket, in the words of the legality table
  std::string operation;  // "records", "context", "set", or another call's name
  std::string way;        // "sync", "port", "event"
  std::string variant;    // "" or what is special about the arguments
  std::uint32_t in_size = 0;
  std::uint32_t out_size = 0;
  std::string note;  // not empty: what else is to be known, or why there is no answer

  bool ran = false;
  bool at_once = true;                    // false: the call said 997 and the rest came later
  std::uint32_t number = 0;               // Winsock's, by the call itself; 0: success
  std::uint32_t bytes = kCountUntouched;  // as the call left it
  bool packet = false;                    // a completion packet arrived
  std::uint32_t packet_number = 0;        // Win32's, from the port
  std::uint32_t packet_bytes = 0;
  std::uint32_t status = 0;      // NTSTATUS in the OVERLAPPED
  std::uint32_t overlapped = 0;  // Winsock's, by WSAGetOverlappedResult; 0: success
  bool buffer_untouched = true;
  double microseconds = 0;
};

enum class ProbeDepth {
  kPlatform,  // a records query on an accepted socket and a SET on a fresh one
  kAll,       // every code in every socket state that needs no driver
};

// Empty where there is no WSAIoctl. Makes loopback connections of its own, nothing else.
std::vector<RawRow> ProbeRaw(ProbeDepth depth);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_DOCTOR_OS_H_
