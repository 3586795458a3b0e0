// SPDX-License-Identifier: Apache-2.0
#if defined(_WIN32)

#include <winsock2.h>

#include <windows.h>
#include <ws2tcpip.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/sluice/doctor_os.h"

namespace sluice::tool {
namespace {

constexpr wchar_t kServices[] = L"SYSTEM\\CurrentControlSet\\Services\\";

struct Suspect {
  const wchar_t* service;
  const wchar_t* driver;  // file below System32\drivers; may be null
  const char* what;
  bool taps_loopback;
};

// Named in reports about lost records or disturbed redirection, or redirecting connects themselves.
constexpr Suspect kSuspects[] = {
    {L"npcap", L"npcap.sys", "Npcap packet capture", true},
    {L"npf", L"npf.sys", "WinPcap packet capture", false},
    {L"WinDivert", L"WinDivert64.sys", "WinDivert packet diversion", true},
    {L"ndisrd", L"ndisrd.sys", "Windows Packet Filter", false},
    {L"netfilter2", L"netfilter2.sys", "NetFilter SDK", true},
    {L"adgnetworkwfpdrv", L"adgnetworkwfpdrv.sys", "AdGuard's connection filter", true},
    {L"mullvad-split-tunnel", nullptr, "Mullvad split tunnelling", true},
    {L"PortmasterKext", nullptr, "Portmaster's connection filter", true},
    {L"NetEbpfExt", L"netebpfext.sys", "eBPF for Windows, which can redirect connects", true},
    {L"GuestProxyAgent", nullptr, "Azure Guest Proxy Agent, which redirects connects", true},
};

std::string Narrow(const wchar_t* text) {
  const int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
  std::string out(size > 0 ? static_cast<std::size_t>(size) : 1, '\0');
  WideCharToMultiByte(CP_UTF8, 0, text, -1, out.data(), size, nullptr, nullptr);
  out.pop_back();
  return out;
}

template <typename Function>
Function Ntdll(const char* name) {
  const FARPROC address = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), name);
  return reinterpret_cast<Function>(reinterpret_cast<void*>(address));
}

void LookAtVersion(SystemFacts& facts) {
  RTL_OSVERSIONINFOW version{};
  version.dwOSVersionInfoSize = sizeof(version);
  // GetVersionEx tells a program without a manifest what it wants to hear; this one does not.
  const auto get_version = Ntdll<LONG(WINAPI*)(RTL_OSVERSIONINFOW*)>("RtlGetVersion");
  if (get_version != nullptr) get_version(&version);
  facts.system = absl::StrFormat("Windows %d.%d.%d", version.dwMajorVersion, version.dwMinorVersion,
                                 version.dwBuildNumber);
  const auto wine = Ntdll<const char*(__cdecl*)()>("wine_get_version");
  facts.platform = wine == nullptr ? "windows" : "wine";
  if (wine != nullptr) facts.wine_version = wine();
}

void LookAtToken(SystemFacts& facts) {
  HANDLE token = nullptr;
  facts.identity = "token unreadable";
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return;
  TOKEN_ELEVATION elevation{};
  DWORD size = 0;
  if (GetTokenInformation(token, TokenElevation, &elevation, sizeof(elevation), &size)) {
    facts.elevated = elevation.TokenIsElevated != 0;
    facts.identity = absl::StrCat("TokenElevation ", elevation.TokenIsElevated);
  }
  alignas(TOKEN_MANDATORY_LABEL) unsigned char label[128];
  if (GetTokenInformation(token, TokenIntegrityLevel, label, sizeof(label), &size)) {
    PSID sid = reinterpret_cast<TOKEN_MANDATORY_LABEL*>(label)->Label.Sid;
    const DWORD level = *GetSidSubAuthority(sid, *GetSidSubAuthorityCount(sid) - DWORD{1});
    absl::StrAppendFormat(&facts.identity, ", integrity 0x%x", level);
  }
  CloseHandle(token);
}

