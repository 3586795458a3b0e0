// SPDX-License-Identifier: Apache-2.0
//
// What `doctor` found, and its checks. Main thread.
#ifndef SLUICE_TOOLS_DOCTOR_H_
#define SLUICE_TOOLS_DOCTOR_H_

#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "sluice/address.h"
#include "tools/sluice/doctor_os.h"

namespace sluice::tool {

// How much a finding matters; the worst decides the exit code.
enum class Severity {
  kFine,
  kNote,     // worth knowing, nothing to do
  kWarning,  // works, but may lose or disturb connections
  kFatal,    // prevents what was asked about
};
const char* SeverityText(Severity severity);

struct Finding {
  Severity severity = Severity::kFine;
  std::string area;    // "port", "platform", ...
  std::string what;    // one line
  std::string advice;  // what to do; empty if nothing
};

enum class AskedPlatform { kReal, kEmulated };

struct DoctorOptions {
  std::vector<Address> listen;
  AskedPlatform platform = AskedPlatform::kReal;
  bool json = false;
  bool acceptance = false;
  std::vector<std::string> attach;  // "NAME=FILE": GoogleTest's JSON, for acceptance
};

// Everything learnt, and the findings in the order of the checks. `json` holds the details, under
// the areas' names.
struct DoctorReport {
  SystemFacts facts;
  std::vector<RawRow> rows;
  std::vector<Finding> findings;
  nlohmann::ordered_json json;

  void Add(Severity severity, std::string area, std::string what, std::string advice = "") {
    findings.push_back({severity, std::move(area), std::move(what), std::move(advice)});
  }
  Severity Worst() const;
};

// Each adds its findings and its part of the JSON.
void CheckSystem(DoctorReport& report);
void CheckPort(DoctorReport& report);
void CheckPlatform(const DoctorOptions& options, DoctorReport& report);
void CheckListeners(const DoctorOptions& options, DoctorReport& report);
void CheckNeighbours(DoctorReport& report);
void CheckEmulation(const DoctorOptions& options, DoctorReport& report);

// One emulated redirection through real ports and sockets: query, SET, onward connect. The text
// says which step failed; empty when all went well. `steps` says what each step answered.
std::string TryEmulation(nlohmann::ordered_json* steps);

// ---- Raw rows ----

// The number that code which only sees one path would get: the packet's if one came, or the call's.
std::uint32_t NumberOf(const RawRow& row);
// "absent", "denied", ...: as the engine reads it.
const char* MeaningOf(const RawRow& row);
nlohmann::ordered_json RowJson(const RawRow& row);
// The first row with this state, operation, way and variant in the family; null if there is none.
const RawRow* FindRow(const std::vector<RawRow>& rows, const std::string& family,
                      const std::string& state, const std::string& operation,
                      const std::string& way, const std::string& variant = "");

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_DOCTOR_H_
