// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "use.h"

Use* Use::first = nullptr;

int main() {
  int count = 0;
  int wrong = 0;
  for (const Use* use = Use::first; use != nullptr; use = use->next) {
    const std::string result = use->run();
    std::printf("%s: %s\n", use->name, result.empty() ? "good" : result.c_str());
    ++count;
    if (!result.empty()) ++wrong;
  }
  std::printf("%d uses, %d wrong\n", count, wrong);
  return count != 0 && wrong == 0 ? 0 : 1;
}
