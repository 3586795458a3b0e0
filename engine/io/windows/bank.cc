// SPDX-License-Identifier: Apache-2.0
//
// SocketBank: what AcceptEx accepts into.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/io/windows/impl.h"

namespace sluice::io {

SocketBank::~SocketBank() {
  for (Stock& stock : stocks_) {
    while (stock.count > 0) closesocket(stock.sockets[--stock.count]);
  }
}

SOCKET SocketBank::Take(Family family, CallCounts* calls) {
  Stock& stock = StockOf(family);
  ++stock.accepts_armed;
  if (stock.count > 0) return stock.sockets[--stock.count];
  calls->Add(Call::k_socket);
  return NewStreamSocket(family);
}

void SocketBank::AcceptEnded(Family family) {
  Stock& stock = StockOf(family);
  SLUICE_CHECK(stock.accepts_armed > 0);
  --stock.accepts_armed;
}

// As many as accepts wait: each of those may end in the next turn and want another socket.
void SocketBank::Refill(CallCounts* calls) {
  int left = kRefillPerTurn;
  for (Stock& stock : stocks_) {
    const std::size_t target = std::min(kCapacity, stock.accepts_armed);
    const Family family = &stock == &stocks_[1] ? Family::kV6 : Family::kV4;
    while (left > 0 && stock.count < target) {
      const SOCKET socket = NewStreamSocket(family);
      calls->Add(Call::k_socket);
      --left;
      // Nothing to report: the accept that misses it tries for itself and reports that.
      if (socket == INVALID_SOCKET) break;
      stock.sockets[stock.count++] = socket;
    }
  }
}

}  // namespace sluice::io
