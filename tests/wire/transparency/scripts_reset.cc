// SPDX-License-Identifier: Apache-2.0
//
// Ends by a reset, at each stage and from each side.
#if !defined(_WIN32)

#include "tests/wire/transparency/script.h"

namespace sluice::wire::transparency {

std::vector<Script> ResetScripts() {
  ScriptList list("reset");
  list.AddBoth("ResetsBeforeAnyData", {Hear('a'), Reset()}, {Tell('a'), ReceiveEnd()});
  // The first byte proves that everybody is connected: a connect that is reset before its caller
  // looks fails, and what had come is lost, also directly.
  list.AddBoth("ResetsAfterSendingUnread", {Receive(1), Send(1000), Reset(), Tell('a')},
               {Send(1), Hear('a'), ReceiveEnd()});
  list.AddBoth("ResetsAfterSendingRead", {Send(1000), Hear('a'), Reset()},
               {Receive(1000), Tell('a'), ReceiveEnd()});
  list.AgainOverV6();
  list.AddBoth("ResetsAfterReceiving", {Receive(1000), Reset()}, {Send(1000), ReceiveEnd()});
  list.AddBoth("ResetsAfterAnExchange", {Send(1000), Receive(1000), Reset()},
               {Receive(1000), Send(1000), ReceiveEnd()});
  list.AddBoth("ResetsAfterABurstWasRead", {Send(4 << 20), Hear('a'), Reset()},
               {Receive(4 << 20), Tell('a'), ReceiveEnd()});
  list.AddBoth("ResetsBehindABurst", {Send(1 << 20), Reset()}, {ReceiveSome()});
  list.AddBoth("ResetsAfterASecondOfQuiet", {Rest(1200), Reset()}, {ReceiveEnd()});
  list.AddBoth("ResetsWhileTheOtherSends", {Receive(65536), Reset()}, {SendUntilReset()});
  list.AddBoth("ClosesWhileTheOtherSends", {Receive(65536), Close()}, {SendUntilReset()});
  list.AddBoth("ClosesWithUnreadData", {AwaitReadable(), Close()}, {Send(1000), ReceiveEnd()});
  list.AddBoth("ClosesWithUnreadDataAfterSending",
               {Send(1000), Hear('a'), AwaitReadable(), Close()},
               {Receive(1000), Tell('a'), Send(1000), ReceiveEnd()});
  return list.Take();
}

// When a direction has ended already. AwaitReset asks the socket without sending: what an event
// loop is told. PokeUntilReset asks as a blocking program does.
std::vector<Script> LateResetScripts() {
  ScriptList list("reset after fin");
  list.AddBoth("ResetsAfterItsFin", {Shutdown(), Hear('a'), Reset()},
               {ReceiveEnd(), Tell('a'), AwaitReset()});
  list.AddBoth("ResetsAfterItsFinAndTheOtherSends", {Shutdown(), Hear('a'), Reset()},
               {ReceiveEnd(), Tell('a'), PokeUntilReset()});
  list.AddBoth("ResetsAfterItsFinAndABurst", {Send(1000), Shutdown(), Receive(65536), Reset()},
               {ReceiveEnd(), SendUntilReset()});
  list.AddBoth("ResetsAfterItsFinAndASecondOfQuiet", {Shutdown(), Hear('a'), Rest(1200), Reset()},
               {ReceiveEnd(), Tell('a'), AwaitReset()});
  list.AddBoth("ResetsAfterTheOthersFin", {ReceiveEnd(), Reset()}, {Shutdown(), ReceiveEnd()});
  list.AddBoth("SendsThenResetsAfterTheOthersFin", {ReceiveEnd(), Send(1000), Hear('a'), Reset()},
               {Shutdown(), Receive(1000), Tell('a'), ReceiveEnd()});
  list.AddBoth("ClosesThenTheOtherSendsOnce", {Close()}, {ReceiveEnd(), Send(1000), AwaitReset()});
  list.AddBoth("ClosesThenTheOtherSendsOn", {Close()}, {ReceiveEnd(), PokeUntilReset()});
  list.AddBoth("ClosesThenTheOtherSendsMuch", {Close()}, {ReceiveEnd(), SendUntilReset()});
  list.AddBoth("ResetMeetsTheOthersFin", {Tell('a'), Hear('a'), Reset()},
               {Tell('a'), Hear('a'), Shutdown(), ReceiveEnd()});
  return list.Take();
}

}  // namespace sluice::wire::transparency

#endif
