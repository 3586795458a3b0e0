// SPDX-License-Identifier: Apache-2.0
#include "engine/io/windows/system.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/io/control_status.h"

namespace sluice::io {
namespace {

template <typename Function>
bool LoadExtension(SOCKET socket, GUID id, Function* function) {
  DWORD bytes = 0;
  return WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof(id), function,
                  sizeof(*function), &bytes, nullptr, nullptr) == 0;
}

absl::Status LoadExtensions(Winsock* winsock) {
  const SOCKET socket = NewStreamSocket(Family::kV4);
  if (socket == INVALID_SOCKET) {
    return absl::UnavailableError(absl::StrCat("WSASocketW failed with ", WSAGetLastError(),
                                               ": this process cannot open IPv4 stream sockets"));
  }
  const bool loaded =
      LoadExtension(socket, WSAID_ACCEPTEX, &winsock->accept_ex) &&
      LoadExtension(socket, WSAID_CONNECTEX, &winsock->connect_ex) &&
      LoadExtension(socket, WSAID_GETACCEPTEXSOCKADDRS, &winsock->accept_ex_addresses);
  const int error = loaded ? 0 : WSAGetLastError();
  closesocket(socket);
  if (loaded) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("AcceptEx or ConnectEx is missing (error ", error,
                   "): a layered Winsock provider hides them; see `netsh winsock show catalog`"));
}

// Every stream provider, not only the one a socket of ours ends up with: a layered one may be
// chosen for some processes or addresses only.
bool AllProvidersAreIfs(const std::vector<WSAPROTOCOL_INFOW>& providers, Family family) {
  bool any = false;
  for (const WSAPROTOCOL_INFOW& provider : providers) {
    if (provider.iAddressFamily != NativeFamily(family)) continue;
    if (provider.iSocketType != SOCK_STREAM) continue;
    if ((provider.dwServiceFlags1 & XP1_IFS_HANDLES) == 0) return false;
    any = true;
  }
  return any;
}

std::vector<WSAPROTOCOL_INFOW> ListProviders() {
  DWORD bytes = 0;
  WSAEnumProtocolsW(nullptr, nullptr, &bytes);
  std::vector<WSAPROTOCOL_INFOW> providers(bytes / sizeof(WSAPROTOCOL_INFOW));
  if (providers.empty()) return providers;
  const int count = WSAEnumProtocolsW(nullptr, providers.data(), &bytes);
  providers.resize(count == SOCKET_ERROR ? 0 : static_cast<std::size_t>(count));
  return providers;
}

// The provider that a socket of ours really gets has the last word.
bool SocketIsIfs(Family family) {
  const SOCKET socket = NewStreamSocket(family);
  if (socket == INVALID_SOCKET) return false;  // no such family here
  WSAPROTOCOL_INFOW info{};
  int size = sizeof(info);
  const int result =
      getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &size);
  closesocket(socket);
  return result == 0 && (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

Winsock StartWinsock() {
  Winsock winsock;
  WSADATA data;
  const int error = WSAStartup(MAKEWORD(2, 2), &data);
  if (error != 0) {
    winsock.status = absl::UnavailableError(absl::StrCat("WSAStartup failed with ", error));
    return winsock;
  }
  winsock.status = LoadExtensions(&winsock);
  const std::vector<WSAPROTOCOL_INFOW> providers = ListProviders();
  winsock.skip_on_success_v4 =
      AllProvidersAreIfs(providers, Family::kV4) && SocketIsIfs(Family::kV4);
  winsock.skip_on_success_v6 =
      AllProvidersAreIfs(providers, Family::kV6) && SocketIsIfs(Family::kV6);
  return winsock;
}

template <typename Function>
void LoadFunction(const char* name, Function* function) {
  // ntdll is part of every process, so neither look-up can fail.
  const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  SLUICE_CHECK(ntdll != nullptr);
  const FARPROC address = GetProcAddress(ntdll, name);
  SLUICE_CHECK(address != nullptr);
  *function = reinterpret_cast<Function>(reinterpret_cast<void*>(address));
}

Ntdll LoadNtdll() {
  Ntdll nt;
  LoadFunction("RtlNtStatusToDosError", &nt.status_to_win32);
  LoadFunction("NtSetIoCompletion", &nt.set_io_completion);
  return nt;
}

bool UnderWine() {
  static const bool wine =
      GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
  return wine;
}

bool IsSocket(SOCKET socket) {
  int type = 0;
  int size = sizeof(type);
  return getsockopt(socket, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &size) == 0;
}

}  // namespace

const Winsock& GetWinsock() {
  static const Winsock* const winsock = new Winsock(StartWinsock());
  return *winsock;
}

const Ntdll& Nt() {
  static const Ntdll nt = LoadNtdll();
  return nt;
}

SOCKET NewStreamSocket(Family family) {
  return WSASocketW(NativeFamily(family), SOCK_STREAM, IPPROTO_TCP, nullptr, 0,
                    WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

int SystemWsaIoctl(bool skip_on_success, SOCKET socket, DWORD code, LPVOID in, DWORD in_size,
                   LPVOID out, DWORD out_size, LPDWORD bytes_returned, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  const int result =
      WSAIoctl(socket, code, in, in_size, out, out_size, bytes_returned, overlapped, routine);
  if (result == 0 || !UnderWine()) return result;
  const int error = WSAGetLastError();
  const bool unknown_code = error == WSA_IO_PENDING && overlapped != nullptr && skip_on_success &&
                            overlapped->Internal == kStatusNotSupported;
  if (unknown_code) WSASetLastError(WSAEOPNOTSUPP);
  if (error == WSAEOPNOTSUPP) WSASetLastError(IsSocket(socket) ? WSAEOPNOTSUPP : WSAENOTSOCK);
  return result;
}

}  // namespace sluice::io
