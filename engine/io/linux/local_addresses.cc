// SPDX-License-Identifier: Apache-2.0
#include "engine/io/local_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>

#include "engine/io/linux/sockaddr.h"

namespace sluice::io {

std::vector<Address> LocalAddresses() {
  std::vector<Address> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    KernelAddress native{};
    switch (entry->ifa_addr->sa_family) {
      case AF_INET:
        native.length = sizeof(sockaddr_in);
        break;
      case AF_INET6:
        native.length = sizeof(sockaddr_in6);
        break;
      default:
        continue;
    }
    std::memcpy(&native.storage, entry->ifa_addr, native.length);
    addresses.push_back(FromKernel(native));
  }
  freeifaddrs(list);
  return addresses;
}

}  // namespace sluice::io
