// SPDX-License-Identifier: Apache-2.0
#include "sluice/tap.h"

#include "engine/capi/adapters.h"

namespace sluice::capi {

static_assert(SLUICE_TAP_OPEN == static_cast<int>(TapRecord::Kind::kOpen));
static_assert(SLUICE_TAP_DATA == static_cast<int>(TapRecord::Kind::kData));
static_assert(SLUICE_TAP_END == static_cast<int>(TapRecord::Kind::kEnd));

absl::StatusOr<std::unique_ptr<TapAdapter>> TapAdapter::Make(const sluice_tap* given,
                                                             absl::string_view name) {
  sluice_tap tap{};
  Reader reader(absl::StrCat(name, "."));
  reader.Also(Read(given, name, &tap));
  std::string text = reader.Text(tap.name, "name");
  if (text.empty()) text = "tap";
  reader.Need(tap.on_record != nullptr, "on_record", "is NULL; it is what a tap is for");
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<TapAdapter>(new TapAdapter(tap, std::move(text)));
}

// What it throws is the engine's to catch and count.
void TapAdapter::OnRecord(const TapRecord& record) {
  const CallbackScope scope;
  sluice_tap_record out{};
  out.size = sizeof out;
  out.kind = static_cast<std::int32_t>(record.kind);
  out.flow = record.flow;
  out.time_ns = record.time_ns;
  out.client = ToC(record.client);
  out.destination = ToC(record.destination);
  out.listener = record.listener;
  out.direction = static_cast<std::int32_t>(record.direction);
  out.offset = record.offset;
  out.missed = record.missed;
  out.bytes = ToView(record.bytes);
  out.bytes_up = record.bytes_up;
  out.bytes_down = record.bytes_down;
  tap_.on_record(tap_.user, &out);
}

}  // namespace sluice::capi
