// SPDX-License-Identifier: Apache-2.0
//
// Address text from flags and configuration: what parses must print as something that parses to the
// same.
#include <string>

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "sluice/address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<sluice::Address> address = sluice::Address::Parse(text);
  if (!address.ok()) {
    SLUICE_CHECK(!address.status().message().empty());
    return 0;
  }
  const absl::StatusOr<sluice::Address> again = sluice::Address::Parse(address->ToString());
  SLUICE_CHECK(again.ok());
  SLUICE_CHECK(*again == *address);
  return 0;
}
