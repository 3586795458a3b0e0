// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/explanations.h"

#include <algorithm>

namespace sluice::wire::transparency {
namespace {

constexpr const char* kLateReset =
    "Behind a FIN no receive of Windows tells of a reset, and no documented call does; so it is "
    "handed on when the next send fails, or at the half-closed timeout. Natively on Linux the "
    "engine "
    "asks the socket.";
constexpr const char* kWineForgets =
    "Wine 8's server takes the error off the socket when the RST comes, so a receive that was not "
    "armed at that moment says end of stream (tests/contract/limits.cc, kRemembersReset).";
constexpr const char* kWineLosesBytes =
    "Seen under Wine only: a receive that is armed when bytes and RST come together says reset, "
    "and "
    "the bytes are gone; natively the same engine hands them on.";
constexpr const char* kWineDropsAccept =
    "A connection that is reset before it is accepted fails the AcceptEx, which is what Windows "
    "does too; nobody else hears of it.";

bool Fits(const char* pattern, const char* name) {
  if (*pattern == '*') {
    return Fits(pattern + 1, name) || (*name != '\0' && Fits(pattern, name + 1));
  }
  if (*pattern == '\0' || *pattern != *name) return *pattern == *name;
  return Fits(pattern + 1, name + 1);
}

// `seen` is `direct` with another word for the reset. What follows does not count: a broken end has
// no further steps, the other has.
bool SeenInstead(const std::string& seen, std::string direct, const std::string& word) {
  if (seen == direct) return true;
  const std::size_t at = direct.rfind("RST");
  if (at == std::string::npos) return false;
  return seen.rfind(direct.replace(at, 3, word), 0) == 0;
}

// "connected, 1000 bytes, RST" -> "connected, RST", if it ends so.
std::string WithoutBytes(const std::string& events) {
  const std::size_t bytes = events.rfind(" bytes, RST");
  if (bytes == std::string::npos) return events;
  return events.substr(0, events.rfind(',', bytes)) + ", RST";
}

bool HasShape(Shape shape, const Seen& seen, const Seen& direct) {
  const auto instead = [&](const std::string& word) {
    return SeenInstead(seen.client, direct.client, word) &&
           SeenInstead(seen.server, direct.server, word);
  };
  switch (shape) {
    case Shape::kConnectedThenReset:
      return direct.client == "refused" && seen.client == "connected, RST";
    case Shape::kConnectedThenFin:
      return direct.client == "refused" && seen.client == "connected, FIN";
    case Shape::kResetAsFin:
      return instead("FIN");
    case Shape::kResetUnheard:
      return instead("no reset");
    case Shape::kBytesLost:
      return WithoutBytes(seen.client) == WithoutBytes(direct.client) &&
             WithoutBytes(seen.server) == WithoutBytes(direct.server);
    case Shape::kFinAsReset: {
      std::string server = direct.server;
      const std::size_t at = server.find("FIN");
      if (at == std::string::npos || seen.client != direct.client) return false;
      return server.replace(at, 3, "RST").rfind(seen.server, 0) == 0;
    }
    case Shape::kNeverCame:
      return seen.server == "no connection" && seen.client == direct.client;
  }
  return false;
}

const Explanation* Find(const Script& script, const Column& column, const Seen& seen,
                        const std::set<Seen>& direct) {
  for (const Explanation& explanation : Explanations()) {
    if (!Fits(explanation.scripts.c_str(), script.name.c_str())) continue;
    if (explanation.maker != "*" && explanation.maker != column.maker) continue;
    if (explanation.wine_only && !column.wine) continue;
    if (std::any_of(direct.begin(), direct.end(),
                    [&](const Seen& one) { return HasShape(explanation.shape, seen, one); })) {
      return &explanation;
    }
  }
  return nullptr;
}

}  // namespace

const std::vector<Explanation>& Explanations() {
  static const std::vector<Explanation>* explanations = new std::vector<Explanation>{
      {"ServerRefuses*", "*", false, true, Shape::kConnectedThenReset,
       "A proxy has accepted before it can know that the origin refuses, so its client is "
       "connected "
       "and then reset."},
      {"*ResetsAfterItsFin*", "sluice", true, false, Shape::kResetUnheard, kLateReset},
      {"*ClosesThenTheOtherSendsOnce", "sluice", true, false, Shape::kResetUnheard, kLateReset},
      {"*Reset*", "sluice", true, false, Shape::kResetAsFin, kWineForgets},
      {"*Closes*", "sluice", true, false, Shape::kResetAsFin, kWineForgets},
      {"*ResetsAfterSending*", "sluice", true, false, Shape::kBytesLost, kWineLosesBytes},
      {"ClientReset*", "sluice", true, false, Shape::kNeverCame, kWineDropsAccept},
      {"ClientConnectsAndResetsAtOnce", "sluice", true, false, Shape::kNeverCame, kWineDropsAccept},
      {"ServerRefuses*", "*", false, false, Shape::kConnectedThenFin,
       "When the origin refuses, the client is accepted and then sees a FIN: an empty answer, not "
       "an "
       "error."},
      {"*", "HAProxy", false, false, Shape::kResetAsFin,
       "HAProxy answers a server's reset with a FIN to the client, and a client's with a FIN where "
       "bytes of it were not read yet or the other direction had ended."},
      {"*", "HAProxy", false, false, Shape::kResetUnheard,
       "HAProxy does not hand on a reset that comes behind a FIN."},
      {"ClientConnectsAndResetsAtOnce", "HAProxy", false, false, Shape::kNeverCame,
       "HAProxy drops a client that was reset before the connect to the server had begun."},
      {"Client*", "HAProxy", false, false, Shape::kFinAsReset,
       "HAProxy may reset the server's side when the client has ended its own: seen in some "
       "plays."},
      {"*", "nginx", false, false, Shape::kResetAsFin,
       "nginx ends both connections with close() whatever ended one of them: a reset comes out as "
       "a "
       "FIN."},
      {"*", "nginx", false, false, Shape::kResetUnheard,
       "nginx does not hand on a reset that comes behind a FIN."},
  };
  return *explanations;
}

Explained Explain(const Script& script, const Column& column, const Verdict& verdict,
                  const std::set<Seen>& direct) {
  Explained explained{true, ""};
  for (const Seen& seen : verdict.others) {
    const Explanation* explanation = Find(script, column, seen, direct);
    if (explanation == nullptr) return Explained{};
    explained.unavoidable = explained.unavoidable && explanation->unavoidable;
    if (explained.reason.find(explanation->reason) != std::string::npos) continue;
    explained.reason += (explained.reason.empty() ? "" : " ") + explanation->reason;
  }
  return explained;
}

}  // namespace sluice::wire::transparency

#endif
