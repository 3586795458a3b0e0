// SPDX-License-Identifier: Apache-2.0
//
// Script: what the two ends of one TCP connection do, as data. It is played directly and through
// proxies, and what both ends see is compared. Ends are ordered by what they see on the socket, or,
// where that is not enough, by telling each other through the runner (Tell, Hear): never by time.
#ifndef SLUICE_TESTS_WIRE_TRANSPARENCY_SCRIPT_H_
#define SLUICE_TESTS_WIRE_TRANSPARENCY_SCRIPT_H_

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::wire::transparency {

enum class Verb {
  kConnect,           // the client's first step, and kAccept the server's; put there by themselves
  kAccept,            // may stand later in a server's steps
  kSend,              // `amount` bytes
  kDribble,           // `amount` bytes, one a send
  kExchange,          // sends and receives `amount` bytes, both at once
  kSendUntilBlocked,  // until the socket takes no more; then HearBlocked of the other end returns
  kSendUntilReset,    // large pieces until a send fails
  kPokeUntilReset,    // single bytes until a send fails
  kShutdown,          // FIN: nothing more is sent
  kClose,             // close(): FIN, or RST if something was not read
  kReset,             // close with RST
  kReceive,           // `amount` bytes
  kReceiveEnd,        // up to FIN or RST; the number of bytes is an event
  kReceiveAllToEnd,   // the same; whether they are all that were sent is the event
  kReceiveSome,    // the same; any prefix of what was sent is right: a reset may destroy the rest
  kReceiveSlowly,  // like kReceiveEnd, in small pieces with rests
  kAwaitReadable,  // until something is there to read; reads nothing
  kAwaitReset,     // until the socket itself says that it was reset, without sending
  kExpectQuiet,    // nothing comes for a moment of `amount` milliseconds
  kSmallBuffer,    // a small receive buffer
  kRest,           // `amount` milliseconds pass; for states that time makes, never for order
  kTell,           // `mark`
  kHear,           // until the other end told `mark`, or is through
  kHearBlocked,    // until the other end is blocked in kSendUntilBlocked
};

struct Step {
  Verb verb;
  std::size_t amount = 0;
  char mark = 0;
};

using Steps = std::vector<Step>;

struct Script {
  std::string name;
  std::string group;
  Steps client;
  Steps server;
  bool v6 = false;
  bool refuse = false;  // nobody listens
};

// ---- The words scripts are written in.

inline Step Accept() { return {Verb::kAccept}; }
inline Step Send(std::size_t bytes) { return {Verb::kSend, bytes}; }
inline Step Dribble(std::size_t bytes) { return {Verb::kDribble, bytes}; }
inline Step Exchange(std::size_t bytes) { return {Verb::kExchange, bytes}; }
inline Step SendUntilBlocked() { return {Verb::kSendUntilBlocked}; }
inline Step SendUntilReset() { return {Verb::kSendUntilReset}; }
inline Step PokeUntilReset() { return {Verb::kPokeUntilReset}; }
inline Step Shutdown() { return {Verb::kShutdown}; }
inline Step Close() { return {Verb::kClose}; }
inline Step Reset() { return {Verb::kReset}; }
inline Step Receive(std::size_t bytes) { return {Verb::kReceive, bytes}; }
inline Step ReceiveEnd() { return {Verb::kReceiveEnd}; }
inline Step ReceiveAllToEnd() { return {Verb::kReceiveAllToEnd}; }
inline Step ReceiveSome() { return {Verb::kReceiveSome}; }
inline Step ReceiveSlowly() { return {Verb::kReceiveSlowly}; }
inline Step AwaitReadable() { return {Verb::kAwaitReadable}; }
inline Step AwaitReset() { return {Verb::kAwaitReset}; }
inline Step ExpectQuiet() { return {Verb::kExpectQuiet, 80}; }
inline Step SmallBuffer() { return {Verb::kSmallBuffer}; }
inline Step Rest(std::size_t milliseconds) { return {Verb::kRest, milliseconds}; }
inline Step Tell(char mark) { return {Verb::kTell, 0, mark}; }
inline Step Hear(char mark) { return {Verb::kHear, 0, mark}; }
inline Step HearBlocked() { return {Verb::kHearBlocked}; }

// Every script, in the order of the table. Names are unique.
const std::vector<Script>& Scripts();

// How the groups are written. kConnect and kAccept are put in front where they are missing.
class ScriptList {
 public:
  explicit ScriptList(std::string group) : group_(std::move(group)) {}
  void Add(const std::string& name, Steps client, Steps server);
  // Twice: as "Client<name>" with the client in the first part, and as "Server<name>".
  void AddBoth(const std::string& name, const Steps& actor, const Steps& other);
  // The last one once more over IPv6.
  void AgainOverV6();
  // The last one is played with nobody listening.
  void Refused() { scripts_.back().refuse = true; }
  std::vector<Script> Take() { return std::move(scripts_); }

 private:
  std::string group_;
  std::vector<Script> scripts_;
};

std::vector<Script> FinScripts();
std::vector<Script> HalfCloseScripts();
std::vector<Script> ResetScripts();
std::vector<Script> LateResetScripts();
std::vector<Script> TrafficScripts();
std::vector<Script> BackpressureScripts();
std::vector<Script> ConnectScripts();

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_SCRIPT_H_
