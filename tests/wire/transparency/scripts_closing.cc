// SPDX-License-Identifier: Apache-2.0
//
// Connecting, and ends without a reset.
#if !defined(_WIN32)

#include "tests/wire/transparency/script.h"

namespace sluice::wire::transparency {

std::vector<Script> ConnectScripts() {
  ScriptList list("connect");
  list.Add("ServerRefuses", {Send(100), ReceiveEnd()}, {});
  list.Refused();
  list.AgainOverV6();
  list.Add("ClientConnectsAndResetsAtOnce", {Reset()}, {ReceiveEnd()});
  list.Add("ClientConnectsAndClosesAtOnce", {Close()}, {ReceiveEnd(), Close()});
  list.Add("ServerAcceptsAndResetsAtOnce", {ReceiveEnd()}, {Reset()});
  list.Add("ServerAcceptsLate", {Send(1000), Shutdown(), Tell('a'), ReceiveEnd()},
           {Hear('a'), Accept(), ReceiveEnd(), Send(1000), Close()});
  list.Add("ServerSpeaksFirst", {Receive(100), Send(1000), ReceiveEnd()},
           {Send(100), Receive(1000), Send(1000), Close()});
  list.Add("NobodySpeaks", {ExpectQuiet(), Shutdown(), ReceiveEnd()}, {ReceiveEnd(), Close()});
  return list.Take();
}

std::vector<Script> FinScripts() {
  ScriptList list("fin");
  list.AddBoth("FinBeforeAnyData", {Shutdown(), ReceiveEnd()}, {ReceiveEnd(), Close()});
  list.AddBoth("FinAfterSending", {Send(1000), Shutdown(), ReceiveEnd()}, {ReceiveEnd(), Close()});
  list.AddBoth("FinAfterReceiving", {Receive(1000), Shutdown(), ReceiveEnd()},
               {Send(1000), ReceiveEnd(), Close()});
  list.AddBoth("FinAfterAnExchange", {Send(1000), Receive(1000), Shutdown(), ReceiveEnd()},
               {Receive(1000), Send(1000), ReceiveEnd(), Close()});
  list.AgainOverV6();
  list.AddBoth("FinAfterABurst", {Send(8 << 20), Shutdown(), ReceiveEnd()},
               {ReceiveEnd(), Close()});
  list.AddBoth("FinWhileTheOtherSends", {Receive(65536), Shutdown(), ReceiveEnd()},
               {Send(4 << 20), ReceiveEnd(), Close()});
  list.AddBoth("FinAfterASecondOfQuiet", {Rest(1200), Shutdown(), ReceiveEnd()},
               {ReceiveEnd(), Close()});
  list.AddBoth("ClosesBeforeAnyData", {Close()}, {ReceiveEnd(), Close()});
  list.AddBoth("ClosesAfterSending", {Send(1000), Close()}, {ReceiveEnd(), Close()});
  list.AddBoth("ClosesAfterAnExchange", {Send(1000), Receive(1000), Close()},
               {Receive(1000), Send(1000), ReceiveEnd(), Close()});
  return list.Take();
}

std::vector<Script> HalfCloseScripts() {
  ScriptList list("half-close");
  // The answer to a FIN is the other end's to give, and nobody else's.
  list.AddBoth("HalfClosesAndIsAnsweredLate", {Shutdown(), ExpectQuiet(), Tell('a'), ReceiveEnd()},
               {ReceiveEnd(), Hear('a'), Close()});
  list.AddBoth("HalfClosesThenTheOtherAnswers", {Send(1000), Shutdown(), ReceiveEnd()},
               {ReceiveEnd(), Send(1000), Close()});
  list.AgainOverV6();
  list.AddBoth("HalfClosesThenTheOtherSendsMuch", {Send(1000), Shutdown(), ReceiveEnd()},
               {ReceiveEnd(), Send(8 << 20), Close()});
  list.AddBoth("HalfClosesThenTheOtherDribbles", {Shutdown(), ReceiveEnd()},
               {ReceiveEnd(), Dribble(300), Close()});
  list.AddBoth("HalfClosesThenReadsSlowly", {SmallBuffer(), Shutdown(), ReceiveSlowly()},
               {ReceiveEnd(), Send(1 << 20), Close()});
  list.AddBoth("HalfClosesThenQuietForASecond", {Shutdown(), ReceiveEnd()},
               {ReceiveEnd(), Rest(1200), Send(1000), Close()});
  list.AddBoth("HalfClosesThenTheOtherToo", {Send(1000), Shutdown(), Receive(1000), ReceiveEnd()},
               {ReceiveEnd(), Send(1000), Shutdown()});
  const Steps both = {Tell('a'), Hear('a'), Shutdown(), ReceiveEnd()};
  list.Add("BothFinAtOnce", both, both);
  const Steps exchange = {Exchange(1 << 20), Shutdown(), ReceiveEnd()};
  list.Add("BothFinAfterBursts", exchange, exchange);
  const Steps close = {Send(1000), Receive(1000), Tell('a'), Hear('a'), Close()};
  list.Add("BothCloseAtOnce", close, close);
  return list.Take();
}

}  // namespace sluice::wire::transparency

#endif
