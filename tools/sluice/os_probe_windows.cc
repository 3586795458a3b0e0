// SPDX-License-Identifier: Apache-2.0
#if defined(_WIN32)

#include "tools/sluice/os_probe_windows.h"

#include <winsock2.h>

#include <windows.h>
#include <ws2tcpip.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "engine/base/clock.h"
#include "engine/redirect/control_codes.h"
#include "tools/sluice/doctor_os.h"

namespace sluice::tool {
namespace {

constexpr DWORD kPatienceMs = 2000;
constexpr DWORD kEventMs = 500;
constexpr DWORD kEventStepMs = 20;
constexpr char kNeverEnded[] = "never ended";
constexpr unsigned char kPaint = 0xA5;

// One call's arguments.
struct Ask {
  const char* operation;
  const char* variant;
  std::uint32_t in_size;
  std::uint32_t out_size;
  bool null_in = false;
  bool null_out = false;
};

// What the kernel may write to until the outcome; on the heap, because an operation that never ends
// keeps it.
struct Call {
  OVERLAPPED overlapped{};
  std::vector<unsigned char> in;
  std::vector<unsigned char> out;
};

// No argument here can be right: nobody's blob is counted bytes.
constexpr Ask kBasic[] = {{"records", "", 0, 4096}, {"context", "", 0, 512}, {"set", "", 8, 0}};

constexpr Ask kSizes[] = {{"records", "null output", 0, 0, false, true},
                          {"records", "capacity 1", 0, 1},
                          {"records", "capacity 3", 0, 3},
                          {"records", "capacity 4", 0, 4},
                          {"records", "capacity 64 KiB", 0, 65536},
                          {"records", "null pointer with a size", 0, 1024, false, true},
                          {"records", "input given", 16, 4096},
                          {"context", "null output", 0, 0, false, true},
                          {"context", "capacity 3", 0, 3},
                          {"context", "capacity 64 KiB", 0, 65536}};

constexpr Ask kBlobs[] = {
    {"set", "empty", 0, 0},         {"set", "null pointer with a size", 100, 0, true},
    {"set", "output size 4", 8, 4}, {"set", "4 bytes", 4, 0},
    {"set", "64 bytes", 64, 0},     {"set", "600 bytes", 600, 0},
    {"set", "4096 bytes", 4096, 0}, {"set", "64 KiB", 65536, 0}};

DWORD CodeOf(const std::string& operation) {
  if (operation == "records") return redirect::kQueryRedirectRecords;
  if (operation == "context") return redirect::kQueryRedirectContext;
  return redirect::kSetRedirectRecords;
}

// True once the outcome is in `row`; false if the operation never ended.
bool AwaitPacket(HANDLE port, SOCKET socket, OVERLAPPED* overlapped, RawRow& row) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    // A call that failed at once must queue no packet; a short wait shows one that comes all the
    // same.
    const DWORD wait = row.at_once ? 20 : kPatienceMs;
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* ended = nullptr;
    const BOOL good = GetQueuedCompletionStatus(port, &bytes, &key, &ended, wait);
    if (ended == overlapped) {
      row.packet = true;
      row.packet_number = good ? 0 : GetLastError();
      row.packet_bytes = bytes;
      return true;
    }
    if (row.at_once) return true;
    row.note = "no answer within two seconds; cancelled";
    CancelIoEx(reinterpret_cast<HANDLE>(socket), overlapped);
  }
  return false;
}

bool AwaitEvent(SOCKET socket, OVERLAPPED* overlapped, RawRow& row) {
  if (row.at_once) return true;
  for (DWORD waited = 0; waited < kEventMs; waited += kEventStepMs) {
    const bool finished = HasOverlappedIoCompleted(overlapped);
    if (WaitForSingleObject(overlapped->hEvent, kEventStepMs) == WAIT_OBJECT_0) return true;
    if (!finished) continue;
    row.note = "finished, but the event was not set";
    return true;
  }
  row.note = "no answer within half a second; cancelled";
  CancelIoEx(reinterpret_cast<HANDLE>(socket), overlapped);
  return WaitForSingleObject(overlapped->hEvent, kEventMs) == WAIT_OBJECT_0;
}

