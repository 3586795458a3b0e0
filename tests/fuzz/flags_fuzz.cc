// SPDX-License-Identifier: Apache-2.0
//
// The command line. The input's lines are its words. They are read three ways: each word as each
// unit (durations, counts, sizes, addresses, sources), all of them as flags with known limits, and
// all of them as a whole command line of the program, whose verb is not run. What is accepted must
// be inside its limits; what is refused must say why.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/exit_codes.h"
#include "tools/sluice/units.h"

namespace {

using sluice::Address;
using sluice::kSecond;
using sluice::Nanos;

constexpr Nanos kYear = Nanos{365} * 24 * 3600 * kSecond;
constexpr std::size_t kSourcesMax = 65536;

void CheckSources(const std::vector<Address>& sources) {
  SLUICE_CHECK(!sources.empty());
  SLUICE_CHECK(sources.size() <= kSourcesMax);
  for (const Address& source : sources) {
    SLUICE_CHECK(source.tcp_port() == 0);
    SLUICE_CHECK(source.family() == sources.front().family());
  }
}

template <typename T>
bool Accepted(const absl::StatusOr<T>& value) {
  SLUICE_CHECK(value.ok() || !value.status().message().empty());
  return value.ok();
}

// A number that is accepted is the digits times a suffix: it is written the same way again.
void CheckNumber(const std::string& word, const absl::StatusOr<std::uint64_t>& value) {
  if (!Accepted(value)) return;
  const bool has_suffix = word.back() < '0' || word.back() > '9';
  SLUICE_CHECK(word.size() > (has_suffix ? 1u : 0u));
  const std::uint64_t digits = std::stoull(word);
  SLUICE_CHECK(digits == 0 || *value / digits * digits == *value);
  SLUICE_CHECK(*value >= digits);
  SLUICE_CHECK(has_suffix || *value == digits);
}

void ReadAsUnits(const std::string& word) {
  const absl::StatusOr<Nanos> duration = sluice::tool::ParseDuration(word);
  if (Accepted(duration)) {
    SLUICE_CHECK(*duration >= 0);
    SLUICE_CHECK(*duration <= kYear);
    const auto again = sluice::tool::ParseDuration(sluice::tool::FormatDuration(*duration));
    SLUICE_CHECK(again.ok());
    SLUICE_CHECK(*again == *duration);
  }
  CheckNumber(word, sluice::tool::ParseCount(word));
  CheckNumber(word, sluice::tool::ParseSize(word));
  const auto sources = sluice::tool::ParseSources(word);
  if (Accepted(sources)) CheckSources(*sources);
}

// The words as CLI11 wants them; `words` must outlive the result.
std::vector<char*> Arguments(std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  return arguments;
}

// Flags like those of the verbs, whose values can be looked at.
struct Flags {
  static constexpr std::uint64_t kUnset = 7;
  std::uint64_t count = kUnset;
  std::uint64_t size = kUnset;
  Nanos duration = kSecond;
  Address listen;
  Address connect;
  std::vector<Address> sources;

  void AddTo(CLI::App* app) {
    using sluice::tool::AddressUse;
    sluice::tool::AddCount(app, "--count,-n", &count, {3, 1000}, "");
    sluice::tool::AddSize(app, "--size", &size, {1, 1 << 20}, "");
    sluice::tool::AddDuration(app, "--duration,-d", &duration, "");
    sluice::tool::AddAddress(app, "--listen,-l", &listen, AddressUse::kListen, "");
    sluice::tool::AddAddress(app, "--connect", &connect, AddressUse::kConnect, "");
    sluice::tool::AddSources(app, "--source", &sources, "");
  }
  // Of a refused line too: a value outside may not have been stored on the way.
  void Check() const {
    SLUICE_CHECK(count >= 3);
    SLUICE_CHECK(count <= 1000);
    SLUICE_CHECK(size >= 1);
    SLUICE_CHECK(size <= 1 << 20);
    SLUICE_CHECK(duration >= 0);
    SLUICE_CHECK(duration <= kYear);
    SLUICE_CHECK(connect.empty() || connect.tcp_port() != 0);
    SLUICE_CHECK(connect.empty() || !connect.IsWildcard());
    if (!sources.empty()) CheckSources(sources);
  }
};

void ReadAsFlags(std::vector<std::string> words) {
  CLI::App app("", "fuzz");
  Flags flags;
  flags.AddTo(&app);
  const std::vector<char*> arguments = Arguments(words);
  try {
    app.parse(static_cast<int>(words.size()), arguments.data());
  } catch (const CLI::ParseError&) {
  }
  flags.Check();
}

void ReadAsCommand(std::vector<std::string> words) {
  std::vector<char*> arguments = Arguments(words);
  const sluice::tool::Command command =
      sluice::tool::ParseCommand(static_cast<int>(words.size()), arguments.data());
  if (command.action) {
    SLUICE_CHECK(command.error.empty());
    SLUICE_CHECK(command.help.empty());
  } else if (command.exit_code == sluice::tool::kExitOk) {
    SLUICE_CHECK(command.error.empty());
    SLUICE_CHECK(!command.help.empty());
  } else {
    SLUICE_CHECK(command.exit_code == sluice::tool::kExitUsage);
    SLUICE_CHECK(!command.error.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // No word of a command line has a null byte.
  if (text.find('\0') != std::string::npos) return 0;
  std::vector<std::string> words = absl::StrSplit(text, '\n');
  for (const std::string& word : words) ReadAsUnits(word);
  words.insert(words.begin(), "sluice");
  ReadAsFlags(words);
  ReadAsCommand(std::move(words));
  return 0;
}
