// SPDX-License-Identifier: Apache-2.0
//
// Verdict: what an inspector says about bytes.
#ifndef SLUICE_INSPECT_VERDICT_H_
#define SLUICE_INSPECT_VERDICT_H_

#include <cstdint>

namespace sluice::inspect {

enum class Verdict : std::uint8_t {
  kPass,   // send what is in the chain now
  kDrop,   // forget these bytes, go on
  kReset,  // end the flow; both sides see RST
  kPend,   // hold the bytes until the token of `Later` is answered; from OnData only
};

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_VERDICT_H_
