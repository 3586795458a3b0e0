// SPDX-License-Identifier: Apache-2.0
//
// Evidence: raw rows picked for a question. Main thread.
#ifndef SLUICE_TOOLS_DOCTOR_EVIDENCE_H_
#define SLUICE_TOOLS_DOCTOR_EVIDENCE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/sluice/doctor.h"

namespace sluice::tool {

struct Pick {
  const char* state;
  const char* operation;
  const char* way;
  const char* variant = "";
};

// The rows of both families, as far as they ran.
inline std::vector<const RawRow*> RowsOf(const DoctorReport& report,
                                         const std::vector<Pick>& picks) {
  std::vector<const RawRow*> rows;
  for (const char* family : {"v4", "v6"}) {
    for (const Pick& pick : picks) {
      const RawRow* row =
          FindRow(report.rows, family, pick.state, pick.operation, pick.way, pick.variant);
      if (row != nullptr) rows.push_back(row);
    }
  }
  return rows;
}

// "v4 created set sync, 4 bytes: 10045 (unsupported)".
inline std::string EvidenceText(const RawRow& row) {
  std::string text =
      absl::StrCat(row.family, " ", row.state, " ", row.operation, " ", row.way,
                   row.variant.empty() ? "" : ", ", row.variant, ": ", NumberOf(row));
  const std::uint32_t bytes = row.packet ? row.packet_bytes : row.bytes;
  if (bytes != kCountUntouched) absl::StrAppend(&text, ", ", bytes, " bytes");
  return absl::StrCat(text, " (", MeaningOf(row), ")", row.note.empty() ? "" : "; ", row.note);
}

// True when the redirect codes exist here at all.
inline bool CodesAreKnown(const DoctorReport& report) {
  for (const char* family : {"v4", "v6"}) {
    const RawRow* row = FindRow(report.rows, family, "accepted_updated", "records", "sync");
    if (row != nullptr && std::string(MeaningOf(*row)) != "unsupported") return true;
  }
  return false;
}

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_DOCTOR_EVIDENCE_H_
