// SPDX-License-Identifier: Apache-2.0
#include "engine/io/local_addresses.h"

#include <cstddef>

#include "engine/io/windows/native_address.h"
#include "engine/io/windows/system.h"

namespace sluice::io {
namespace {

// SIO_ADDRESS_LIST_QUERY: the addresses a socket of that family could be bound to. Needs no library
// beside Winsock.
void AddFamily(Family family, std::vector<Address>& addresses) {
  const SOCKET socket = NewStreamSocket(family);
  if (socket == INVALID_SOCKET) return;
  alignas(SOCKET_ADDRESS_LIST) std::byte buffer[16 * 1024];
  DWORD bytes = 0;
  if (WSAIoctl(socket, SIO_ADDRESS_LIST_QUERY, nullptr, 0, buffer, sizeof buffer, &bytes, nullptr,
               nullptr) == 0) {
    const auto* list = reinterpret_cast<const SOCKET_ADDRESS_LIST*>(buffer);
    for (INT i = 0; i < list->iAddressCount; ++i) {
      const SOCKET_ADDRESS& entry = list->Address[i];
      addresses.push_back(FromNative(entry.lpSockaddr, entry.iSockaddrLength));
    }
  }
  closesocket(socket);
}

}  // namespace

std::vector<Address> LocalAddresses() {
  std::vector<Address> addresses;
  if (!GetWinsock().status.ok()) return addresses;
  AddFamily(Family::kV4, addresses);
  AddFamily(Family::kV6, addresses);
  return addresses;
}

}  // namespace sluice::io
