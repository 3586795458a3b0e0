// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/api/thread_facts.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#endif

namespace sluice::api {

#if defined(_WIN32)

namespace {

using GetDescription = HRESULT(WINAPI*)(HANDLE, PWSTR*);

GetDescription Getter() {
  const HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
  return reinterpret_cast<GetDescription>(
      reinterpret_cast<void (*)()>(GetProcAddress(kernel, "GetThreadDescription")));
}

}  // namespace

bool ThreadsHaveNames() { return Getter() != nullptr; }

std::string NameOfThisThread() {
  PWSTR wide = nullptr;
  if (Getter() == nullptr || FAILED(Getter()(GetCurrentThread(), &wide))) return "";
  std::string name;
  for (const wchar_t* at = wide; *at != 0; ++at) name.push_back(static_cast<char>(*at));
  LocalFree(wide);
  return name;
}

// The only call that tells the mask also sets it.
std::vector<int> ProcessorsOfThisThread() {
  DWORD_PTR process = 0;
  DWORD_PTR system = 0;
  GetProcessAffinityMask(GetCurrentProcess(), &process, &system);
  const DWORD_PTR mask = SetThreadAffinityMask(GetCurrentThread(), process);
  SetThreadAffinityMask(GetCurrentThread(), mask);
  std::vector<int> processors;
  for (int i = 0; i < static_cast<int>(8 * sizeof(mask)); ++i) {
    if ((mask >> i & 1) != 0) processors.push_back(i);
  }
  return processors;
}

#else

bool ThreadsHaveNames() { return true; }

std::string NameOfThisThread() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

std::vector<int> ProcessorsOfThisThread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  pthread_getaffinity_np(pthread_self(), sizeof(set), &set);
  std::vector<int> processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<std::size_t>(i), &set)) processors.push_back(i);
  }
  return processors;
}

#endif

}  // namespace sluice::api