// `port` for the way "port": the socket is associated with it.
RawRow Issue(SOCKET socket, const Ask& ask, const char* way, HANDLE port) {
  RawRow row;
  row.operation = ask.operation;
  row.variant = ask.variant;
  row.way = way;
  row.in_size = ask.in_size;
  row.out_size = ask.out_size;
  auto call = std::make_unique<Call>();
  call->in.resize(ask.in_size);
  for (std::size_t i = 0; i < call->in.size(); ++i) call->in[i] = static_cast<unsigned char>(i);
  call->out.assign(ask.out_size, kPaint);
  const bool overlapped = row.way != "sync";
  if (row.way == "event") call->overlapped.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  DWORD bytes = kCountUntouched;
  const Instant begin = Instant::Now();
  const int result =
      WSAIoctl(socket, CodeOf(row.operation), ask.null_in ? nullptr : call->in.data(), ask.in_size,
               ask.null_out ? nullptr : call->out.data(), ask.out_size, &bytes,
               overlapped ? &call->overlapped : nullptr, nullptr);
  row.number = result == 0 ? 0 : static_cast<std::uint32_t>(WSAGetLastError());
  row.microseconds = static_cast<double>(Instant::Now() - begin) / 1000;
  row.bytes = bytes;
  row.ran = true;
  row.at_once = row.number != WSA_IO_PENDING;
  bool ended = true;
  if (row.way == "port") ended = AwaitPacket(port, socket, &call->overlapped, row);
  if (row.way == "event") ended = AwaitEvent(socket, &call->overlapped, row);
  if (!ended) {
    row.note = kNeverEnded;
    (void)call.release();  // still the kernel's
    return row;
  }
  if (overlapped && (row.packet || !row.at_once || row.number == 0)) {
    DWORD transferred = 0;
    DWORD flags = 0;
    const BOOL good =
        WSAGetOverlappedResult(socket, &call->overlapped, &transferred, FALSE, &flags);
    row.overlapped = good ? 0 : static_cast<std::uint32_t>(WSAGetLastError());
    row.status = static_cast<std::uint32_t>(call->overlapped.Internal);
  }
  if (call->overlapped.hEvent != nullptr) CloseHandle(call->overlapped.hEvent);
  row.buffer_untouched = std::all_of(call->out.begin(), call->out.end(),
                                     [](unsigned char byte) { return byte == kPaint; });
  return row;
}

class Prober {
 public:
  explicit Prober(int family) : family_(family) {}
  ~Prober() {
    if (port_ != nullptr) CloseHandle(port_);
  }
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  void Platform() {
    AskState("accepted_updated", {kBasic[0]}, {});
    AskState("created", {kBasic[2]}, {});
  }
  void All();
  std::vector<RawRow> rows;

 private:
  // `more` are asked synchronously and through the port, and not on an event too.
  void AskState(const std::string& state, const std::vector<Ask>& asks,
                const std::vector<Ask>& more);
  void Options(const std::string& state, SOCKET socket);
  void Names(const std::string& state, const StateSocket& made);
  void AskEvent(const std::string& state, SOCKET socket, const Ask& ask);
  void Repeat(SOCKET socket);
  void WithoutAdministrators(SOCKET socket);
  void Add(const std::string& state, RawRow row) {
    row.family = family_ == AF_INET ? "v4" : "v6";
    row.state = state;
    rows.push_back(std::move(row));
  }

  // False once an operation was never answered: each would cost a second.
  bool events_ = false;
  const int family_;
  HANDLE port_ = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1);
};

void Prober::AskState(const std::string& state, const std::vector<Ask>& asks,
                      const std::vector<Ask>& more) {
  StateSocket made;
  if (!made.Make(state, family_)) {
    RawRow row;
    row.operation = "make the socket";
    row.note = made.note;
    Add(state, row);
    return;
  }
  const bool full = !more.empty();
  // Before anything is associated with a port, so that no packet can come of it.
  for (const Ask& ask : asks) {
    Add(state, Issue(made.socket, ask, "sync", nullptr));
    if (events_) AskEvent(state, made.socket, ask);
  }
  for (const Ask& ask : more) Add(state, Issue(made.socket, ask, "sync", nullptr));
  if (full && state == "accepted_updated") Repeat(made.socket);
  if (full && state == "created") WithoutAdministrators(made.socket);
  Names(state, made);
  Options(state, made.socket);
  const HANDLE handle = reinterpret_cast<HANDLE>(made.socket);
  const bool socket_exists = state != "closed" && state != "not_a_socket";
  if (!socket_exists || CreateIoCompletionPort(handle, port_, 0, 0) == nullptr) return;
  for (const Ask& ask : asks) Add(state, Issue(made.socket, ask, "port", port_));
  for (const Ask& ask : more) Add(state, Issue(made.socket, ask, "port", port_));
}

void Prober::AskEvent(const std::string& state, SOCKET socket, const Ask& ask) {
  RawRow row = Issue(socket, ask, "event", nullptr);
  events_ = row.note != kNeverEnded;
  Add(state, std::move(row));
}

void Prober::All() {
  events_ = true;
  const std::vector<Ask> basic(std::begin(kBasic), std::end(kBasic));
  for (const std::string& state : SocketStates()) {
    if (state == "unix_stream" && family_ != AF_INET) continue;
    std::vector<Ask> more;
    if (state == "accepted_updated") more.assign(std::begin(kSizes), std::end(kSizes));
    if (state == "created") more.assign(std::begin(kBlobs), std::end(kBlobs));
    AskState(state, basic, more);
  }
}

