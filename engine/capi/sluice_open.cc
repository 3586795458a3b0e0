// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/io/port.h"
#include "sluice/sluice.h"
#include "sluice/version.h"

namespace {

const char* VersionText() { return sluice::kVersionText; }
const char* BackendName() { return sluice::io::Port::BackendName(); }

}  // namespace

extern "C" int32_t sluice_open(uint32_t version, sluice_api* api) {
  if (api == nullptr || api->size < offsetof(sluice_api, version_text)) return SLUICE_BAD_ARGUMENT;
  const bool same_major = (version >> 16) == (SLUICE_API_VERSION >> 16);
  if (!same_major || version > SLUICE_API_VERSION) return SLUICE_BAD_VERSION;
  sluice_api table{};
  table.size = static_cast<uint32_t>(std::min<std::size_t>(api->size, sizeof(sluice_api)));
  table.version = SLUICE_API_VERSION;
  table.version_text = &VersionText;
  table.backend_name = &BackendName;
  // An older caller's table is shorter: it gets the part that it knows.
  std::memcpy(api, &table, table.size);
  return SLUICE_OK;
}
