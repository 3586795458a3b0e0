// SPDX-License-Identifier: Apache-2.0
//
// Playing scripts: once, directly as often as needed to know what TCP itself leaves open, and
// through a proxy, with the verdict.
#ifndef SLUICE_TESTS_WIRE_TRANSPARENCY_PLAY_H_
#define SLUICE_TESTS_WIRE_TRANSPARENCY_PLAY_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/wire/transparency/end.h"
#include "tests/wire/transparency/net.h"
#include "tests/wire/transparency/script.h"

namespace sluice::wire::transparency {

// What both ends saw.
struct Seen {
  std::string client;
  std::string server;
  auto operator<=>(const Seen&) const = default;
  std::string ToString() const { return "client: " + client + "; server: " + server; }
};

// Where the servers of all plays listen, one address a family: proxies lead there.
struct Origins {
  explicit Origins(int tcp_port = 0) : v4(false, tcp_port), v6(true) {}
  Listener& Of(const Script& script) { return script.v6 ? v6 : v4; }
  Listener v4;
  Listener v6;
};

// Where clients connect. Empty: that family is not served.
struct Way {
  std::string v4;
  std::string v6;
  const std::string& Of(const Script& script) const { return script.v6 ? v6 : v4; }
};

// Plays `script` once, its client toward `address`.
Seen PlayOnce(const Script& script, const std::string& address, Listener& origin,
              const Conditions& conditions);

// Plays `script` `times` times, every other time with random delays.
std::vector<Seen> PlayOften(const Script& script, const std::string& address, Listener& origin,
                            int times, std::uint32_t seed, Duration step_limit);

// True if time passes in it: then it is played less often.
bool IsLong(const Script& script);

// What direct TCP shows, for each script. A set, because TCP leaves things open; it grows until it
// has the sequence asked for, or so many plays have shown that it never will.
class Direct {
 public:
  Direct(Origins& origins, Duration step_limit) : origins_(origins), step_limit_(step_limit) {}
  const std::set<Seen>& Known(const Script& script);
  bool Shows(const Script& script, const Seen& seen);

 private:
  void Play(const Script& script, int times);

  Origins& origins_;
  const Duration step_limit_;
  std::map<std::string, std::set<Seen>> known_;
  std::map<std::string, int> plays_;
};

struct Verdict {
  bool same = true;       // every play showed what direct TCP shows
  std::set<Seen> others;  // what was seen besides
};

Verdict Judge(const Script& script, const std::vector<Seen>& plays, Direct& direct);

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_PLAY_H_
