// SPDX-License-Identifier: Apache-2.0
//
// Shapes of traffic, and readers that do not keep up.
#if !defined(_WIN32)

#include "tests/wire/transparency/script.h"

namespace sluice::wire::transparency {
namespace {

void Append(Steps& steps, const Steps& more) {
  steps.insert(steps.end(), more.begin(), more.end());
}

// Both ends say `sizes` in turn, the client first.
void AddInTurn(ScriptList& list, const std::string& name, const std::vector<std::size_t>& sizes) {
  Steps client;
  Steps server;
  for (const std::size_t size : sizes) {
    Append(client, {Send(size), Receive(size)});
    Append(server, {Receive(size), Send(size)});
  }
  Append(client, {Close()});
  Append(server, {ReceiveEnd(), Close()});
  list.Add(name, client, server);
}

}  // namespace

std::vector<Script> TrafficScripts() {
  ScriptList list("traffic");
  AddInTurn(list, "SingleBytesInTurn", std::vector<std::size_t>(100, 1));
  AddInTurn(list, "MessagesInTurn", std::vector<std::size_t>(100, 64));
  AddInTurn(list, "OddSizesInTurn",
            {1, 2, 3, 1447, 1448, 1449, 4095, 4096, 4097, 16383, 16385, 32769, 65535, 65537});
  list.AddBoth("Dribbles", {Dribble(500), Shutdown(), ReceiveEnd()}, {ReceiveEnd(), Close()});
  list.Add("BothBurst", {Exchange(8 << 20), Close()}, {Exchange(8 << 20), ReceiveEnd(), Close()});
  Steps requests(50, Send(100));
  Append(requests, {Receive(50 * 1000), Shutdown(), ReceiveEnd()});
  Steps answers;
  for (int i = 0; i < 50; ++i) Append(answers, {Receive(100), Send(1000)});
  Append(answers, {ReceiveEnd(), Close()});
  list.Add("PipelinedRequests", requests, answers);
  Steps slow;
  for (int i = 0; i < 20; ++i) Append(slow, {Send(100), Rest(5)});
  Append(slow, {Shutdown(), ReceiveEnd()});
  list.AddBoth("WritesSlowly", slow, {ReceiveEnd(), Close()});
  list.Add("ExchangeAfterASecondOfQuiet",
           {Send(1000), Receive(1000), Rest(1200), Send(1000), ReceiveEnd()},
           {Receive(1000), Send(1000), Receive(1000), Send(1000), Close()});
  return list.Take();
}

std::vector<Script> BackpressureScripts() {
  ScriptList list("backpressure");
  list.AddBoth("ReadsSlowlyUpToTheFin", {SmallBuffer(), ReceiveSlowly(), Close()},
               {Send(1 << 20), Shutdown(), ReceiveEnd()});
  list.AddBoth("StopsReadingThenResumes", {SmallBuffer(), HearBlocked(), ReceiveAllToEnd()},
               {SendUntilBlocked(), Send(1 << 20), Close()});
  list.AddBoth("StopsReadingThenResumesToAFin",
               {SmallBuffer(), Hear('a'), ReceiveAllToEnd(), Send(1000), Close()},
               {SendUntilBlocked(), Shutdown(), Tell('a'), ReceiveEnd()});
  list.AddBoth("StopsReadingAndTheOtherCloses", {SmallBuffer(), Hear('a'), ReceiveAllToEnd()},
               {SendUntilBlocked(), Close(), Tell('a')});
  list.AddBoth("StopsReadingAndTheOtherResets", {SmallBuffer(), Hear('a'), ReceiveSome()},
               {SendUntilBlocked(), Reset(), Tell('a')});
  list.AddBoth("StopsReadingThenResets", {SmallBuffer(), HearBlocked(), Reset()},
               {SendUntilBlocked(), AwaitReset()});
  list.AddBoth("StopsReadingThenCloses", {SmallBuffer(), HearBlocked(), Close()},
               {SendUntilBlocked(), AwaitReset()});
  // It may still speak while nobody reads what comes to it.
  list.AddBoth("StopsReadingAndSpeaks",
               {SmallBuffer(), HearBlocked(), Send(1000), Hear('a'), ReceiveAllToEnd()},
               {SendUntilBlocked(), Receive(1000), Tell('a'), Close()});
  const Steps both = {SmallBuffer(), SendUntilBlocked(), HearBlocked(), Shutdown(),
                      ReceiveAllToEnd()};
  list.Add("BothStopReadingThenResume", both, both);
  return list.Take();
}

}  // namespace sluice::wire::transparency

#endif
