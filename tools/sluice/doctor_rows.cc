// SPDX-License-Identifier: Apache-2.0
//
// Raw rows as the engine reads them and as JSON.
#include "absl/strings/str_format.h"
#include "engine/redirect/normalise.h"
#include "tools/sluice/doctor.h"

namespace sluice::tool {
namespace {

bool IsRedirectCode(const RawRow& row) {
  return row.operation == "records" || row.operation == "context" || row.operation == "set";
}

}  // namespace

std::uint32_t NumberOf(const RawRow& row) {
  if (row.packet) return row.packet_number;
  return row.at_once ? row.number : row.overlapped;
}

const char* MeaningOf(const RawRow& row) {
  if (!row.ran) return "not run";
  if (!IsRedirectCode(row)) return row.number == 0 ? "ok" : "failed";
  Outcome outcome;
  const std::uint32_t bytes = row.packet ? row.packet_bytes : row.bytes;
  outcome.bytes = bytes == kCountUntouched ? 0 : bytes;
  const std::uint32_t number = NumberOf(row);
  if (number != 0) {
    outcome.error = OsError{ErrorCode::kOther, static_cast<std::int32_t>(number)};
  }
  if (row.operation == "set") return redirect::MeaningText(redirect::NormaliseSet(outcome));
  return redirect::MeaningText(redirect::NormaliseQuery(outcome, row.out_size).meaning);
}

nlohmann::ordered_json RowJson(const RawRow& row) {
  nlohmann::ordered_json json;
  json["family"] = row.family;
  json["state"] = row.state;
  json["operation"] = row.operation;
  if (!row.way.empty()) json["way"] = row.way;
  if (!row.variant.empty()) json["variant"] = row.variant;
  if (!row.note.empty()) json["note"] = row.note;
  json["ran"] = row.ran;
  if (!row.ran) return json;
  json["in_size"] = row.in_size;
  json["out_size"] = row.out_size;
  json["call_number"] = row.number;
  if (row.bytes != kCountUntouched) json["call_bytes"] = row.bytes;
  if (row.way == "port" || row.way == "event") {
    json["packet"] = row.packet;
    if (row.packet) json["packet_number"] = row.packet_number;
    if (row.packet) json["packet_bytes"] = row.packet_bytes;
    if (!row.at_once || row.packet) json["overlapped_number"] = row.overlapped;
    if (!row.at_once || row.packet) json["status"] = absl::StrFormat("0x%08X", row.status);
  }
  if (IsRedirectCode(row)) {
    json["meaning"] = MeaningOf(row);
    json["buffer_untouched"] = row.buffer_untouched;
    json["microseconds"] = row.microseconds;
  }
  return json;
}

const RawRow* FindRow(const std::vector<RawRow>& rows, const std::string& family,
                      const std::string& state, const std::string& operation,
                      const std::string& way, const std::string& variant) {
  for (const RawRow& row : rows) {
    if (row.ran && row.family == family && row.state == state && row.operation == operation &&
        row.way == way && row.variant == variant) {
      return &row;
    }
  }
  return nullptr;
}

}  // namespace sluice::tool