// A record that was not there never comes: the same question 5, 25 and 100 ms later.
void Prober::Repeat(SOCKET socket) {
  for (const char* pause : {"after 5 ms", "after 25 ms", "after 100 ms"}) {
    Sleep(static_cast<DWORD>(std::atoi(pause + std::strlen("after "))));
    Add("accepted_updated", Issue(socket, Ask{"context", pause, 0, 512}, "sync", nullptr));
  }
}

// The thread acts with the process's token less the Administrators group and all privileges. Not
// the same as a process that never had them, but as near as one run can come.
void Prober::WithoutAdministrators(SOCKET socket) {
  HANDLE token = nullptr;
  HANDLE restricted = nullptr;
  HANDLE acting = nullptr;
  alignas(SID) unsigned char sid[SECURITY_MAX_SID_SIZE];
  DWORD size = sizeof(sid);
  bool good = OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY, &token) &&
              CreateWellKnownSid(WinBuiltinAdministratorsSid, nullptr, sid, &size);
  SID_AND_ATTRIBUTES group{sid, 0};
  good = good && CreateRestrictedToken(token, DISABLE_MAX_PRIVILEGE, 1, &group, 0, nullptr, 0,
                                       nullptr, &restricted);
  good = good && DuplicateToken(restricted, SecurityImpersonation, &acting);
  RawRow row;
  row.operation = "set";
  row.way = "sync";
  if (good && SetThreadToken(nullptr, acting)) {
    row = Issue(socket, kBasic[2], "sync", nullptr);
    RevertToSelf();
  } else {
    row.note = absl::StrCat("no restricted token: error ", GetLastError());
  }
  row.variant = "administrators disabled";
  Add("created", row);
  for (const HANDLE handle : {token, restricted, acting}) {
    if (handle != nullptr) CloseHandle(handle);
  }
}

void Prober::Names(const std::string& state, const StateSocket& made) {
  if (state != "accepted_not_updated" && state != "accepted_updated") return;
  sockaddr_storage peer{};
  sockaddr_storage local{};
  sockaddr_storage listener{};
  const auto ask = [&](const char* name, SOCKET socket, auto function, sockaddr_storage* out) {
    int size = sizeof(*out);
    RawRow row;
    row.operation = name;
    row.way = "sync";
    row.ran = true;
    const int result = function(socket, reinterpret_cast<sockaddr*>(out), &size);
    row.number = result == 0 ? 0 : static_cast<std::uint32_t>(WSAGetLastError());
    row.bytes = static_cast<std::uint32_t>(size);
    return row;
  };
  Add(state, ask("getpeername", made.socket, &getpeername, &peer));
  ask("getsockname", made.listener, &getsockname, &listener);
  RawRow row = ask("getsockname", made.socket, &getsockname, &local);
  const bool same = std::memcmp(&local, &listener, row.bytes) == 0;
  row.note = same ? "the listener's address" : "not the listener's address";
  Add(state, row);
}

void Prober::Options(const std::string& state, SOCKET socket) {
  if (state != "accepted_updated" && state != "connected") return;
  const int level = family_ == AF_INET ? redirect::kLevelIp : redirect::kLevelIpv6;
  const struct {
    const char* name;
    int level;
    int option;
  } options[] = {{"SO_ORIGINAL_DST", redirect::kLevelIp, redirect::kOptionOriginalDestination},
                 {"SO_ORIGINAL_DST", redirect::kLevelIpv6, redirect::kOptionOriginalDestination},
                 {"SO_ORIGINAL_DST", SOL_SOCKET, redirect::kOptionOriginalDestination},
                 {"option 60", level, redirect::kOptionRedirectRecords},
                 {"option 70", level, redirect::kOptionRedirectContext}};
  for (const auto& option : options) {
    char value[128] = {};
    int size = sizeof(value);
    RawRow row;
    row.operation = option.name;
    row.way = "sync";
    row.variant = absl::StrCat("level ", option.level);
    row.out_size = sizeof(value);
    row.ran = true;
    const int result = getsockopt(socket, option.level, option.option, value, &size);
    row.number = result == 0 ? 0 : static_cast<std::uint32_t>(WSAGetLastError());
    row.bytes = static_cast<std::uint32_t>(size);
    Add(state, row);
  }
}

}  // namespace

std::vector<RawRow> ProbeRaw(ProbeDepth depth) {
  WSADATA data;
  if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return {};
  std::vector<RawRow> all;
  for (const int family : {AF_INET, AF_INET6}) {
    Prober prober(family);
    if (depth == ProbeDepth::kAll) {
      prober.All();
    } else {
      prober.Platform();
    }
    all.insert(all.end(), prober.rows.begin(), prober.rows.end());
  }
  WSACleanup();
  return all;
}

}  // namespace sluice::tool

#endif
