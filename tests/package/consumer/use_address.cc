// SPDX-License-Identifier: Apache-2.0
#include <sluice/address.h>
#include <sluice/version.h>

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "use.h"

namespace {

std::string UseAddress() {
  const absl::StatusOr<sluice::Address> address = sluice::Address::Parse("[::ffff:127.0.0.1]:80");
  if (!address.ok()) return address.status().ToString();
  if (address->Canonical().ToString() != "127.0.0.1:80") return address->Canonical().ToString();
  if (sluice::Address::Parse("nowhere").ok()) return "a name was taken for an address";
  absl::flat_hash_set<sluice::Address> set = {*address, *address};
  return set.size() == 1 ? "" : "one address has two hashes";
}

const Use use_address("sluice::Address", &UseAddress);

}  // namespace