bool SocketIsIfs(int family) {
  const SOCKET socket = WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, nullptr, 0,
                                   WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (socket == INVALID_SOCKET) return false;
  WSAPROTOCOL_INFOW info{};
  int size = sizeof(info);
  const int result =
      getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &size);
  closesocket(socket);
  return result == 0 && (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

void LookAtProviders(SystemFacts& facts) {
  DWORD bytes = 0;
  WSAEnumProtocolsW(nullptr, nullptr, &bytes);
  std::vector<WSAPROTOCOL_INFOW> infos(bytes / sizeof(WSAPROTOCOL_INFOW));
  const int count = infos.empty() ? 0 : WSAEnumProtocolsW(nullptr, infos.data(), &bytes);
  infos.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  facts.skip_on_success_v4 = SocketIsIfs(AF_INET);
  facts.skip_on_success_v6 = SocketIsIfs(AF_INET6);
  for (const WSAPROTOCOL_INFOW& info : infos) {
    if (info.iSocketType != SOCK_STREAM) continue;
    if (info.iAddressFamily != AF_INET && info.iAddressFamily != AF_INET6) continue;
    Provider provider;
    provider.name = Narrow(info.szProtocol);
    provider.family = info.iAddressFamily == AF_INET ? Family::kV4 : Family::kV6;
    // A base provider has length 1; a layered protocol 0; a chain with layers more than 1.
    provider.layered = info.ProtocolChain.ChainLen != BASE_PROTOCOL;
    provider.ifs = (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
    if (!provider.ifs) {
      (provider.family == Family::kV4 ? facts.skip_on_success_v4 : facts.skip_on_success_v6) =
          false;
    }
    facts.providers.push_back(provider);
  }
}

// The service control manager lets everyone ask.
std::string StateOf(const wchar_t* service) {
  std::string state = "unknown";
  const SC_HANDLE manager = OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
  if (manager == nullptr) return state;
  const SC_HANDLE handle = OpenServiceW(manager, service, SERVICE_QUERY_STATUS);
  SERVICE_STATUS status{};
  if (handle != nullptr && QueryServiceStatus(handle, &status)) {
    state = status.dwCurrentState == SERVICE_STOPPED ? "stopped" : "running";
  }
  if (handle != nullptr) CloseServiceHandle(handle);
  CloseServiceHandle(manager);
  return state;
}

bool KeyExists(const std::wstring& path) {
  HKEY key = nullptr;
  if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, KEY_READ, &key) != ERROR_SUCCESS) {
    return false;
  }
  RegCloseKey(key);
  return true;
}

// 1 or 0, or -1 if the value is not there.
int NpcapLoopback() {
  DWORD value = 0;
  DWORD size = sizeof(value);
  const std::wstring path = std::wstring(kServices) + L"npcap\\Parameters";
  const LSTATUS status = RegGetValueW(HKEY_LOCAL_MACHINE, path.c_str(), L"LoopbackSupport",
                                      RRF_RT_REG_DWORD, nullptr, &value, &size);
  return status != ERROR_SUCCESS ? -1 : value != 0 ? 1 : 0;
}

bool DriverExists(const wchar_t* file) {
  wchar_t folder[MAX_PATH] = {};
  if (file == nullptr || GetSystemDirectoryW(folder, MAX_PATH) == 0) return false;
  const std::wstring path = std::wstring(folder) + L"\\drivers\\" + file;
  return GetFileAttributesW(path.c_str()) != INVALID_FILE_ATTRIBUTES;
}

void LookAtProducts(SystemFacts& facts) {
  for (const Suspect& suspect : kSuspects) {
    const bool key = KeyExists(std::wstring(kServices) + suspect.service);
    const bool file = DriverExists(suspect.driver);
    if (!key && !file) continue;
    Product product;
    product.service = Narrow(suspect.service);
    product.what = suspect.what;
    product.seen = key && file ? "service key and driver file"
                   : key       ? "service key"
                               : "driver file";
    product.state = key ? StateOf(suspect.service) : "unknown";
    product.taps_loopback = suspect.taps_loopback;
    if (product.service == "npcap") {
      const int loopback = NpcapLoopback();
      product.taps_loopback = loopback != 0;
      absl::StrAppend(&product.seen, loopback > 0    ? ", loopback support on"
                                     : loopback == 0 ? ", loopback support off"
                                                     : ", loopback support unknown");
    }
    facts.products.push_back(product);
  }
}

}  // namespace

SystemFacts LookAtSystem() {
  SystemFacts facts;
  WSADATA data;
  const bool started = WSAStartup(MAKEWORD(2, 2), &data) == 0;
  LookAtVersion(facts);
  LookAtToken(facts);
  if (started) LookAtProviders(facts);
  LookAtProducts(facts);
  if (started) WSACleanup();
  return facts;
}

}  // namespace sluice::tool

#endif
