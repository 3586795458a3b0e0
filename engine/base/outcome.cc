// SPDX-License-Identifier: Apache-2.0
#include "engine/base/outcome.h"

#include "absl/strings/str_cat.h"

namespace sluice {

const char* ErrorText(ErrorCode code) {
  switch (code) {
#define SLUICE_X(name, text) \
  case ErrorCode::name:      \
    return text;
    SLUICE_ERROR_CODES(SLUICE_X)
#undef SLUICE_X
  }
  return "unknown error";
}

std::string OsError::ToString() const {
  if (ok()) return ErrorText(code);
  return absl::StrCat(ErrorText(code), " (os error ", raw, ")");
}

}  // namespace sluice
