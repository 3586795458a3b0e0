// SPDX-License-Identifier: Apache-2.0
//
// Origin: the embedder's own type (sluice/codec.h), under the name it has here.
#ifndef SLUICE_REDIRECT_ORIGIN_H_
#define SLUICE_REDIRECT_ORIGIN_H_

#include "sluice/codec.h"

namespace sluice::redirect {

using Origin = sluice::Origin;

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_ORIGIN_H_
