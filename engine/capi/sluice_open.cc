// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/capi/table.h"
#include "sluice/sluice.h"

namespace sluice::capi {
namespace {

sluice_api Table() {
  sluice_api table{};
  table.version = SLUICE_API_VERSION;
  AddBase(table);
  AddOptions(table);
  AddRuntime(table);
  AddEngine(table);
  AddRedirect(table);
  AddWfp(table);
  AddInspector(table);
  AddBytes(table);
  AddBlocking(table);
  AddEmulatedOptions(table);
  AddEmulated(table);
  AddCallout(table);
  return table;
}

}  // namespace
}  // namespace sluice::capi

extern "C" int32_t sluice_open(uint32_t version, sluice_api* api) {
  if (api == nullptr) return SLUICE_BAD_ARGUMENT;
  std::uint32_t size = 0;
  std::memcpy(&size, api, sizeof size);
  if (size < offsetof(sluice_api, version_text)) return SLUICE_BAD_ARGUMENT;
  const bool same_major = (version >> 16) == (SLUICE_API_VERSION >> 16);
  if (!same_major || version > SLUICE_API_VERSION) return SLUICE_BAD_VERSION;
  sluice_api table = sluice::capi::Table();
  table.size = std::min(size, static_cast<std::uint32_t>(sizeof(sluice_api)));
  // An older caller's table is shorter: it gets the part that it knows.
  std::memcpy(static_cast<void*>(api), &table, table.size);
  return SLUICE_OK;
}
