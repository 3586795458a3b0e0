// SPDX-License-Identifier: Apache-2.0
//
// What the OS says of the calling thread.
#ifndef SLUICE_TESTS_UNIT_API_THREAD_FACTS_H_
#define SLUICE_TESTS_UNIT_API_THREAD_FACTS_H_

#include <string>
#include <vector>

namespace sluice::api {

// False where it does not say.
bool ThreadsHaveNames();
std::string NameOfThisThread();
// In rising order.
std::vector<int> ProcessorsOfThisThread();

}  // namespace sluice::api

#endif  // SLUICE_TESTS_UNIT_API_THREAD_FACTS_H_
