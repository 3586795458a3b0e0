// SPDX-License-Identifier: Apache-2.0
#ifndef SLUICE_VERSION_H_
#define SLUICE_VERSION_H_

namespace sluice {

inline constexpr int kVersionMajor = 0;
inline constexpr int kVersionMinor = 1;
inline constexpr int kVersionPatch = 0;
inline constexpr char kVersionText[] = "0.1.0";

}  // namespace sluice

#endif  // SLUICE_VERSION_H_
